//! What a rebuild does to one row: the row is to be the fold of what its sources say (invariant I8).
//!
//! A row that is found first and compared with what its sources say afterwards can be no newer than they: the
//! other contexts commit before they tell. So whatever differs is old or damaged, also where its version is the
//! same or higher. A row that a consumer moves on after it was found is not at its revision any more: the repair
//! is stale, and the row is looked at again.

use kernel::BookingId;

use crate::{BookingView, Fact, FoundRow, Repair};

/// Compares the row of a booking, if there is one, with what was told of that booking until after the row was
/// looked for. `None` for a row that is right.
#[must_use]
pub fn mend(found: Option<&FoundRow>, booking_id: BookingId, facts: &[Fact]) -> Option<Repair> {
    let mut view = BookingView::empty(booking_id);
    for fact in facts {
        view.fold(fact);
    }
    let Some(found) = found else {
        view.revision = 1;
        return Some(Repair::Make(view));
    };
    let right = found
        .view
        .as_ref()
        .is_some_and(|row| row.booking == view.booking && row.payment == view.payment);
    if right {
        return None;
    }
    view.revision = found.revision.max(0).saturating_add(1);
    Some(Repair::Replace { found_revision: found.revision, view })
}
