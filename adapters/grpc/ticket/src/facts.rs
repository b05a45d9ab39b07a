//! This context's events as messages in their envelopes, and what it understands of booking's.

use kernel::{BookingId, Envelope, HandlerError, Recorded, TicketId};
use prost::Message;
use proto::boxoffice::booking::v1::BookingCancellationRequested;
use proto::boxoffice::ticket::v1 as pb;
use ticket::TicketEvent;

use crate::convert::ticket;

const SOURCE: &str = "ticket";
const PACKAGE: &str = "boxoffice.ticket.v1";
const TICKET: &str = "ticket";
const HOLD: &str = "hold";

/// One event of this context, ready to publish.
#[must_use]
pub fn envelope(recorded: &Recorded<TicketEvent>) -> Envelope {
    let message = message(&recorded.event);
    Envelope {
        id: recorded.id,
        event_type: format!("{PACKAGE}.{}", message.name),
        source: SOURCE.to_owned(),
        occurred_at: recorded.at,
        aggregate_type: message.aggregate_type.to_owned(),
        aggregate_id: message.aggregate_id,
        aggregate_version: recorded.version,
        correlation_id: recorded.correlation_id.clone(),
        causation_id: recorded.causation_id.clone(),
        traceparent: None,
        payload: message.payload,
    }
}

/// The booking that was cancelled.
pub(crate) fn cancelled_booking(message: &Envelope) -> Result<BookingId, HandlerError> {
    let poison = |text: String| HandlerError::Poison(text);
    let event = BookingCancellationRequested::decode(message.payload.as_slice())
        .map_err(|error| poison(error.to_string()))?;
    let booking = event.booking.unwrap_or_default();
    booking.booking_id.parse().map_err(|error| poison(format!("booking_id {error}")))
}

struct Named {
    name: &'static str,
    aggregate_type: &'static str,
    aggregate_id: String,
    payload: Vec<u8>,
}

fn message(event: &TicketEvent) -> Named {
    match event {
        TicketEvent::TicketRegistered { listing, organizer_locale } => {
            let organizer_locale = organizer_locale.tag().to_owned();
            let wire = pb::TicketRegistered { ticket: Some(ticket(listing)), organizer_locale };
            of_ticket("TicketRegistered", listing.ticket.id, &wire)
        }
        TicketEvent::TicketChanged { listing } => {
            let wire = pb::TicketChanged { ticket: Some(ticket(listing)) };
            of_ticket("TicketChanged", listing.ticket.id, &wire)
        }
        TicketEvent::TicketRetirementStarted { listing } => {
            let wire = pb::TicketRetirementStarted { ticket: Some(ticket(listing)) };
            of_ticket("TicketRetirementStarted", listing.ticket.id, &wire)
        }
        TicketEvent::TicketRetired { listing } => {
            let wire = pb::TicketRetired { ticket: Some(ticket(listing)) };
            of_ticket("TicketRetired", listing.ticket.id, &wire)
        }
        TicketEvent::HoldExpired { hold_id, booking_id, ticket_id } => {
            let wire = pb::HoldExpired {
                hold_id: hold_id.to_string(),
                booking_id: booking_id.to_string(),
                ticket_id: ticket_id.to_string(),
            };
            of_hold("HoldExpired", hold_id.to_string(), &wire)
        }
        TicketEvent::StockReturned { hold_id, booking_id, ticket_id } => {
            let wire = pb::StockReturned {
                hold_id: hold_id.to_string(),
                booking_id: booking_id.to_string(),
                ticket_id: ticket_id.map(|id| id.to_string()).unwrap_or_default(),
            };
            of_hold("StockReturned", hold_id.to_string(), &wire)
        }
    }
}

fn of_ticket(name: &'static str, id: TicketId, wire: &impl Message) -> Named {
    let (aggregate_id, payload) = (id.to_string(), wire.encode_to_vec());
    Named { name, aggregate_type: TICKET, aggregate_id, payload }
}

fn of_hold(name: &'static str, aggregate_id: String, wire: &impl Message) -> Named {
    Named { name, aggregate_type: HOLD, aggregate_id, payload: wire.encode_to_vec() }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, EventId, HoldId, Locale, Money, OrganizerId, Timestamp, Uuid};
    use proto::boxoffice::booking::v1::Booking;
    use ticket::{Listing, RegisterTicket, Ticket, TicketDraft};

    use super::*;

    fn listing() -> Box<Listing> {
        let price = Money::from_minor(1_000, Currency::from_code("KRW").expect("known"));
        let draft =
            TicketDraft { name: "Concert".into(), unit_price: Some(price), ..Default::default() };
        let request = RegisterTicket::admission(10, draft);
        let seller = (OrganizerId::new("acme").expect("a name"), Locale::Ko);
        let id = TicketId::new(Uuid::from_u128(7));
        Box::new(Ticket::register(id, seller, &request, Timestamp::from_micros(1)).expect("sound"))
    }

    fn recorded(event: TicketEvent) -> Recorded<TicketEvent> {
        Recorded {
            id: EventId::new(Uuid::from_u128(9)),
            at: Timestamp::from_micros(5),
            version: 3,
            correlation_id: "correlation".into(),
            causation_id: Some("cause".into()),
            event,
        }
    }

    #[test]
    fn every_event_has_its_message_name_and_its_aggregate() {
        let (hold_id, ticket_id) = (HoldId::new(Uuid::from_u128(8)), TicketId::new(Uuid::nil()));
        let booking_id = BookingId::new(hold_id.as_uuid());
        let organizer_locale = Locale::Ko;
        let named = [
            (
                TicketEvent::TicketRegistered { listing: listing(), organizer_locale },
                "TicketRegistered",
            ),
            (TicketEvent::TicketChanged { listing: listing() }, "TicketChanged"),
            (
                TicketEvent::TicketRetirementStarted { listing: listing() },
                "TicketRetirementStarted",
            ),
            (TicketEvent::TicketRetired { listing: listing() }, "TicketRetired"),
            (TicketEvent::HoldExpired { hold_id, booking_id, ticket_id }, "HoldExpired"),
            (TicketEvent::StockReturned { hold_id, booking_id, ticket_id: None }, "StockReturned"),
        ];
        for (event, name) in named {
            let message = envelope(&recorded(event));
            assert_eq!(message.event_type, format!("boxoffice.ticket.v1.{name}"));
            assert_eq!((message.name(), message.source.as_str()), (name, "ticket"));
            let (kind, id) =
                if message.aggregate_type == "hold" { ("hold", 8) } else { ("ticket", 7) };
            assert_eq!((message.aggregate_type.as_str(), message.aggregate_version), (kind, 3));
            assert_eq!(message.aggregate_id, Uuid::from_u128(id).to_string());
            assert_eq!(message.correlation_id, "correlation", "N08");
        }
    }

    #[test]
    fn t01_the_event_is_complete() {
        let organizer_locale = Locale::Ko;
        let event = TicketEvent::TicketRegistered { listing: listing(), organizer_locale };
        let message = envelope(&recorded(event));
        let wire = pb::TicketRegistered::decode(message.payload.as_slice()).expect("readable");
        assert_eq!(wire.organizer_locale, "ko");
        let ticket = wire.ticket.expect("there");
        assert_eq!(
            (ticket.organizer_id.as_str(), ticket.capacity, ticket.available),
            ("acme", 10, 10)
        );
        assert_eq!(ticket.etag, "1");
    }

    #[test]
    fn r18_an_unreadable_cancellation_is_poison() {
        let mut message = envelope(&recorded(TicketEvent::TicketChanged { listing: listing() }));
        let booking_id = BookingId::new(Uuid::from_u128(8));
        let booking = Some(Booking { booking_id: booking_id.to_string(), ..Booking::default() });
        let event = BookingCancellationRequested { booking, buyer_locale: "en".into() };
        message.payload = event.encode_to_vec();
        assert_eq!(cancelled_booking(&message), Ok(booking_id));
        for payload in [vec![0xff], Vec::new()] {
            message.payload = payload;
            assert!(matches!(cancelled_booking(&message), Err(HandlerError::Poison(_))));
        }
    }
}
