//! What the payment context tells the others. Complete: a consumer never has to call back.

use kernel::BookingId;

use crate::{Payment, Refund};

/// A fact about the money of one booking, with the payment as it is after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentEvent {
    /// The money was taken.
    Approved(Box<Payment>),
    /// The provider refused an attempt.
    Declined(Box<Payment>),
    /// Money is back.
    RefundSucceeded {
        /// The payment it was taken with.
        payment: Box<Payment>,
        /// The refund.
        refund: Box<Refund>,
        /// Whether all money of the booking is back and nothing more can be taken.
        settled: bool,
    },
    /// A refund was refused too often and waits for an operator. No money moved.
    RefundFailed {
        /// The payment it was taken with.
        payment: Box<Payment>,
        /// The refund.
        refund: Box<Refund>,
    },
    /// A refund was asked for, nothing had been taken, and nothing can be taken any more.
    Voided {
        /// The booking.
        booking_id: BookingId,
    },
}
