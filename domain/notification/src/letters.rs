//! Who is told what: from an event to the letters it leads to. Pure; the words are in `templates.rs`.
//!
//! | event | buyer | organizer |
//! | --- | --- | --- |
//! | TicketRegistered, TicketRetired | | told |
//! | TicketChanged, TicketRetirementStarted, BookingPlaced | | |
//! | BookingConfirmed, BookingReduced, BookingCancelled | told | told |
//! | BookingAwaitingPayment, BookingRejected, BookingExpired, BookingCancellationRequested | told | |
//! | PaymentApproved, PaymentDeclined, RefundSucceeded, RefundFailed | told | |

use kernel::Locale;

use crate::details::{Details, booking_details, payment_details, ticket_details};
use crate::limits::SUBJECT_CHARS_MAX;
use crate::templates::{Template, Topic, template};
use crate::{
    BookingCard, BookingNews, News, PaymentCard, PaymentNews, Recipient, TicketCard, TicketNews,
};

/// Somebody who is told of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub recipient: Recipient,
    /// The language, where the event says it.
    pub locale: Option<Locale>,
    topic: Topic,
}

/// What one recipient reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// Everybody who is told of an event.
#[must_use]
pub fn told(news: &News) -> Vec<Told> {
    match news {
        News::Ticket(what, ticket) => told_of_ticket(what, ticket),
        News::Booking(what, booking) => told_of_booking(*what, booking),
        News::Payment(what, payment) => vec![told_of_payment(*what, payment)],
    }
}

/// The letter that somebody who is told of an event gets, in a language.
#[must_use]
pub fn write(told: &Told, news: &News, locale: Locale) -> Letter {
    let details = match news {
        News::Ticket(_, ticket) => ticket_details(ticket, locale),
        News::Booking(_, booking) => booking_details(booking, locale),
        News::Payment(what, payment) => payment_details(*what, payment, locale),
    };
    let Template { subject, body } = template(told.topic, locale);
    Letter { subject: one_line(&filled(subject, &details)), body: filled(body, &details) }
}

fn told_of_ticket(what: &TicketNews, ticket: &TicketCard) -> Vec<Told> {
    let (locale, topic) = match what {
        TicketNews::Registered { organizer_locale } => (*organizer_locale, Topic::TicketRegistered),
        TicketNews::Retired => (None, Topic::TicketDeleted),
        TicketNews::Changed | TicketNews::RetirementStarted => return Vec::new(),
    };
    vec![Told { recipient: Recipient::Organizer(ticket.organizer_id.clone()), locale, topic }]
}

fn told_of_booking(what: BookingNews, booking: &BookingCard) -> Vec<Told> {
    let buyer = |topic| Told {
        recipient: Recipient::Buyer(booking.buyer_id.clone()),
        locale: booking.buyer_locale,
        topic,
    };
    let organizer = |topic| Told {
        recipient: Recipient::Organizer(booking.organizer_id.clone()),
        locale: None,
        topic,
    };
    match what {
        BookingNews::Placed => Vec::new(),
        BookingNews::AwaitingPayment => vec![buyer(Topic::AwaitingPayment)],
        BookingNews::Rejected => vec![buyer(Topic::Rejected)],
        BookingNews::Expired => vec![buyer(Topic::Expired)],
        BookingNews::Confirmed => vec![buyer(Topic::Confirmed), organizer(Topic::Sold)],
        BookingNews::CancellationRequested => vec![buyer(Topic::CancellationRequested)],
        BookingNews::Reduced => vec![buyer(Topic::Reduced), organizer(Topic::SaleReduced)],
        BookingNews::Cancelled => vec![buyer(Topic::Cancelled), organizer(Topic::SaleCancelled)],
    }
}

fn told_of_payment(what: PaymentNews, payment: &PaymentCard) -> Told {
    let topic = match what {
        PaymentNews::Approved => Topic::PaymentApproved,
        PaymentNews::Declined => Topic::PaymentDeclined,
        PaymentNews::RefundSucceeded { .. } => Topic::RefundSucceeded,
        PaymentNews::RefundFailed { .. } => Topic::RefundFailed,
    };
    Told {
        recipient: Recipient::Buyer(payment.buyer_id.clone()),
        locale: payment.buyer_locale,
        topic,
    }
}

/// Puts the details into the slots in one pass, so that a ticket named "{booking}" stays just that.
fn filled(template: &str, details: &Details) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (slot, tail) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(details.get(slot).map_or("", String::as_str));
        rest = tail;
    }
    text.push_str(rest);
    text
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT_CHARS_MAX).collect()
}
