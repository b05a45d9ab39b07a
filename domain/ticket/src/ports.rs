//! What the ticket context needs of the world.

use async_trait::async_trait;
use kernel::{
    Cause, Committed, Cursor, Envelope, HoldId, KeyedReply, Money, Recorded, ReplyChange, ReplyKey,
    StoreError, TicketId,
};

use crate::{
    Hold, HoldRecord, Listing, Nights, Slot, SlotTerms, StockOrder, StockVerdict, Ticket,
    TicketEvent, TicketKind, TicketPage, TicketSearch, TicketSlots,
};

/// One commit of a ticket: durable together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketChange {
    /// The ticket as it is to be.
    pub ticket: Ticket,
    /// The revision it was read at; 0 for a new one.
    pub expected_revision: i64,
    /// Slots whose capacity is set; those that do not exist begin.
    pub capacities: Vec<SlotCapacity>,
    /// What else changes of some nights, all of which exist or begin with this commit.
    pub nights: Option<NightChange>,
    /// What is to be told.
    pub events: Vec<Recorded<TicketEvent>>,
    /// The message that led to it.
    pub caused_by: Option<Cause>,
    /// The caller's key and its answer.
    pub reply: ReplyChange,
}

/// How many units a slot has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotCapacity {
    /// The slot.
    pub slot: Slot,
    /// Units there are.
    pub capacity: u64,
    /// A seat's place in the order registered; 0 for whatever is no seat.
    pub position: u32,
}

/// What changes of some nights besides their capacity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NightChange {
    /// The nights.
    pub nights: Nights,
    /// What one unit costs from now on; not changed if `None`.
    pub unit_price: Option<NightPrice>,
    /// Whether nobody arrives on them; not changed if `None`.
    pub closed_to_arrival: Option<bool>,
    /// Whether nobody departs on them; not changed if `None`.
    pub closed_to_departure: Option<bool>,
}

/// What one unit of a night costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NightPrice {
    /// What the ticket costs.
    TheTickets,
    /// A price of its own, in the ticket's currency.
    Own(Money),
}

impl NightPrice {
    /// A price of its own, in minor units.
    #[must_use]
    pub const fn own_minor(self) -> Option<i64> {
        match self {
            Self::TheTickets => None,
            Self::Own(price) => Some(price.minor()),
        }
    }
}

impl NightChange {
    /// What a night's terms become.
    #[must_use]
    pub fn applied_to(&self, terms: SlotTerms) -> SlotTerms {
        let own = terms.unit_price_minor;
        SlotTerms {
            unit_price_minor: self.unit_price.map_or(own, NightPrice::own_minor),
            closed_to_arrival: self.closed_to_arrival.unwrap_or(terms.closed_to_arrival),
            closed_to_departure: self.closed_to_departure.unwrap_or(terms.closed_to_departure),
            ..terms
        }
    }
}

/// What an expiry sweep finds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DueHolds {
    /// Holds whose time is over and that nobody pinned.
    pub due: Vec<HoldId>,
    /// How many more there are among them whose very identifier cannot be read. The store has told of them.
    pub unreadable: usize,
    /// Holds pinned for longer than [`crate::PIN_MAX`]: to be reported, not released.
    pub overdue_pins: u64,
}

/// Keeps tickets. Stock commands, which need locked rows, go through [`StockStore`].
#[async_trait]
pub trait TicketStore: Send + Sync {
    /// Reads a ticket in any status, with its counters of the same moment.
    async fn find(&self, id: TicketId) -> Result<Option<Listing>, StoreError>;

    /// Finds tickets. MUST NOT find RETIRING or RETIRED ones. Pages MUST have no gap and no double
    /// while others write. What one page looks at is limited, so it may have fewer rows than asked for and say where
    /// the next begins.
    async fn search(&self, search: &TicketSearch) -> Result<TicketPage, StoreError>;

    /// Writes a change, all of it or nothing. MUST answer `Stale` when the ticket is not at the
    /// expected revision, and when a capacity would fall below what is held and sold at that moment.
    async fn commit(&self, change: TicketChange) -> Result<Committed, StoreError>;

    /// What is known of an idempotency key.
    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError>;

    /// RETIRING tickets of which no hold is ACTIVE or COMMITTED; at most `limit`.
    async fn find_retirable(&self, limit: u32) -> Result<Vec<TicketId>, StoreError>;

    /// Sets a message aside that cannot be handled, with the reason, for an operator.
    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError>;
}

/// Keeps stock and holds. Its decision needs locked rows, so it calls [`crate::StockBook`] inside.
#[async_trait]
pub trait StockStore: Send + Sync {
    /// Decides orders in their sequence and writes what they change in one transaction; each has its
    /// own verdict. MUST decide on rows that no other transaction changes meanwhile, the ticket's row
    /// included, so that deleting a ticket comes before a hold or after it. MUST take the time from
    /// the database. Every order is idempotent by its hold, so no inbox is needed.
    ///
    /// An order with a key that is taken MUST be refused as `KeyTaken` and do nothing; one that goes through MUST record
    /// its answer for its key in the same transaction, and one that is refused MUST NOT.
    ///
    /// A hold that is surely new MAY be refused without a look at what is stored for it, and as sold out without a
    /// transaction when nothing was left of one of its slots a moment ago. MUST NOT be taken twice all the same.
    async fn execute(&self, orders: Vec<StockOrder>) -> Result<Vec<StockVerdict>, StoreError>;

    /// Reads what is known of a hold.
    async fn find_hold(&self, id: HoldId) -> Result<Option<HoldRecord>, StoreError>;

    /// Holds that are due by the database's own time, the oldest first and always in the same order,
    /// without the first `skipped`; at most `limit`. MUST NOT fail for one that cannot be read.
    async fn due_holds(&self, skipped: usize, limit: u32) -> Result<DueHolds, StoreError>;

    /// What a ticket's house has set aside and not given up, the newest first, after a place in that order; at most
    /// `limit`. Pages MUST have no gap and no double while others write.
    async fn house_holds(
        &self,
        ticket_id: TicketId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<Hold>, StoreError>;

    /// What is still set aside for the house of tickets that are RETIRING; at most `limit`.
    async fn forsaken_house_holds(&self, limit: u32) -> Result<Vec<HoldId>, StoreError>;

    /// Reads the slots of tickets; of those sold by the night only these nights, or all if `None`. Leaves out what
    /// is not there, and tickets of another kind where one is given.
    async fn slots(
        &self,
        tickets: &[TicketId],
        kind: Option<TicketKind>,
        nights: Option<Nights>,
    ) -> Result<Vec<TicketSlots>, StoreError>;
}
