//! The ticket context: one ticket, its stock and holds, and what `ticket::StockBook` makes of commands.

use std::collections::BTreeMap;

use kernel::{BuyerId, EventId, HoldId, Locale, OrganizerId, Quantity, Uuid};
use ticket::{
    Hold, HoldOwner, HoldRecord, HoldRequest, HoldState, HoldStep, RegisterTicket, Slot,
    SlotRecord, Stock, StockBook, StockCommand, StockOrder, StockOutcome, StockRefusal,
    StockVerdict, Ticket, TicketDraft, TicketEvent, TicketStatus, Wanted,
};

use crate::bookings::{LATER, NOW, price, ticket_id};
use crate::mutant::Mutant;
use crate::network::News;
use crate::rulebook::Rulebook;

/// Units there are: one, for which all compete.
pub(crate) const CAPACITY: u64 = 1;
/// Who may hold stock: the two bookings, and the rival.
pub(crate) const HOLDERS: usize = 3;
pub(crate) const RIVAL: usize = 2;

pub(crate) type StockRules = Rulebook<Shelf, ShelfSeen, StockWish, StockAnswer>;

/// The rows of the ticket context.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shelf {
    ticket: Ticket,
    stock: Stock,
    holds: BTreeMap<HoldId, HoldRecord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StockWish {
    Check { of: usize },
    Hold { of: usize, pinned: bool },
    Step { of: usize, step: HoldStep },
    Retire,
    EndRetirement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StockAnswer {
    pub(crate) verdict: Verdict,
    /// What the ticket context tells about the hold.
    pub(crate) news: Option<News>,
}

/// An answer, as booking's client reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A hold, and it keeps its stock.
    Kept,
    /// A hold that keeps none, or a tombstone.
    NotKept,
    Unsaleable,
    Closed,
    Retiring,
    /// No decision: it is to be asked again.
    Failed,
}

/// What of it matters to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShelfSeen {
    pub(crate) status: TicketStatus,
    pub(crate) holds: [HoldSeen; HOLDERS],
    /// Units that holds keep.
    pub(crate) kept: u64,
    /// The counters are what the holds add up to.
    pub(crate) counters_agree: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldSeen {
    Unknown,
    Pinned,
    Unpinned,
    Committed,
    Expired,
    GivenUp,
}

impl HoldSeen {
    pub(crate) const fn keeps_stock(self) -> bool {
        match self {
            Self::Pinned | Self::Unpinned | Self::Committed => true,
            Self::Unknown | Self::Expired | Self::GivenUp => false,
        }
    }
}

pub(crate) fn stock_rules(mutant: Option<Mutant>) -> StockRules {
    Rulebook::new(on_sale(), see, move |shelf, wish| decide(shelf, wish, mutant))
}

fn on_sale() -> Shelf {
    let draft =
        TicketDraft { name: "Recital".into(), unit_price: Some(price()), ..TicketDraft::default() };
    let request = RegisterTicket::admission(i64::try_from(CAPACITY).unwrap(), draft);
    let seller = (OrganizerId::new("acme").unwrap(), Locale::En);
    let ticket = Ticket::register(ticket_id(), seller, &request, NOW).unwrap().ticket;
    Shelf { ticket, stock: Stock::untouched(CAPACITY), holds: BTreeMap::new() }
}

fn hold_id(of: usize) -> HoldId {
    HoldId::new(Uuid::from_u128(100 + of as u128))
}

fn see(shelf: &Shelf) -> ShelfSeen {
    let mut holds = [HoldSeen::Unknown; HOLDERS];
    for (of, seen) in holds.iter_mut().enumerate() {
        *seen = match shelf.holds.get(&hold_id(of)) {
            None => HoldSeen::Unknown,
            Some(HoldRecord::Tombstone(_)) => HoldSeen::GivenUp,
            Some(HoldRecord::Hold(hold)) => match hold.state {
                HoldState::Active { pinned_since: Some(_) } => HoldSeen::Pinned,
                HoldState::Active { pinned_since: None } => HoldSeen::Unpinned,
                HoldState::Committed => HoldSeen::Committed,
                HoldState::Expired => HoldSeen::Expired,
                HoldState::Returned | HoldState::Released { .. } => HoldSeen::GivenUp,
            },
        };
    }
    let units = |counts: fn(HoldState) -> bool| -> u64 {
        let counted = shelf.holds().filter(|hold| counts(hold.state));
        counted.map(|hold| u64::from(hold.quantity.get())).sum()
    };
    let held = units(|state| matches!(state, HoldState::Active { .. }));
    let sold = units(|state| state == HoldState::Committed);
    let counters_agree = (shelf.stock.held(), shelf.stock.sold()) == (held, sold);
    ShelfSeen { status: shelf.ticket.status, holds, kept: held + sold, counters_agree }
}

fn decide(shelf: &mut Shelf, wish: StockWish, mutant: Option<Mutant>) -> StockAnswer {
    match wish {
        StockWish::Retire => {
            let _ = shelf.ticket.retire(NOW);
        }
        // The sweep decides on what it has seen: that nothing is kept.
        StockWish::EndRetirement if !shelf.holds().any(|hold| hold.state.keeps_stock()) => {
            let _ = shelf.ticket.end_retirement(NOW);
        }
        StockWish::EndRetirement => {}
        StockWish::Check { of } | StockWish::Hold { of, .. } | StockWish::Step { of, .. } => {
            return without_a_rule(shelf, of, wish, mutant)
                .unwrap_or_else(|| shelf.execute(of, wish));
        }
    }
    shelf.tidy();
    StockAnswer { verdict: Verdict::NotKept, news: None }
}

/// The answer of a ticket context that lacks a rule, where that makes a difference.
fn without_a_rule(
    shelf: &mut Shelf,
    of: usize,
    wish: StockWish,
    mutant: Option<Mutant>,
) -> Option<StockAnswer> {
    let (mutant, StockWish::Step { step, .. }) = (mutant?, wish) else { return None };
    let id = hold_id(of);
    match (mutant, step) {
        (Mutant::ReleaseLeavesNoTombstone, HoldStep::Release | HoldStep::Return) => {
            let answer = shelf.execute(of, wish);
            if matches!(shelf.holds.get(&id), Some(HoldRecord::Tombstone(_))) {
                shelf.holds.remove(&id);
            }
            Some(answer)
        }
        (Mutant::CommitTakesNoStock, HoldStep::Commit) => match shelf.holds.get_mut(&id) {
            Some(HoldRecord::Hold(hold)) if hold.state == HoldState::Expired => {
                hold.state = HoldState::Committed;
                Some(StockAnswer { verdict: Verdict::Kept, news: None })
            }
            Some(HoldRecord::Hold(_) | HoldRecord::Tombstone(_)) | None => None,
        },
        (Mutant::ExpiryTakesPinned, HoldStep::Expire) => {
            if let Some(HoldRecord::Hold(Hold {
                state: HoldState::Active { pinned_since }, ..
            })) = shelf.holds.get_mut(&id)
            {
                *pinned_since = None;
            }
            None
        }
        (Mutant::RetiringSells, HoldStep::Commit) => {
            let status = std::mem::replace(&mut shelf.ticket.status, TicketStatus::OnSale);
            let answer = shelf.execute(of, wish);
            shelf.ticket.status = status;
            Some(answer)
        }
        _ => None,
    }
}

impl Shelf {
    fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values().filter_map(|record| match record {
            HoldRecord::Hold(hold) => Some(hold),
            HoldRecord::Tombstone(_) => None,
        })
    }

    /// As a store does it, in one transaction.
    fn execute(&mut self, of: usize, wish: StockWish) -> StockAnswer {
        let (command, now) = match wish {
            StockWish::Check { .. } => {
                let request = HoldRequest { check_only: true, ..hold_request(of, true) };
                (StockCommand::Hold(request), NOW)
            }
            StockWish::Hold { pinned, .. } => (StockCommand::Hold(hold_request(of, pinned)), NOW),
            StockWish::Step { step, .. } => {
                let now = if step == HoldStep::Expire { LATER } else { NOW };
                (StockCommand::Step(hold_id(of), step), now)
            }
            StockWish::Retire | StockWish::EndRetirement => panic!("no command about stock"),
        };
        let slots = vec![((self.ticket.id, Slot::Admission), SlotRecord::from(self.stock))];
        let holds = self.holds.values().cloned().collect();
        let mut book = StockBook::new(vec![self.ticket.clone()], slots, holds, Vec::new());
        let event_id = EventId::new(Uuid::nil());
        let verdict =
            book.execute(&StockOrder { command, event_id, causation_id: None, key: None }, now);
        let changes = book.into_changes();
        for counts in changes.counters.values() {
            self.stock = self.stock.moved(counts.held, counts.sold).unwrap();
        }
        for change in changes.holds {
            self.holds.insert(change.record.id(), change.record);
        }
        self.tidy();
        let news = changes.events.first().and_then(|told| news(&told.event));
        StockAnswer { verdict: read(verdict), news }
    }

    /// Drops what tells rows apart but decides nothing: numbers that only rise, and times.
    fn tidy(&mut self) {
        self.ticket.revision = 1;
        self.ticket.event_version = 1;
        self.ticket.updated_at = NOW;
        for record in self.holds.values_mut() {
            match record {
                HoldRecord::Hold(hold) => (hold.revision, hold.event_version) = (1, 0),
                HoldRecord::Tombstone(tombstone) => tombstone.revision = 1,
            }
        }
    }
}

fn hold_request(of: usize, pinned: bool) -> HoldRequest {
    HoldRequest {
        hold_id: hold_id(of),
        ticket_id: ticket_id(),
        owner: HoldOwner::Buyer(BuyerId::new(format!("buyer-{of}")).unwrap()),
        wanted: Wanted::Units(Quantity::new(1).unwrap()),
        expected_total: None,
        pinned,
        surely_new: false,
        check_only: false,
    }
}

fn read(verdict: StockVerdict) -> Verdict {
    match verdict {
        Ok(StockOutcome::Hold(hold)) if hold.state.keeps_stock() => Verdict::Kept,
        Ok(StockOutcome::Hold(_) | StockOutcome::Tombstone) => Verdict::NotKept,
        Err(StockRefusal::HoldClosed | StockRefusal::HoldNotFound) => Verdict::Closed,
        Err(StockRefusal::TicketRetiring) => Verdict::Retiring,
        Err(StockRefusal::CountersBroken) => Verdict::Failed,
        Err(_) => Verdict::Unsaleable,
    }
}

fn news(event: &TicketEvent) -> Option<News> {
    match event {
        TicketEvent::HoldExpired { .. } => Some(News::HoldExpired),
        TicketEvent::StockReturned { .. } => Some(News::StockReturned),
        TicketEvent::TicketRegistered { .. }
        | TicketEvent::TicketChanged { .. }
        | TicketEvent::TicketRetirementStarted { .. }
        | TicketEvent::TicketRetired { .. } => None,
    }
}
