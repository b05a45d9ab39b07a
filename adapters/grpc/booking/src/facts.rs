//! This context's events as messages in their envelopes, and what it understands of the others'.

use booking::{BookingEvent, Fact, Happening};
use grpc_server::wire;
use kernel::{BookingId, Envelope, HandlerError, Invalid, Recorded, TicketId};
use prost::Message;
use proto::boxoffice::booking::v1 as pb;
use proto::boxoffice::payment::v1 as payment;
use proto::boxoffice::ticket::v1 as ticket;

use crate::convert;

/// One event of this context, ready to publish.
#[must_use]
pub fn envelope(recorded: &Recorded<BookingEvent>) -> Envelope {
    let event = &recorded.event;
    Envelope {
        id: recorded.id,
        event_type: format!("boxoffice.booking.v1.{}", name(event.what)),
        source: "booking".to_owned(),
        occurred_at: recorded.at,
        aggregate_type: "booking".to_owned(),
        aggregate_id: event.booking.id.to_string(),
        aggregate_version: recorded.version,
        correlation_id: recorded.correlation_id.clone(),
        causation_id: recorded.causation_id.clone(),
        traceparent: None,
        payload: payload(event),
    }
}

const fn name(what: Happening) -> &'static str {
    match what {
        Happening::Placed => "BookingPlaced",
        Happening::AwaitingPayment => "BookingAwaitingPayment",
        Happening::Rejected => "BookingRejected",
        Happening::Expired => "BookingExpired",
        Happening::Confirmed => "BookingConfirmed",
        Happening::CancellationRequested => "BookingCancellationRequested",
        Happening::Cancelled => "BookingCancelled",
    }
}

fn payload(event: &BookingEvent) -> Vec<u8> {
    let booking = Some(convert::booking(&event.booking));
    let buyer_locale = event.booking.buyer_locale.tag().to_owned();
    match event.what {
        Happening::Placed => pb::BookingPlaced { booking, buyer_locale }.encode_to_vec(),
        Happening::AwaitingPayment => {
            pb::BookingAwaitingPayment { booking, buyer_locale }.encode_to_vec()
        }
        Happening::Rejected => pb::BookingRejected { booking, buyer_locale }.encode_to_vec(),
        Happening::Expired => pb::BookingExpired { booking, buyer_locale }.encode_to_vec(),
        Happening::Confirmed => pb::BookingConfirmed { booking, buyer_locale }.encode_to_vec(),
        Happening::CancellationRequested => {
            pb::BookingCancellationRequested { booking, buyer_locale }.encode_to_vec()
        }
        Happening::Cancelled => pb::BookingCancelled { booking, buyer_locale }.encode_to_vec(),
    }
}

/// What this context wants to hear.
pub(crate) const EVENT_NAMES: [&str; 8] = [
    "TicketRetirementStarted",
    "HoldExpired",
    "StockReturned",
    "PaymentApproved",
    "PaymentDeclined",
    "RefundSucceeded",
    "RefundFailed",
    "PaymentVoided",
];

/// What it heard.
pub(crate) enum News {
    /// All open bookings of a ticket are to be cancelled.
    TicketDeleted(TicketId),
    /// Something about one booking.
    About(BookingId, Fact),
}

/// Reads a message of another context.
///
/// # Errors
/// [`HandlerError::Poison`]: it will not become readable.
pub(crate) fn read(message: &Envelope) -> Result<News, HandlerError> {
    match message.name() {
        "TicketRetirementStarted" => {
            let event: ticket::TicketRetirementStarted = decode(message)?;
            Ok(News::TicketDeleted(id(&event.ticket.unwrap_or_default().ticket_id)?))
        }
        "HoldExpired" => {
            let event: ticket::HoldExpired = decode(message)?;
            Ok(News::About(id(&event.booking_id)?, Fact::HoldExpired))
        }
        "StockReturned" => {
            let event: ticket::StockReturned = decode(message)?;
            Ok(News::About(id(&event.booking_id)?, Fact::StockReturned))
        }
        "PaymentVoided" => {
            let event: payment::PaymentVoided = decode(message)?;
            Ok(News::About(id(&event.booking_id)?, Fact::PaymentVoided))
        }
        _ => read_payment(message),
    }
}

fn read_payment(message: &Envelope) -> Result<News, HandlerError> {
    let (payment, fact): (Option<payment::Payment>, fn(&Paid) -> Fact) = match message.name() {
        "PaymentApproved" => (decode::<payment::PaymentApproved>(message)?.payment, Paid::charged),
        "PaymentDeclined" => (decode::<payment::PaymentDeclined>(message)?.payment, Paid::declined),
        "RefundFailed" => {
            (decode::<payment::RefundFailed>(message)?.payment, |_| Fact::RefundFailed)
        }
        "RefundSucceeded" => {
            let event: payment::RefundSucceeded = decode(message)?;
            let fact = if event.settled { Paid::settled } else { Paid::partly_refunded };
            (event.payment, fact)
        }
        other => return Err(HandlerError::Poison(format!("{other} is not for booking"))),
    };
    let paid = Paid::read(&payment.unwrap_or_default())?;
    Ok(News::About(paid.booking_id, fact(&paid)))
}

/// What this context takes from a payment.
struct Paid {
    booking_id: BookingId,
    payment_id: kernel::PaymentId,
    attempt: u32,
    refunded: kernel::Money,
}

impl Paid {
    fn read(wire: &payment::Payment) -> Result<Self, HandlerError> {
        let mut check = wire::Check::new();
        let attempt = check.take("attempt", u32::try_from(wire.attempt));
        let read = (
            check.id("booking_id", &wire.booking_id),
            check.id("payment_id", &wire.payment_id),
            attempt,
            check.money("refunded", wire.refunded.as_ref()),
        );
        let finished: Result<(), Invalid> = check.finish();
        match (finished, read) {
            (Ok(()), (Some(booking_id), Some(payment_id), Some(attempt), Some(refunded))) => {
                Ok(Self { booking_id, payment_id, attempt, refunded })
            }
            (Err(invalid), _) => Err(HandlerError::Poison(invalid.to_string())),
            (Ok(()), _) => Err(HandlerError::Poison("a payment without its fields".to_owned())),
        }
    }

    const fn charged(&self) -> Fact {
        Fact::Charged { attempt: self.attempt, payment_id: self.payment_id }
    }

    const fn declined(&self) -> Fact {
        Fact::Declined { attempt: self.attempt, payment_id: self.payment_id }
    }

    const fn settled(&self) -> Fact {
        Fact::Refund { refunded: self.refunded, settled: true }
    }

    const fn partly_refunded(&self) -> Fact {
        Fact::Refund { refunded: self.refunded, settled: false }
    }
}

fn decode<M: Message + Default>(message: &Envelope) -> Result<M, HandlerError> {
    M::decode(message.payload.as_slice()).map_err(|error| HandlerError::Poison(error.to_string()))
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, HandlerError> {
    text.parse().map_err(|error| HandlerError::Poison(format!("an id {error}")))
}
