//! What can be asked of stock, what must be read to decide it, and what the answer may be.

use std::collections::BTreeSet;

use kernel::{BuyerId, EventId, HoldId, Money, Quantity, ReplyKey, TicketId};

use crate::{
    Hold, HoldOwner, HoldRecord, HoldStep, Slot, SlotKey, StockRefusal, Ticket, TicketKind, Wanted,
};

/// Asks to set stock aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRequest {
    /// Made by the caller; the same one again gets the stored hold.
    pub hold_id: HoldId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// For whom.
    pub owner: HoldOwner,
    /// What, all or nothing.
    pub wanted: Wanted,
    /// What the caller expects to pay.
    pub expected_total: Option<Money>,
    /// Take it pinned, because a charge follows at once.
    pub pinned: bool,
    /// Its caller has surely never asked for this hold before, so there is no stored result to be given again.
    pub surely_new: bool,
    /// Decide it as ever, and set nothing aside: the answer says what it would be now, and promises nothing.
    pub check_only: bool,
}

/// One command about stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockCommand {
    /// Set stock aside.
    Hold(HoldRequest),
    /// Do something with a hold.
    Step(HoldId, HoldStep),
    /// Give back what of a hold is above so many units.
    Reduce(HoldId, Quantity),
}

/// A command with what the event that may come of it needs.
#[derive(Debug, Clone)]
pub struct StockOrder {
    /// The command.
    pub command: StockCommand,
    /// The identity of the event that may come of it.
    pub event_id: EventId,
    /// The message that led to it.
    pub causation_id: Option<String>,
    /// The caller's key, where one came with it.
    pub key: Option<OrderKey>,
}

/// An idempotency key that is answered with a hold, in the transaction that decides its order.
#[derive(Debug, Clone)]
pub struct OrderKey {
    /// The key.
    pub key: ReplyKey,
    /// Encodes the answer, to be replayed: only the decision knows the hold.
    pub encode: fn(&Hold) -> Vec<u8>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockOutcome {
    /// The hold as it is now.
    Hold(Hold),
    /// There was no hold, and there will be none.
    Tombstone,
}

/// The answer to one command.
pub type StockVerdict = Result<StockOutcome, StockRefusal>;

/// What a store must read, and where the engine needs it lock in this order, to decide some orders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StockNeeds {
    /// The tickets.
    pub tickets: BTreeSet<TicketId>,
    /// The counters.
    pub slots: BTreeSet<SlotKey>,
    /// Whose holds and purchases must be counted.
    pub buyers: BTreeSet<(TicketId, BuyerId)>,
    /// Tickets of which units are asked for without naming them.
    units: BTreeSet<TicketId>,
}

impl StockCommand {
    /// Whether nothing can be known of its hold yet.
    #[must_use]
    pub const fn is_surely_new(&self) -> bool {
        match self {
            Self::Hold(request) => request.surely_new,
            Self::Step(..) | Self::Reduce(..) => false,
        }
    }

    /// The hold it is about.
    #[must_use]
    pub const fn hold_id(&self) -> HoldId {
        match self {
            Self::Hold(request) => request.hold_id,
            Self::Step(hold_id, _) | Self::Reduce(hold_id, _) => *hold_id,
        }
    }
}

impl StockNeeds {
    /// What these orders need, given the holds that are known by their identifiers.
    #[must_use]
    pub fn of<'a>(orders: impl IntoIterator<Item = &'a StockOrder>, known: &[HoldRecord]) -> Self {
        let mut needs = Self::default();
        for order in orders {
            match &order.command {
                StockCommand::Hold(request) => needs.add_request(request),
                StockCommand::Step(..) | StockCommand::Reduce(..) => {}
            }
        }
        for record in known {
            match record {
                HoldRecord::Hold(hold) => {
                    needs.add(hold.ticket_id, &hold.owner);
                    needs
                        .slots
                        .extend(hold.lines.keys().map(|slot| (hold.ticket_id, slot.clone())));
                }
                HoldRecord::Tombstone(_) => {}
            }
        }
        needs
    }

    /// Of these tickets the best seats are asked for: every free seat of theirs must be read.
    pub fn all_seats_of<'a>(
        &'a self,
        tickets: &'a [Ticket],
    ) -> impl Iterator<Item = TicketId> + 'a {
        let asked =
            |ticket: &&Ticket| ticket.kind == TicketKind::Seated && self.units.contains(&ticket.id);
        tickets.iter().filter(asked).map(|ticket| ticket.id)
    }

    fn add_request(&mut self, request: &HoldRequest) {
        let id = request.ticket_id;
        self.add(id, &request.owner);
        match &request.wanted {
            Wanted::Units(_) => {
                self.units.insert(id);
                self.slots.insert((id, Slot::Admission));
            }
            Wanted::Seats(names) => {
                self.slots.extend(names.iter().map(|name| (id, Slot::Seat(name.clone()))));
            }
            // Whether one may depart on a date stands at that date.
            Wanted::Nights { nights, .. } => {
                let dates = nights.dates().chain([nights.until()]);
                self.slots.extend(dates.map(|date| (id, Slot::Night(date))));
            }
        }
    }

    fn add(&mut self, ticket_id: TicketId, owner: &HoldOwner) {
        self.tickets.insert(ticket_id);
        self.buyers.extend(owner.buyer_id().map(|buyer_id| (ticket_id, buyer_id.clone())));
    }
}
