//! What the ticket context tells the others.

use kernel::{BookingId, HoldId, Locale, TicketId};

use crate::Listing;

/// A fact about a ticket or a hold. Complete: a consumer never has to call back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketEvent {
    /// A ticket was put on sale.
    TicketRegistered {
        /// The ticket.
        listing: Box<Listing>,
        /// The language to write to its organizer in.
        organizer_locale: Locale,
    },
    /// Its description, price, windows, limits, capacity or status changed.
    TicketChanged {
        /// The ticket as it is now.
        listing: Box<Listing>,
    },
    /// A ticket was deleted; its bookings must be cancelled.
    TicketRetirementStarted {
        /// The ticket, RETIRING.
        listing: Box<Listing>,
    },
    /// No booking of a deleted ticket is open any more.
    TicketRetired {
        /// The ticket, RETIRED.
        listing: Box<Listing>,
    },
    /// A hold's time ran out and its stock is free again.
    HoldExpired {
        /// The hold.
        hold_id: HoldId,
        /// The booking it was for.
        booking_id: BookingId,
        /// The ticket.
        ticket_id: TicketId,
    },
    /// A cancelled booking keeps no stock.
    StockReturned {
        /// The hold.
        hold_id: HoldId,
        /// The booking it was for.
        booking_id: BookingId,
        /// The ticket; unknown where the hold never was.
        ticket_id: Option<TicketId>,
    },
}
