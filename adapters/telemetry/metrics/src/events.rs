//! What committed events say about the business, in one table.

use crate::Counter;
use crate::names::{BOOKINGS, HOLDS, PAYMENTS, REFUNDS};

/// Counts an event that was committed, by its name; one that is not in the table says nothing that is counted.
pub fn count(event: &str) {
    if let Some((metric, outcome)) = outcome(event) {
        metric.add([outcome]);
    }
}

fn outcome(event: &str) -> Option<(&'static Counter<1>, &'static str)> {
    Some(match event {
        "BookingPlaced" => (&BOOKINGS, "placed"),
        "BookingAwaitingPayment" => (&BOOKINGS, "awaiting_payment"),
        "BookingRejected" => (&BOOKINGS, "rejected"),
        "BookingExpired" => (&BOOKINGS, "expired"),
        "BookingConfirmed" => (&BOOKINGS, "confirmed"),
        "BookingCancelled" => (&BOOKINGS, "cancelled"),
        "HoldExpired" => (&HOLDS, "expired"),
        "StockReturned" => (&HOLDS, "returned"),
        "PaymentApproved" => (&PAYMENTS, "approved"),
        "PaymentDeclined" => (&PAYMENTS, "declined"),
        "PaymentVoided" => (&PAYMENTS, "voided"),
        "RefundSucceeded" => (&REFUNDS, "refunded"),
        "RefundFailed" => (&REFUNDS, "manual_review"),
        _ => return None,
    })
}
