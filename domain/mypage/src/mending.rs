//! What a rebuild does to one row: the row is to be the fold of what its sources say (invariant I8).
//!
//! A row that is found first and compared with what its sources say afterwards can be no newer than they: the
//! other contexts commit before they tell. So whatever differs is old or damaged, also where its version is the
//! same or higher. A row that a consumer moves on after it was found is not at its revision any more: the repair
//! is stale, and the row is looked at again. A damaged row whose version is too high takes what comes for stale and
//! does not move; so a row that was replaced is looked at again too.
//!
//! When a row last changed is the one thing its sources may know a later time of: they change without telling.

use kernel::BookingId;

use crate::{BookingSeen, BookingView, Fact, FoundRow, PaymentSeen, Repair};

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
    if found.view.as_ref().is_some_and(|row| is_right(row, &view)) {
        return None;
    }
    view.revision = found.revision.max(0).saturating_add(1);
    Some(Repair::Replace { found_revision: found.revision, view })
}

fn is_right(row: &BookingView, told: &BookingView) -> bool {
    let booking = match (&row.booking, &told.booking) {
        (Some(row), Some(told)) => is_right_booking(row, told),
        (row, told) => row == told,
    };
    let payment = match (row.payment, told.payment) {
        (Some(row), Some(told)) => is_right_payment(row, told),
        (row, told) => row == told,
    };
    booking && payment
}

fn is_right_booking(row: &BookingSeen, told: &BookingSeen) -> bool {
    let mut expected = told.clone();
    expected.booking.update_time = told.booking.update_time.min(row.booking.update_time);
    *row == expected
}

fn is_right_payment(row: PaymentSeen, told: PaymentSeen) -> bool {
    let mut expected = told;
    expected.payment.update_time = told.payment.update_time.min(row.payment.update_time);
    row == expected
}
