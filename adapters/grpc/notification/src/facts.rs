//! From the other contexts' messages to this context's news.

use grpc_server::wire::Check;
use kernel::{BuyerId, Envelope, HandlerError, Locale, OrganizerId};
use notification::{
    BookingCard, BookingNews, News, PaymentCard, PaymentNews, TicketCard, TicketNews,
};
use prost::Message;
use proto::boxoffice::{booking::v1 as booking, payment::v1 as payment, ticket::v1 as ticket};

/// The events this context hears, those that nobody is told of included.
pub(crate) const EVENT_NAMES: [&str; 16] = [
    "TicketRegistered",
    "TicketChanged",
    "TicketRetirementStarted",
    "TicketRetired",
    "BookingPlaced",
    "BookingAwaitingPayment",
    "BookingRejected",
    "BookingExpired",
    "BookingConfirmed",
    "BookingCancellationRequested",
    "BookingReduced",
    "BookingCancelled",
    "PaymentApproved",
    "PaymentDeclined",
    "RefundSucceeded",
    "RefundFailed",
];

/// Reads one of [`EVENT_NAMES`]. What cannot be read is poison: it will read no better later.
pub(crate) fn read(message: &Envelope) -> Result<News, HandlerError> {
    macro_rules! of_ticket {
        ($event:ident, $what:ident) => {{
            let event = decode::<ticket::$event>(message)?;
            Ok(News::Ticket(TicketNews::$what, ticket_card(event.ticket)?))
        }};
    }
    macro_rules! of_booking {
        ($event:ident, $what:ident) => {{
            let event = decode::<booking::$event>(message)?;
            let card = booking_card(event.booking, &event.buyer_locale)?;
            Ok(News::Booking(BookingNews::$what, card))
        }};
    }
    match message.name() {
        "TicketRegistered" => registered(decode(message)?),
        "TicketChanged" => of_ticket!(TicketChanged, Changed),
        "TicketRetirementStarted" => of_ticket!(TicketRetirementStarted, RetirementStarted),
        "TicketRetired" => of_ticket!(TicketRetired, Retired),
        "BookingPlaced" => of_booking!(BookingPlaced, Placed),
        "BookingAwaitingPayment" => of_booking!(BookingAwaitingPayment, AwaitingPayment),
        "BookingRejected" => of_booking!(BookingRejected, Rejected),
        "BookingExpired" => of_booking!(BookingExpired, Expired),
        "BookingConfirmed" => of_booking!(BookingConfirmed, Confirmed),
        "BookingCancellationRequested" => {
            of_booking!(BookingCancellationRequested, CancellationRequested)
        }
        "BookingReduced" => of_booking!(BookingReduced, Reduced),
        "BookingCancelled" => of_booking!(BookingCancelled, Cancelled),
        "PaymentApproved" => approved(decode(message)?),
        "PaymentDeclined" => declined(decode(message)?),
        "RefundSucceeded" => refund_succeeded(decode(message)?),
        "RefundFailed" => refund_failed(decode(message)?),
        other => Err(HandlerError::Poison(format!("{other} is no event of this consumer"))),
    }
}

fn registered(event: ticket::TicketRegistered) -> Result<News, HandlerError> {
    let organizer_locale = locale(&event.organizer_locale);
    let card = ticket_card(event.ticket)?;
    Ok(News::Ticket(TicketNews::Registered { organizer_locale }, card))
}

fn approved(event: payment::PaymentApproved) -> Result<News, HandlerError> {
    let card = payment_card(event.payment, event.buyer_id, &event.buyer_locale)?;
    Ok(News::Payment(PaymentNews::Approved, card))
}

fn declined(event: payment::PaymentDeclined) -> Result<News, HandlerError> {
    let card = payment_card(event.payment, event.buyer_id, &event.buyer_locale)?;
    Ok(News::Payment(PaymentNews::Declined, card))
}

fn refund_succeeded(event: payment::RefundSucceeded) -> Result<News, HandlerError> {
    let card = payment_card(event.payment, event.buyer_id, &event.buyer_locale)?;
    let refund = needed("refund", event.refund)?;
    let refund = field(|check| check.money("refund.amount", refund.amount.as_ref()))?;
    Ok(News::Payment(PaymentNews::RefundSucceeded { refund }, card))
}

fn refund_failed(event: payment::RefundFailed) -> Result<News, HandlerError> {
    let card = payment_card(event.payment, event.buyer_id, &event.buyer_locale)?;
    let refund = needed("refund", event.refund)?;
    let refund = field(|check| check.money("refund.amount", refund.amount.as_ref()))?;
    Ok(News::Payment(PaymentNews::RefundFailed { refund }, card))
}

fn ticket_card(wire: Option<ticket::Ticket>) -> Result<TicketCard, HandlerError> {
    let wire = needed("ticket", wire)?;
    Ok(TicketCard {
        ticket_id: field(|check| check.id("ticket_id", &wire.ticket_id))?,
        organizer_id: field(|c| c.take("organizer_id", OrganizerId::new(wire.organizer_id)))?,
        name: wire.name,
        venue: wire.venue,
        unit_price: field(|check| check.money("unit_price", wire.unit_price.as_ref()))?,
        capacity: wire.capacity,
        starts_at: optional(|c| c.optional_timestamp("start_time", wire.start_time.as_ref()))?,
    })
}

fn booking_card(
    wire: Option<booking::Booking>,
    buyer_locale: &str,
) -> Result<BookingCard, HandlerError> {
    let wire = needed("booking", wire)?;
    let check_in = optional(|check| check.optional_date("check_in", wire.check_in.as_ref()))?;
    let check_out = optional(|check| check.optional_date("check_out", wire.check_out.as_ref()))?;
    Ok(BookingCard {
        booking_id: field(|check| check.id("booking_id", &wire.booking_id))?,
        ticket_id: field(|check| check.id("ticket_id", &wire.ticket_id))?,
        ticket_name: wire.ticket_name,
        organizer_id: field(|c| c.take("organizer_id", OrganizerId::new(wire.organizer_id)))?,
        buyer_id: field(|check| check.take("buyer_id", BuyerId::new(wire.buyer_id)))?,
        buyer_locale: locale(buyer_locale),
        quantity: field(|check| check.quantity("quantity", wire.quantity))?,
        seats: wire.seats,
        stay: check_in.zip(check_out),
        total: field(|check| check.money("total", wire.total.as_ref()))?,
        cancel_fee: optional(|c| c.optional_money("cancel_fee", wire.cancel_fee.as_ref()))?,
        status_reason: wire.status_reason,
        pay_by: optional(|c| c.optional_timestamp("pay_by", wire.pay_by.as_ref()))?,
    })
}

fn payment_card(
    wire: Option<payment::Payment>,
    buyer_id: String,
    buyer_locale: &str,
) -> Result<PaymentCard, HandlerError> {
    let wire = needed("payment", wire)?;
    Ok(PaymentCard {
        booking_id: field(|check| check.id("booking_id", &wire.booking_id))?,
        buyer_id: field(|check| check.take("buyer_id", BuyerId::new(buyer_id)))?,
        buyer_locale: locale(buyer_locale),
        amount: field(|check| check.money("amount", wire.amount.as_ref()))?,
    })
}

fn locale(tag: &str) -> Option<Locale> {
    (!tag.is_empty()).then(|| Locale::nearest(tag))
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
    value.ok_or_else(|| HandlerError::Poison(format!("{name} is missing")))
}
