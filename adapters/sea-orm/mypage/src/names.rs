//! The names of states in the rows.

use mypage::{BookingStatus, PaymentStatus};

const BOOKING_STATUSES: [BookingStatus; 7] = [
    BookingStatus::Pending,
    BookingStatus::AwaitingPayment,
    BookingStatus::Confirmed,
    BookingStatus::Cancelling,
    BookingStatus::Cancelled,
    BookingStatus::Rejected,
    BookingStatus::Expired,
];

const PAYMENT_STATUSES: [PaymentStatus; 6] = [
    PaymentStatus::Processing,
    PaymentStatus::Approved,
    PaymentStatus::Declined,
    PaymentStatus::Unknown,
    PaymentStatus::PartiallyRefunded,
    PaymentStatus::Refunded,
];

pub(crate) const fn booking_status_text(status: BookingStatus) -> &'static str {
    match status {
        BookingStatus::Pending => "PENDING",
        BookingStatus::AwaitingPayment => "AWAITING_PAYMENT",
        BookingStatus::Confirmed => "CONFIRMED",
        BookingStatus::Cancelling => "CANCELLING",
        BookingStatus::Cancelled => "CANCELLED",
        BookingStatus::Rejected => "REJECTED",
        BookingStatus::Expired => "EXPIRED",
    }
}

pub(crate) fn booking_status(text: &str) -> Option<BookingStatus> {
    BOOKING_STATUSES.into_iter().find(|status| booking_status_text(*status) == text)
}

pub(crate) const fn payment_status_text(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Processing => "PROCESSING",
        PaymentStatus::Approved => "APPROVED",
        PaymentStatus::Declined => "DECLINED",
        PaymentStatus::Unknown => "UNKNOWN",
        PaymentStatus::PartiallyRefunded => "PARTIALLY_REFUNDED",
        PaymentStatus::Refunded => "REFUNDED",
    }
}

pub(crate) fn payment_status(text: &str) -> Option<PaymentStatus> {
    PAYMENT_STATUSES.into_iter().find(|status| payment_status_text(*status) == text)
}
