//! From the booking and payment contexts' messages to this context's facts.

use grpc_server::wire::Check;
use kernel::{BuyerId, Envelope, HandlerError, Money, OrganizerId};
use mypage::{BookingSnapshot, Fact, PaymentSnapshot};
use prost::Message;
use proto::boxoffice::{booking::v1 as booking, payment::v1 as payment};

use crate::convert::{read_booking_status, read_payment_status};

/// The events this context folds.
pub(crate) const EVENT_NAMES: [&str; 12] = [
    "BookingPlaced",
    "BookingAwaitingPayment",
    "BookingRejected",
    "BookingExpired",
    "BookingConfirmed",
    "BookingCancellationRequested",
    "BookingCancelled",
    "BookingReduced",
    "PaymentApproved",
    "PaymentDeclined",
    "RefundSucceeded",
    "RefundFailed",
];

/// Reads one of [`EVENT_NAMES`]. What cannot be read is poison: it will read no better later.
///
/// # Errors
/// [`HandlerError::Poison`].
pub fn read(message: &Envelope) -> Result<Fact, HandlerError> {
    macro_rules! read {
        ($event:ident, booking) => {
            read_booking(message, decode::<booking::$event>(message)?.booking)
        };
        ($event:ident, payment) => {
            read_payment(message, decode::<payment::$event>(message)?.payment)
        };
    }
    match message.name() {
        "BookingPlaced" => read!(BookingPlaced, booking),
        "BookingAwaitingPayment" => read!(BookingAwaitingPayment, booking),
        "BookingRejected" => read!(BookingRejected, booking),
        "BookingExpired" => read!(BookingExpired, booking),
        "BookingConfirmed" => read!(BookingConfirmed, booking),
        "BookingCancellationRequested" => read!(BookingCancellationRequested, booking),
        "BookingCancelled" => read!(BookingCancelled, booking),
        "BookingReduced" => read!(BookingReduced, booking),
        "PaymentApproved" => read!(PaymentApproved, payment),
        "PaymentDeclined" => read!(PaymentDeclined, payment),
        "RefundSucceeded" => read!(RefundSucceeded, payment),
        "RefundFailed" => read!(RefundFailed, payment),
        other => Err(HandlerError::Poison(format!("{other} is no event of this consumer"))),
    }
}

fn read_booking(message: &Envelope, wire: Option<booking::Booking>) -> Result<Fact, HandlerError> {
    let wire = needed("booking", wire)?;
    let total = field(|check| check.money("total", wire.total.as_ref()))?;
    let refunded = optional(|check| check.optional_money("refunded", wire.refunded.as_ref()))?;
    let created = optional(|c| c.optional_timestamp("create_time", wire.create_time.as_ref()))?;
    let updated = optional(|c| c.optional_timestamp("update_time", wire.update_time.as_ref()))?;
    Ok(Fact::Booking {
        booking_id: field(|check| check.id("booking_id", &wire.booking_id))?,
        version: message.aggregate_version,
        booking: BookingSnapshot {
            ticket_id: field(|check| check.id("ticket_id", &wire.ticket_id))?,
            organizer_id: field(|c| c.take("organizer_id", OrganizerId::new(wire.organizer_id)))?,
            buyer_id: field(|check| check.take("buyer_id", BuyerId::new(wire.buyer_id)))?,
            quantity: field(|check| check.quantity("quantity", wire.quantity))?,
            check_in: optional(|c| c.optional_date("check_in", wire.check_in.as_ref()))?,
            check_out: optional(|c| c.optional_date("check_out", wire.check_out.as_ref()))?,
            total,
            refunded: refunded.unwrap_or(Money::zero(total.currency())),
            status: needed("status", read_booking_status(wire.status))?,
            pay_by: optional(|c| c.optional_timestamp("pay_by", wire.pay_by.as_ref()))?,
            create_time: needed("create_time", created)?,
            update_time: updated.unwrap_or(message.occurred_at),
            ticket_name: wire.ticket_name,
            seats: wire.seats,
            status_reason: wire.status_reason,
        },
    })
}

fn read_payment(message: &Envelope, wire: Option<payment::Payment>) -> Result<Fact, HandlerError> {
    let wire = needed("payment", wire)?;
    let amount = field(|check| check.money("amount", wire.amount.as_ref()))?;
    let refunded = optional(|check| check.optional_money("refunded", wire.refunded.as_ref()))?;
    let updated = optional(|c| c.optional_timestamp("update_time", wire.update_time.as_ref()))?;
    Ok(Fact::Payment {
        booking_id: field(|check| check.id("booking_id", &wire.booking_id))?,
        version: message.aggregate_version,
        payment: PaymentSnapshot {
            status: needed("status", read_payment_status(wire.status))?,
            refunded: refunded.unwrap_or(Money::zero(amount.currency())),
            update_time: updated.unwrap_or(message.occurred_at),
        },
    })
}

fn decode<M: Message + Default>(message: &Envelope) -> Result<M, HandlerError> {
    M::decode(message.payload.as_slice()).map_err(|error| HandlerError::Poison(error.to_string()))
}

fn field<T>(read: impl FnOnce(&mut Check) -> Option<T>) -> Result<T, HandlerError> {
    needed("a field", optional(read)?)
}

fn optional<T>(read: impl FnOnce(&mut Check) -> Option<T>) -> Result<Option<T>, HandlerError> {
    let mut check = Check::new();
    let value = read(&mut check);
    check.finish().map_err(|wrong| HandlerError::Poison(wrong.to_string()))?;
    Ok(value)
}

fn needed<T>(name: &str, value: Option<T>) -> Result<T, HandlerError> {
    value.ok_or_else(|| HandlerError::Poison(format!("{name} is missing or unknown")))
}
