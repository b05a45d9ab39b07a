//! This context's events as messages in their envelopes, and what it understands of the others'.

use booking::{Booking, BookingEvent, BookingStatus, Fact, Happening};
use grpc_server::wire;
use kernel::{BookingId, Envelope, EventId, HandlerError, Invalid, Recorded, TicketId};
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

/// The newest event of a booking, told as the booking is now: for whoever missed it. `None` while nothing was told.
#[must_use]
pub fn newest(booking: &Booking) -> Option<Envelope> {
    let what = match booking.status() {
        BookingStatus::Pending => Happening::Placed,
        BookingStatus::AwaitingPayment => Happening::AwaitingPayment,
        BookingStatus::Confirmed => Happening::Confirmed,
        BookingStatus::Cancelling => Happening::CancellationRequested,
        BookingStatus::Cancelled => Happening::Cancelled,
        BookingStatus::Rejected => Happening::Rejected,
        BookingStatus::Expired => Happening::Expired,
    };
    let told = envelope(&Recorded {
        id: EventId::new(booking.id.as_uuid()),
        at: booking.updated_at,
        version: booking.event_version,
        correlation_id: booking.id.to_string(),
        causation_id: None,
        event: BookingEvent { what, booking: Box::new(booking.clone()) },
    });
    (booking.event_version > 0).then_some(told)
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
        Happening::Reduced => "BookingReduced",
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
        Happening::Reduced => pb::BookingReduced { booking, buyer_locale }.encode_to_vec(),
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

#[cfg(test)]
mod tests {
    use booking::{Booked, Booking, CancelTerms, NewBooking, TicketSnapshot};
    use kernel::{
        BuyerId, Currency, EventId, Locale, Money, OrganizerId, PaymentId, Quantity, Timestamp,
        Uuid,
    };

    use super::*;

    fn booking() -> Booking {
        let new = NewBooking {
            id: BookingId::new(Uuid::from_u128(1)),
            ticket: TicketSnapshot {
                id: TicketId::new(Uuid::from_u128(2)),
                name: "Recital".into(),
                organizer_id: OrganizerId::new("acme").expect("a name"),
            },
            buyer_id: BuyerId::new("alice").expect("a name"),
            buyer_locale: Locale::Ko,
            booked: Booked::Units(Quantity::new(3).expect("few")),
            quote: Money::from_minor(165_000, Currency::from_code("KRW").expect("known")),
            price_agreed: false,
            payment_method: "tok_secret".into(),
            cancel_terms: CancelTerms::default(),
            pay_first: None,
        };
        Booking::place(new, Timestamp::from_micros(5))
    }

    fn told(what: Happening) -> Envelope {
        envelope(&Recorded {
            id: EventId::new(Uuid::from_u128(9)),
            at: Timestamp::from_micros(6),
            version: 3,
            correlation_id: "correlation".into(),
            causation_id: None,
            event: BookingEvent { what, booking: Box::new(booking()) },
        })
    }

    fn heard(name: &str, payload: Vec<u8>) -> Envelope {
        Envelope { event_type: format!("a.v1.{name}"), payload, ..told(Happening::Placed) }
    }

    #[test]
    fn n08_every_event_is_complete_and_named_after_its_message() {
        for (what, name) in [
            (Happening::Placed, "BookingPlaced"),
            (Happening::AwaitingPayment, "BookingAwaitingPayment"),
            (Happening::Rejected, "BookingRejected"),
            (Happening::Expired, "BookingExpired"),
            (Happening::Confirmed, "BookingConfirmed"),
            (Happening::CancellationRequested, "BookingCancellationRequested"),
            (Happening::Cancelled, "BookingCancelled"),
            (Happening::Reduced, "BookingReduced"),
        ] {
            let message = told(what);
            assert_eq!(message.event_type, format!("boxoffice.booking.v1.{name}"));
            assert_eq!((message.source.as_str(), message.aggregate_version), ("booking", 3));
            assert_eq!(message.aggregate_id, booking().id.to_string());
            // The eight messages have the same two fields.
            let wire = pb::BookingPlaced::decode(message.payload.as_slice()).expect("readable");
            assert_eq!(wire.buyer_locale, "ko");
            let wire = wire.booking.expect("there");
            assert_eq!((wire.ticket_name.as_str(), wire.quantity), ("Recital", 3));
            assert!(!message.payload.windows(10).any(|bytes| bytes == b"tok_secret"));
        }
    }

    #[test]
    fn what_the_others_tell_is_a_fact_about_a_booking_or_a_ticket() {
        let booking_id = BookingId::new(Uuid::from_u128(1));
        let payment_id = PaymentId::new(Uuid::from_u128(7));
        let paid = payment::Payment {
            booking_id: booking_id.to_string(),
            payment_id: payment_id.to_string(),
            attempt: 2,
            refunded: Some(wire::money(booking().total)),
            ..payment::Payment::default()
        };
        let about = |name: &str, payload: Vec<u8>| match read(&heard(name, payload)) {
            Ok(News::About(id, fact)) if id == booking_id => fact,
            Ok(News::About(..) | News::TicketDeleted(_)) | Err(_) => panic!("{name} is misread"),
        };
        let payment = Some(paid);
        let approved = payment::PaymentApproved { payment: payment.clone(), ..Default::default() };
        let fact = about("PaymentApproved", approved.encode_to_vec());
        assert_eq!(fact, Fact::Charged { attempt: 2, payment_id });
        let fact = about("PaymentDeclined", approved.encode_to_vec());
        assert_eq!(fact, Fact::Declined { attempt: 2, payment_id });
        assert_eq!(about("RefundFailed", approved.encode_to_vec()), Fact::RefundFailed);
        for settled in [true, false] {
            let event = payment::RefundSucceeded {
                payment: payment.clone(),
                settled,
                ..Default::default()
            };
            let fact = about("RefundSucceeded", event.encode_to_vec());
            assert_eq!(fact, Fact::Refund { refunded: booking().total, settled });
        }
        let voided = payment::PaymentVoided { booking_id: booking_id.to_string() };
        assert_eq!(about("PaymentVoided", voided.encode_to_vec()), Fact::PaymentVoided);
        // A tombstone's return knows no ticket.
        let back =
            ticket::StockReturned { booking_id: booking_id.to_string(), ..Default::default() };
        assert_eq!(about("StockReturned", back.encode_to_vec()), Fact::StockReturned);
        assert_eq!(about("HoldExpired", back.encode_to_vec()), Fact::HoldExpired);
        let ticket_id = booking().ticket.id;
        let ticket = ticket::Ticket { ticket_id: ticket_id.to_string(), ..Default::default() };
        let deleted = ticket::TicketRetirementStarted { ticket: Some(ticket) }.encode_to_vec();
        let news = read(&heard("TicketRetirementStarted", deleted));
        assert!(matches!(news, Ok(News::TicketDeleted(id)) if id == ticket_id));
    }

    #[test]
    fn r18_what_cannot_be_read_is_poison() {
        for name in EVENT_NAMES {
            for payload in [vec![0xff], Vec::new()] {
                let read = read(&heard(name, payload));
                assert!(matches!(read, Err(HandlerError::Poison(_))), "{name}");
            }
        }
    }
}
