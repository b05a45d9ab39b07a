//! The ticket: a sellable product and where it is in its life.
//! How it ends is told in `retirement.rs`.

use std::time::Duration;

use kernel::{Invalid, Locale, Money, OrganizerId, Quantity, TicketId, TimeZoneName, Timestamp};

use crate::{CancelPolicy, RegisterTicket, Stock, TicketDraft, TicketSlots};

/// What a ticket admits to, and so what its stock is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TicketKind {
    /// Interchangeable places.
    Admission,
    /// Numbered seats.
    Seated,
    /// Rooms by the night.
    Nightly,
}

/// When stock is set aside relative to the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Allocation {
    /// Before the buyer is charged.
    HoldFirst,
    /// After the buyer is charged.
    PayFirst,
}

/// Where a ticket is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TicketStatus {
    /// Can be booked inside its sale window.
    OnSale,
    /// Taken off sale for now.
    Paused,
    /// Deleted; its bookings are being cancelled.
    Retiring,
    /// Deleted, and no booking of it is open.
    Retired,
}

/// What an organizer says about a ticket, checked. Made by [`TicketDraft::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Its name.
    pub name: String,
    /// What a buyer should know.
    pub description: String,
    /// Where it takes place.
    pub venue: String,
    /// A word to search by.
    pub category: String,
    /// The place's time zone.
    pub time_zone: TimeZoneName,
    /// Price of one unit.
    pub unit_price: Money,
    /// From when it can be booked; at once if `None`.
    pub sale_starts_at: Option<Timestamp>,
    /// Until when it can be booked; without end if `None`.
    pub sale_ends_at: Option<Timestamp>,
    /// When the event begins.
    pub starts_at: Option<Timestamp>,
    /// When the event ends.
    pub ends_at: Option<Timestamp>,
    /// Most units one buyer may hold and own; no limit if `None`.
    pub max_per_buyer: Option<Quantity>,
    /// How long an unpaid hold keeps its stock.
    pub hold_ttl: Duration,
    /// Sections of seats that have a price of their own.
    pub sections: Vec<SectionPrice>,
    /// Fewest nights of a stay; 0 for no such rule.
    pub min_nights: u32,
    /// Most nights of a stay; 0 for no such rule.
    pub max_nights: u32,
    /// Until when a booking may be cancelled, and what is kept; free at any time if `None`.
    pub cancel_policy: Option<CancelPolicy>,
}

/// What a seat of one section costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionPrice {
    /// The section; empty for seats without one.
    pub name: String,
    /// Price of one seat.
    pub unit_price: Money,
}

/// A sellable product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Identity.
    pub id: TicketId,
    /// Who sells it.
    pub organizer_id: OrganizerId,
    /// The language its organizer is written to in.
    pub organizer_locale: Locale,
    /// What it admits to.
    pub kind: TicketKind,
    /// When stock is set aside.
    pub allocation: Allocation,
    /// What its organizer says about it.
    pub terms: Terms,
    /// Where it is in its life.
    pub status: TicketStatus,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Rises by one with every commit; its text is the etag.
    pub revision: i64,
    /// Number of its last event.
    pub event_version: i64,
}

/// A ticket together with the counters of all its slots: what a caller sees of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The ticket.
    pub ticket: Ticket,
    /// All its slots together.
    pub stock: Stock,
}

/// What a transition did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The ticket changed; it is to be committed with its event.
    Happened,
    /// It is so already; nothing is to be written.
    AlreadyDone,
}

impl Ticket {
    /// Puts a ticket on sale.
    ///
    /// # Errors
    /// [`Invalid`] with all that is wrong.
    pub fn register(
        id: TicketId,
        (organizer_id, organizer_locale): (OrganizerId, Locale),
        request: &RegisterTicket,
        now: Timestamp,
    ) -> Result<Listing, Invalid> {
        let found = request.violations(now);
        let (Ok(terms), true) = (request.draft.check(now, None), found.is_empty()) else {
            return Err(Invalid(found));
        };
        let ticket = Self {
            id,
            organizer_id,
            organizer_locale,
            kind: request.kind,
            allocation: request.allocation,
            terms,
            status: request.draft.status(),
            created_at: now,
            updated_at: now,
            revision: 1,
            event_version: 1,
        };
        let slots = request.slots().into_iter();
        let begun = slots.map(|begun| (begun.slot, Stock::untouched(begun.capacity).into()));
        let begun = TicketSlots { ticket, slots: begun.collect(), read_at: now };
        Ok(Listing { stock: begun.stock(), ticket: begun.ticket })
    }

    /// Whether its organizer has deleted it.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        match self.status {
            TicketStatus::OnSale | TicketStatus::Paused => false,
            TicketStatus::Retiring | TicketStatus::Retired => true,
        }
    }

    /// Whether a new hold may be taken at this instant.
    #[must_use]
    pub fn is_on_sale(&self, now: Timestamp) -> bool {
        self.status == TicketStatus::OnSale
            && self.terms.sale_starts_at.is_none_or(|start| start <= now)
            && self.terms.sale_ends_at.is_none_or(|end| now < end)
    }

    /// Changes what its organizer says about it. The caller has seen to it that it is not deleted.
    ///
    /// # Errors
    /// [`Invalid`] with all that is wrong.
    pub fn update(&mut self, draft: &TicketDraft, now: Timestamp) -> Result<Decision, Invalid> {
        let mut found = draft.violations(now, Some(&self.terms));
        found.extend(draft.violations_of_kind(self.kind));
        let (Ok(terms), true) = (draft.check(now, Some(&self.terms)), found.is_empty()) else {
            return Err(Invalid(found));
        };
        if terms == self.terms && draft.status() == self.status {
            return Ok(Decision::AlreadyDone);
        }
        self.terms = terms;
        self.status = draft.status();
        self.touch(now);
        Ok(Decision::Happened)
    }

    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.updated_at = now;
        self.revision += 1;
        self.event_version += 1;
    }
}

impl Listing {
    /// Sets how many units there are. The caller has seen to it that the ticket is not deleted and
    /// that what is held and sold leaves room.
    pub fn with_stock(&mut self, stock: Stock, now: Timestamp) -> Decision {
        if self.stock == stock {
            return Decision::AlreadyDone;
        }
        self.stock = stock;
        self.ticket.touch(now);
        Decision::Happened
    }
}
