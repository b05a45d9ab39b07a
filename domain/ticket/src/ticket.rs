//! The ticket: a sellable product and where it is in its life.
//! How it ends is told in `retirement.rs`.

use std::time::Duration;

use kernel::{
    Invalid, Locale, Money, OrganizerId, Quantity, TicketId, TimeZoneName, Timestamp, Violation,
};

use crate::{CAPACITY_MAX, Stock, TicketDraft};

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

/// What an organizer asks to put on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterTicket {
    /// What it admits to.
    pub kind: TicketKind,
    /// When stock is set aside.
    pub allocation: Allocation,
    /// Units there are.
    pub capacity: i64,
    /// The rest.
    pub draft: TicketDraft,
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

impl RegisterTicket {
    /// All that is wrong with the request.
    #[must_use]
    pub fn violations(&self, now: Timestamp) -> Vec<Violation> {
        let mut found = self.draft.violations(now, None);
        match self.kind {
            TicketKind::Admission => {}
            TicketKind::Seated | TicketKind::Nightly => found.push(Violation::new(
                "kind",
                "seats and nights are not sold yet; only TICKET_KIND_ADMISSION is",
            )),
        }
        match self.allocation {
            Allocation::HoldFirst => {}
            Allocation::PayFirst => found.push(Violation::new(
                "allocation",
                "PAY_FIRST is not offered yet; use ALLOCATION_HOLD_FIRST",
            )),
        }
        if let Err(violation) = checked_capacity(self.capacity) {
            found.push(violation);
        }
        found
    }
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
        let (Ok(terms), Ok(capacity), true) =
            (request.draft.check(now, None), checked_capacity(request.capacity), found.is_empty())
        else {
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
        Ok(Listing { ticket, stock: Stock::untouched(capacity) })
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
        let terms = draft.check(now, Some(&self.terms))?;
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

/// Reads a capacity.
///
/// # Errors
/// The violation of `capacity`.
pub(crate) fn checked_capacity(capacity: i64) -> Result<u64, Violation> {
    u64::try_from(capacity).ok().filter(|capacity| *capacity <= CAPACITY_MAX).ok_or_else(|| {
        Violation::new("capacity", format_args!("must be from 0 to {CAPACITY_MAX} units"))
    })
}
