//! What is counted of the business when it is committed, and where: one table.

use crate::Counter;
use crate::names::{BOOKING_PROCESS_STEPS, BOOKINGS, HOLDS, PAYMENTS, REFUNDS};

type Row = (&'static str, &'static Counter<1>, &'static str, Option<&'static str>);

/// A context, what it counts, and the event that says so, if one does.
static ROWS: [Row; 18] = [
    ("booking", &BOOKINGS, "placed", Some("BookingPlaced")),
    ("booking", &BOOKINGS, "awaiting_payment", Some("BookingAwaitingPayment")),
    ("booking", &BOOKINGS, "rejected", Some("BookingRejected")),
    ("booking", &BOOKINGS, "expired", Some("BookingExpired")),
    ("booking", &BOOKINGS, "confirmed", Some("BookingConfirmed")),
    ("booking", &BOOKINGS, "cancelled", Some("BookingCancelled")),
    ("ticket", &HOLDS, "held", None),
    ("ticket", &HOLDS, "refused", None),
    ("ticket", &HOLDS, "committed", None),
    ("ticket", &HOLDS, "released", None),
    ("ticket", &HOLDS, "expired", Some("HoldExpired")),
    ("ticket", &HOLDS, "returned", Some("StockReturned")),
    ("payment", &PAYMENTS, "unknown", None),
    ("payment", &PAYMENTS, "approved", Some("PaymentApproved")),
    ("payment", &PAYMENTS, "declined", Some("PaymentDeclined")),
    ("payment", &PAYMENTS, "voided", Some("PaymentVoided")),
    ("payment", &REFUNDS, "refunded", Some("RefundSucceeded")),
    ("payment", &REFUNDS, "manual_review", Some("RefundFailed")),
];
const STEPS: [&str; 11] = [
    "check_stock",
    "hold_stock",
    "pin_hold",
    "unpin_hold",
    "charge",
    "commit_hold",
    "release_hold",
    "return_stock",
    "reduce_hold",
    "refund_payment",
    "reduce_payment",
];
const STEP_OUTCOMES: [&str; 3] = ["ok", "refused", "unanswered"];

/// Begins at 0 what a context counts.
pub fn begin(context: &str) {
    for (_, metric, outcome, _) in ROWS.iter().filter(|(of, ..)| *of == context) {
        metric.begin([*outcome]);
    }
    if context == "booking" {
        for step in STEPS {
            STEP_OUTCOMES.iter().for_each(|outcome| BOOKING_PROCESS_STEPS.begin([step, *outcome]));
        }
    }
}

/// What a committed event counts; many count nothing.
#[must_use]
pub fn counted(event: &str) -> Option<(&'static Counter<1>, &'static str)> {
    let row = ROWS.iter().find(|(.., told)| *told == Some(event));
    row.map(|(_, metric, outcome, _)| (*metric, *outcome))
}
