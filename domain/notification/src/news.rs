//! What this context hears of the others, reduced to what letters need. Every event is complete: nothing is asked back.

use kernel::{
    BookingId, BuyerId, CivilDate, Locale, Money, OrganizerId, Quantity, TicketId, Timestamp,
};

/// One event of another context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Of the ticket context.
    Ticket(TicketNews, TicketCard),
    /// Of the booking context.
    Booking(BookingNews, BookingCard),
    /// Of the payment context.
    Payment(PaymentNews, PaymentCard),
}

/// What happened to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketNews {
    /// It was put on sale.
    Registered {
        /// The language its organizer is written to in from now on, where the event says it.
        organizer_locale: Option<Locale>,
    },
    /// Its description, price, windows, limits, capacity or status changed.
    Changed,
    /// It was deleted; its bookings are being cancelled.
    RetirementStarted,
    /// It was deleted, and no booking of it is open any more.
    Retired,
}

/// What happened to a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookingNews {
    /// A buyer asked for it; stock and payment follow.
    Placed,
    /// Its stock is held, nothing is charged.
    AwaitingPayment,
    /// There was no stock, or the ticket could not be sold.
    Rejected,
    /// It was not paid in time.
    Expired,
    /// It is paid and its stock is sold.
    Confirmed,
    /// A part of it was cancelled; money and stock of that are on their way back.
    Reduced,
    /// It was cancelled; money and stock are on their way back.
    CancellationRequested,
    /// It is cancelled to the end.
    Cancelled,
}

/// What happened to the money for a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentNews {
    /// It was taken.
    Approved,
    /// The provider refused; none was taken.
    Declined,
    /// Some or all of it is back with the buyer.
    RefundSucceeded {
        /// How much came back.
        refund: Money,
    },
    /// It could not be given back so far; an operator must look.
    RefundFailed {
        /// How much is to come back.
        refund: Money,
    },
}

/// A ticket as its event shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketCard {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Who sells it.
    pub organizer_id: OrganizerId,
    /// Its name.
    pub name: String,
    /// Where it takes place; may be empty.
    pub venue: String,
    /// Price of one unit.
    pub unit_price: Money,
    /// Units there are in all.
    pub capacity: i64,
    /// When the event begins.
    pub starts_at: Option<Timestamp>,
}

/// A booking as its event shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingCard {
    /// The booking.
    pub booking_id: BookingId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// The ticket's name when it was booked.
    pub ticket_name: String,
    /// Who sells it.
    pub organizer_id: OrganizerId,
    /// Who bought it.
    pub buyer_id: BuyerId,
    /// The language to write to the buyer in, where the event says it.
    pub buyer_locale: Option<Locale>,
    /// Units.
    pub quantity: Quantity,
    /// The seats, for a seated ticket.
    pub seats: Vec<String>,
    /// The first night and the day after the last, for a ticket by the night.
    pub stay: Option<(CivilDate, CivilDate)>,
    /// What it costs.
    pub total: Money,
    /// What of that is kept because it was cancelled.
    pub cancel_fee: Option<Money>,
    /// Why it is in its state, as a stable name; may be empty.
    pub status_reason: String,
    /// Until when it keeps its stock unpaid.
    pub pay_by: Option<Timestamp>,
}

/// A payment as its event shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentCard {
    /// The booking it is for.
    pub booking_id: BookingId,
    /// Who pays.
    pub buyer_id: BuyerId,
    /// The language to write to the buyer in, where the event says it.
    pub buyer_locale: Option<Locale>,
    /// The price of the booking.
    pub amount: Money,
}

impl News {
    /// The event's short name.
    #[must_use]
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Ticket(TicketNews::Registered { .. }, _) => "TicketRegistered",
            Self::Ticket(TicketNews::Changed, _) => "TicketChanged",
            Self::Ticket(TicketNews::RetirementStarted, _) => "TicketRetirementStarted",
            Self::Ticket(TicketNews::Retired, _) => "TicketRetired",
            Self::Booking(BookingNews::Placed, _) => "BookingPlaced",
            Self::Booking(BookingNews::AwaitingPayment, _) => "BookingAwaitingPayment",
            Self::Booking(BookingNews::Rejected, _) => "BookingRejected",
            Self::Booking(BookingNews::Expired, _) => "BookingExpired",
            Self::Booking(BookingNews::Confirmed, _) => "BookingConfirmed",
            Self::Booking(BookingNews::CancellationRequested, _) => "BookingCancellationRequested",
            Self::Booking(BookingNews::Reduced, _) => "BookingReduced",
            Self::Booking(BookingNews::Cancelled, _) => "BookingCancelled",
            Self::Payment(PaymentNews::Approved, _) => "PaymentApproved",
            Self::Payment(PaymentNews::Declined, _) => "PaymentDeclined",
            Self::Payment(PaymentNews::RefundSucceeded { .. }, _) => "RefundSucceeded",
            Self::Payment(PaymentNews::RefundFailed { .. }, _) => "RefundFailed",
        }
    }

    /// The booking it is about.
    #[must_use]
    pub const fn booking_id(&self) -> Option<BookingId> {
        match self {
            Self::Ticket(..) => None,
            Self::Booking(_, booking) => Some(booking.booking_id),
            Self::Payment(_, payment) => Some(payment.booking_id),
        }
    }

    /// The ticket it is about, where the event names it.
    #[must_use]
    pub const fn ticket_id(&self) -> Option<TicketId> {
        match self {
            Self::Ticket(_, ticket) => Some(ticket.ticket_id),
            Self::Booking(_, booking) => Some(booking.ticket_id),
            Self::Payment(..) => None,
        }
    }
}
