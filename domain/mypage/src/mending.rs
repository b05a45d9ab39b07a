//! What a rebuild does to one row: the row is to be the fold of what its sources say (invariant I8).
//!
//! A row that is found first and compared with what its sources say afterwards can be no newer than they: the
//! other contexts commit before they tell. So whatever differs is old or damaged, also where its version is the
//! same or higher. A row that a consumer moves on after it was found is not at its revision any more: the repair
//! is stale, and the row is looked at again. A damaged row whose version is too high takes what comes for stale and
//! does not move; so a row that was replaced is looked at again too.
//!
//! When a row last changed its sources may know a later time of: they change without telling. Of a payment they may also
//! know a higher version: a void that gave nothing back is told, but is nothing to see, so the view does not hear it.

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
    expected.version = told.version.min(row.version);
    expected.payment.update_time = told.payment.update_time.min(row.payment.update_time);
    row == expected
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, Timestamp, Uuid};

    use super::*;
    use crate::{PaymentSnapshot, PaymentStatus};

    fn is_left(shown: (i64, PaymentStatus), told: (i64, PaymentStatus)) -> bool {
        let booking_id = BookingId::new(Uuid::from_u128(1));
        let krw = Currency::from_code("KRW").expect("known");
        let fact = |(version, status): (i64, PaymentStatus)| {
            let update_time = Timestamp::from_micros(version);
            let payment = PaymentSnapshot { status, refunded: Money::zero(krw), update_time };
            Fact::Payment { booking_id, version, payment }
        };
        let mut view = BookingView::empty(booking_id);
        view.fold(&fact(shown));
        let row = FoundRow { key: booking_id.to_string(), revision: 1, view: Some(view) };
        mend(Some(&row), booking_id, &[fact(told)]).is_none()
    }

    #[test]
    fn i8_a_payment_that_was_voided_with_nothing_to_give_back_is_shown_rightly() {
        use PaymentStatus::{Approved, Declined};
        assert!(is_left((1, Declined), (2, Declined)));
        assert!(!is_left((2, Declined), (1, Declined)), "it would take what comes for stale");
        assert!(!is_left((1, Declined), (2, Approved)));
    }
}
