//! Bookings between the wire and the domain.

use booking::{Booking, BookingRefused, BookingStatus, RejectReason};
use grpc_server::wire;
use proto::boxoffice::booking::v1 as pb;

/// A booking as the wire shows it.
pub(crate) fn booking(booking: &Booking) -> pb::Booking {
    pb::Booking {
        booking_id: booking.id.to_string(),
        ticket_id: booking.ticket.id.to_string(),
        ticket_name: booking.ticket.name.clone(),
        organizer_id: booking.ticket.organizer_id.to_string(),
        buyer_id: booking.buyer_id.to_string(),
        // Below 10,000 by construction.
        quantity: i32::try_from(booking.quantity.get()).unwrap_or(i32::MAX),
        seats: Vec::new(),
        check_in: None,
        check_out: None,
        total: Some(wire::money(booking.total)),
        refunded: Some(wire::money(booking.refunded)),
        status: status(booking.status()).into(),
        status_reason: booking.status_reason().to_owned(),
        pay_by: booking.pay_by().map(wire::timestamp),
        payment_id: booking.payment_id.map(|id| id.to_string()).unwrap_or_default(),
        create_time: Some(wire::timestamp(booking.created_at)),
        update_time: Some(wire::timestamp(booking.updated_at)),
        etag: booking.revision.to_string(),
        version: booking.event_version,
    }
}

/// The error that this outcome of making or paying a booking is told as.
pub(crate) fn refusal(booking: &pb::Booking) -> Option<BookingRefused> {
    let ended =
        matches!(booking.status(), pb::BookingStatus::Rejected | pb::BookingStatus::Expired);
    let reason = RejectReason::parse(&booking.status_reason).filter(|_| ended)?;
    let total = wire::Check::new().optional_money("total", booking.total.as_ref());
    Some(BookingRefused {
        reason,
        total: total.filter(|_| reason == RejectReason::PriceMismatch),
        booking_id: booking.booking_id.parse().ok(),
    })
}

/// A status as the wire names it.
pub(crate) const fn status(status: BookingStatus) -> pb::BookingStatus {
    match status {
        BookingStatus::Pending => pb::BookingStatus::Pending,
        BookingStatus::AwaitingPayment => pb::BookingStatus::AwaitingPayment,
        BookingStatus::Confirmed => pb::BookingStatus::Confirmed,
        BookingStatus::Cancelling => pb::BookingStatus::Cancelling,
        BookingStatus::Cancelled => pb::BookingStatus::Cancelled,
        BookingStatus::Rejected => pb::BookingStatus::Rejected,
        BookingStatus::Expired => pb::BookingStatus::Expired,
    }
}

/// The status a wire name asks for; `None` where it asks for none.
///
/// # Errors
/// The number is no status.
pub(crate) fn wanted_status(number: i32) -> Result<Option<BookingStatus>, &'static str> {
    let named = pb::BookingStatus::try_from(number).map_err(|_| "must be a booking status")?;
    Ok(BookingStatus::ALL.into_iter().find(|known| status(*known) == named))
}
