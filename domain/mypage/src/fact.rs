//! What this context hears of the others: complete states with their versions, so that nothing is asked back.

use kernel::{BookingId, BuyerId, CivilDate, Money, OrganizerId, Quantity, TicketId, Timestamp};

/// One event of the booking or the payment context. Both of a booking's aggregates are named by the booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A booking as it was after its event.
    Booking {
        /// Which one.
        booking_id: BookingId,
        /// The event's place among the booking's events.
        version: i64,
        /// Its state.
        booking: BookingSnapshot,
    },
    /// A booking's payment as it was after its event.
    Payment {
        /// Whose payment.
        booking_id: BookingId,
        /// The event's place among the events of the booking's payments.
        version: i64,
        /// Its state.
        payment: PaymentSnapshot,
    },
}

/// Where a booking is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BookingStatus {
    /// Being made, or the outcome of its payment is being found out.
    Pending,
    /// Stock is held, nothing is charged.
    AwaitingPayment,
    /// Paid and sold.
    Confirmed,
    /// Refund and stock return are under way.
    Cancelling,
    /// Refunded, stock returned.
    Cancelled,
    /// Could not be made.
    Rejected,
    /// Not paid in time.
    Expired,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentStatus {
    /// The provider is being asked.
    Processing,
    /// The money was taken.
    Approved,
    /// No money was taken.
    Declined,
    /// The provider's answer is being found out.
    Unknown,
    /// Some of the money was given back.
    PartiallyRefunded,
    /// All of the money was given back.
    Refunded,
}

/// A booking's state as its events carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingSnapshot {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The ticket's name when it was booked.
    pub ticket_name: String,
    /// Who sells it.
    pub organizer_id: OrganizerId,
    /// Who bought it.
    pub buyer_id: BuyerId,
    /// Units.
    pub quantity: Quantity,
    /// The seats, for a seated ticket.
    pub seats: Vec<String>,
    /// The first night, for a ticket by the night.
    pub check_in: Option<CivilDate>,
    /// The day after the last night, for a ticket by the night.
    pub check_out: Option<CivilDate>,
    /// What it costs.
    pub total: Money,
    /// What the booking context knew to be given back.
    pub refunded: Money,
    /// Where it is in its life.
    pub status: BookingStatus,
    /// Why, as a stable name; may be empty.
    pub status_reason: String,
    /// Until when it keeps its stock unpaid.
    pub pay_by: Option<Timestamp>,
    /// When it was placed.
    pub create_time: Timestamp,
    /// When it last changed.
    pub update_time: Timestamp,
}

/// A payment's state as its events carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentSnapshot {
    /// What became of it.
    pub status: PaymentStatus,
    /// What was given back so far.
    pub refunded: Money,
    /// When it last changed.
    pub update_time: Timestamp,
}

impl Fact {
    /// The booking whose row it changes.
    #[must_use]
    pub const fn booking_id(&self) -> BookingId {
        match self {
            Self::Booking { booking_id, .. } | Self::Payment { booking_id, .. } => *booking_id,
        }
    }
}

impl PaymentStatus {
    /// Whether money was taken, be it back by now or not.
    #[must_use]
    pub const fn took_money(self) -> bool {
        match self {
            Self::Approved | Self::PartiallyRefunded | Self::Refunded => true,
            Self::Processing | Self::Declined | Self::Unknown => false,
        }
    }
}
