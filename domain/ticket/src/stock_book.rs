//! The decision about stock, pure: a working set of rows, orders decided one after the other on it,
//! and what is to be written. Every store reads the rows that [`StockNeeds`](crate::StockNeeds) names
//! inside its transaction, asks the book, and writes the changes; so batching can go below the port.

mod chosen;

use std::collections::{BTreeMap, BTreeSet};

use kernel::{BuyerId, HoldId, Invalid, Quantity, Recorded, TicketId, Timestamp, Violation};

use crate::hold::{HoldFact, Move, NoPart};
use crate::{
    EntryKind, Hold, HoldOwner, HoldRecord, HoldRequest, HoldState, HoldStep, Lines, NEVER, Slot,
    SlotCounts, SlotKey, SlotRecord, StockCommand, StockEntry, StockOrder, StockOutcome,
    StockRefusal, StockVerdict, Ticket, TicketEvent, Tombstone, fold,
};
use chosen::{Plans, Stocks};

/// The rows that some orders are decided on, and what has changed of them.
#[derive(Debug, Clone, Default)]
pub struct StockBook {
    tickets: BTreeMap<TicketId, Ticket>,
    stocks: Stocks,
    plans: Plans,
    holds: BTreeMap<HoldId, HoldRecord>,
    owned_by_buyer: BTreeMap<(TicketId, BuyerId), u64>,
    revisions_read: BTreeMap<HoldId, i64>,
    reduced: BTreeSet<HoldId>,
    entries: Vec<StockEntry>,
    events: Vec<Recorded<TicketEvent>>,
}

/// One hold to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldChange {
    /// What it is now.
    pub record: HoldRecord,
    /// The revision that was read; 0 where the row is new.
    pub expected_revision: i64,
    /// Its lines are not those that were read.
    pub reduced: bool,
}

/// All that some orders change; durable together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockChanges {
    /// The holds.
    pub holds: Vec<HoldChange>,
    /// What the counters change by: the fold of the entries, so I2 holds by construction.
    pub counters: BTreeMap<SlotKey, SlotCounts>,
    /// New lines of the ledger.
    pub entries: Vec<StockEntry>,
    /// What is to be told.
    pub events: Vec<Recorded<TicketEvent>>,
}

impl StockBook {
    /// A working set: `owned` counts the units of ACTIVE and COMMITTED holds of a buyer.
    #[must_use]
    pub fn new(
        tickets: Vec<Ticket>,
        stocks: Vec<(SlotKey, SlotRecord)>,
        holds: Vec<HoldRecord>,
        owned: Vec<((TicketId, BuyerId), u64)>,
    ) -> Self {
        Self {
            tickets: tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect(),
            stocks: stocks.into_iter().collect(),
            plans: Plans::new(),
            reduced: BTreeSet::new(),
            revisions_read: holds.iter().map(|hold| (hold.id(), hold.revision())).collect(),
            holds: holds.into_iter().map(|hold| (hold.id(), hold)).collect(),
            owned_by_buyer: owned.into_iter().collect(),
            entries: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Decides one order. A refusal changes nothing, and a repeat gets the stored result.
    pub fn execute(&mut self, order: &StockOrder, now: Timestamp) -> StockVerdict {
        match &order.command {
            StockCommand::Hold(request) => self.hold(request, now),
            StockCommand::Step(hold_id, step) => match self.holds.get(hold_id).cloned() {
                Some(HoldRecord::Hold(hold)) => self.step(hold, *step, order, now),
                Some(HoldRecord::Tombstone(tombstone)) => {
                    self.step_tombstone(tombstone, *step, order, now)
                }
                None => self.step_unknown(*hold_id, *step, order, now),
            },
            StockCommand::Reduce(hold_id, stays) => self.reduce(*hold_id, *stays, now),
        }
    }

    /// The slots that many share, and of which nothing is left now. A seat is one buyer's.
    pub fn sold_out(&self) -> impl Iterator<Item = &SlotKey> {
        let shared = |slot: &Slot| match slot {
            Slot::Admission | Slot::Night(_) => true,
            Slot::Seat(_) => false,
        };
        let sold_out = self
            .stocks
            .iter()
            .filter(move |((_, slot), record)| shared(slot) && record.stock.available() == 0);
        sold_out.map(|(slot, _)| slot)
    }

    /// What is to be written.
    #[must_use]
    pub fn into_changes(self) -> StockChanges {
        let (read, reduced) = (self.revisions_read, self.reduced);
        let changed = |record: HoldRecord| {
            let expected_revision = read.get(&record.id()).copied().unwrap_or(0);
            let reduced = reduced.contains(&record.id());
            (record.revision() != expected_revision).then_some(HoldChange {
                record,
                expected_revision,
                reduced,
            })
        };
        StockChanges {
            holds: self.holds.into_values().filter_map(changed).collect(),
            counters: fold(&self.entries),
            entries: self.entries,
            events: self.events,
        }
    }

    fn hold(&mut self, request: &HoldRequest, now: Timestamp) -> StockVerdict {
        if let Some(known) = self.holds.get(&request.hold_id) {
            return repeated(known, request);
        }
        let lines = self.lines_of(request, now)?;
        let ticket = self.tickets.get(&request.ticket_id).ok_or(StockRefusal::TicketNotFound)?;
        let total = chosen::total(ticket, &lines, &self.stocks);
        let Some((quantity, total)) = request.wanted.quantity().zip(total) else {
            let wrong = "must be a number of units that there is a price for";
            return Err(Invalid(vec![Violation::new("quantity", wrong)]).into());
        };
        if request.expected_total.is_some_and(|expected| expected != total) {
            return Err(StockRefusal::PriceMismatch { total });
        }
        // What the house keeps has no end to be kept from.
        let (pinned_since, expires_at) = match &request.owner {
            HoldOwner::Buyer(_) => (request.pinned.then_some(now), now.plus(ticket.terms.hold_ttl)),
            HoldOwner::House { .. } => (None, NEVER),
        };
        let hold = Hold {
            id: request.hold_id,
            ticket_id: request.ticket_id,
            owner: request.owner.clone(),
            quantity,
            lines,
            unit_price: ticket.terms.unit_price,
            total,
            state: HoldState::Active { pinned_since },
            expires_at,
            revision: 1,
            event_version: 0,
        };
        self.check_limit(ticket, &hold)?;
        if request.check_only {
            self.moved_stocks(hold.ticket_id, &hold.lines, &[EntryKind::Hold])?;
            return Ok(StockOutcome::Hold(hold));
        }
        self.apply(&hold, &[EntryKind::Hold], now)?;
        Ok(self.store(hold))
    }

    fn lines_of(&mut self, request: &HoldRequest, now: Timestamp) -> Result<Lines, StockRefusal> {
        let ticket = self.tickets.get(&request.ticket_id).ok_or(StockRefusal::TicketNotFound)?;
        match &request.owner {
            HoldOwner::Buyer(_) if !ticket.is_on_sale(now) => return Err(StockRefusal::NotOnSale),
            // What is on sale the organizer decides, and keeps back before it is.
            HoldOwner::House { .. } if ticket.is_deleted() => {
                return Err(StockRefusal::TicketRetiring);
            }
            HoldOwner::Buyer(_) | HoldOwner::House { .. } => {}
        }
        chosen::lines(ticket, request, (&self.stocks, &mut self.plans), now)
    }

    fn step(
        &mut self,
        mut hold: Hold,
        step: HoldStep,
        order: &StockOrder,
        now: Timestamp,
    ) -> StockVerdict {
        let Some(happens) = hold.decide(step, now).map_err(|_| StockRefusal::HoldClosed)? else {
            return Ok(StockOutcome::Hold(hold));
        };
        self.check_ticket(&hold, happens)?;
        self.apply(&hold, happens.entries, now)?;
        if happens.entries.contains(&EntryKind::Retake)
            && let Some(ticket) = self.tickets.get(&hold.ticket_id)
        {
            hold.expires_at = now.plus(ticket.terms.hold_ttl);
        }
        hold.state = happens.to;
        hold.revision += 1;
        if let Some(fact) = happens.fact {
            hold.event_version += 1;
            self.tell(order, now, hold.event_version, happened_to(&hold, fact));
        }
        Ok(self.store(hold))
    }

    fn step_tombstone(
        &mut self,
        mut tombstone: Tombstone,
        step: HoldStep,
        order: &StockOrder,
        now: Timestamp,
    ) -> StockVerdict {
        if tombstone.decide(step).map_err(|_| StockRefusal::HoldClosed)? {
            tombstone.told = true;
            tombstone.revision += 1;
            self.tell(order, now, 1, nothing_to_return(&tombstone));
            self.holds.insert(tombstone.id, HoldRecord::Tombstone(tombstone));
        }
        Ok(StockOutcome::Tombstone)
    }

    /// Rule R3: what is given up before it came must not come later.
    fn step_unknown(
        &mut self,
        id: HoldId,
        step: HoldStep,
        order: &StockOrder,
        now: Timestamp,
    ) -> StockVerdict {
        let told = match step {
            HoldStep::Pin
            | HoldStep::Unpin
            | HoldStep::Commit
            | HoldStep::Expire
            | HoldStep::ReleaseHouse => {
                return Err(StockRefusal::HoldNotFound);
            }
            HoldStep::Release => false,
            HoldStep::Return => true,
        };
        let tombstone = Tombstone { id, told, revision: 1 };
        if told {
            self.tell(order, now, 1, nothing_to_return(&tombstone));
        }
        self.holds.insert(id, HoldRecord::Tombstone(tombstone));
        Ok(StockOutcome::Tombstone)
    }

    fn reduce(&mut self, id: HoldId, stays: Quantity, now: Timestamp) -> StockVerdict {
        let hold = match self.holds.get(&id) {
            Some(HoldRecord::Hold(hold)) => hold.clone(),
            Some(HoldRecord::Tombstone(_)) => return Err(StockRefusal::HoldClosed),
            None => return Err(StockRefusal::HoldNotFound),
        };
        let above = hold.part_above(stays).map_err(|no_part| match no_part {
            NoPart::Closed => StockRefusal::HoldClosed,
            NoPart::NotAlike => {
                let wrong = "cannot be less than all seats or nights";
                Invalid(vec![Violation::new("quantity", wrong)]).into()
            }
        })?;
        let Some((part, kind)) = above else { return Ok(StockOutcome::Hold(hold)) };
        self.apply(&part, &[kind], now)?;
        self.reduced.insert(id);
        Ok(self.store(Hold { revision: hold.revision + 1, ..hold.with_units(stays) }))
    }

    /// Selling and taking again need a ticket that is not deleted; taking again also the buyer's limit.
    fn check_ticket(&self, hold: &Hold, happens: Move) -> Result<(), StockRefusal> {
        let takes_again = happens.entries.contains(&EntryKind::Retake);
        if !takes_again && !happens.entries.contains(&EntryKind::Commit) {
            return Ok(());
        }
        let ticket = self.tickets.get(&hold.ticket_id).ok_or(StockRefusal::TicketNotFound)?;
        if ticket.is_deleted() {
            return Err(StockRefusal::TicketRetiring);
        }
        if takes_again { self.check_limit(ticket, hold) } else { Ok(()) }
    }

    fn check_limit(&self, ticket: &Ticket, hold: &Hold) -> Result<(), StockRefusal> {
        let Some(max) = ticket.terms.max_per_buyer else { return Ok(()) };
        let Some(buyer_id) = hold.owner.buyer_id() else { return Ok(()) };
        let owned = self.owned_by_buyer.get(&(ticket.id, buyer_id.clone())).unwrap_or(&0);
        if owned.saturating_add(u64::from(hold.quantity.get())) > u64::from(max.get()) {
            return Err(StockRefusal::LimitPerBuyer { max });
        }
        Ok(())
    }

    /// Moves all lines of a hold or none.
    fn apply(
        &mut self,
        hold: &Hold,
        kinds: &[EntryKind],
        now: Timestamp,
    ) -> Result<(), StockRefusal> {
        let moved = self.moved_stocks(hold.ticket_id, &hold.lines, kinds)?;
        if let Some(plan) = self.plans.get_mut(&hold.ticket_id) {
            for ((_, slot), record) in &moved {
                match slot {
                    Slot::Seat(name) => plan.mark(name, record.stock.available() > 0),
                    Slot::Admission | Slot::Night(_) => {}
                }
            }
        }
        self.stocks.extend(moved);
        let owner = hold.owner.buyer_id().map(|buyer_id| (hold.ticket_id, buyer_id.clone()));
        for kind in kinds {
            let (per_held, per_sold) = kind.per_unit();
            for (slot, quantity) in &hold.lines {
                let count = i64::from(quantity.get());
                self.entries.push(StockEntry {
                    ticket_id: hold.ticket_id,
                    slot: slot.clone(),
                    hold_id: hold.id,
                    kind: *kind,
                    d_held: per_held * count,
                    d_sold: per_sold * count,
                    at: now,
                });
            }
            let Some(owner) = &owner else { continue };
            let owned = self.owned_by_buyer.entry(owner.clone()).or_default();
            let count = i64::from(hold.quantity.get());
            *owned = owned.saturating_add_signed((per_held + per_sold) * count);
        }
        Ok(())
    }

    fn moved_stocks(
        &self,
        ticket_id: TicketId,
        lines: &Lines,
        kinds: &[EntryKind],
    ) -> Result<Stocks, StockRefusal> {
        let mut moved = Stocks::new();
        for (slot, quantity) in lines {
            let key = (ticket_id, slot.clone());
            let SlotRecord { mut stock, terms } =
                self.stocks.get(&key).copied().unwrap_or_default();
            for kind in kinds {
                let takes = matches!(kind, EntryKind::Hold | EntryKind::Retake);
                if takes && stock.available() < u64::from(quantity.get()) {
                    return Err(StockRefusal::SoldOut);
                }
                let (per_held, per_sold) = kind.per_unit();
                let count = i64::from(quantity.get());
                stock = stock
                    .moved(per_held * count, per_sold * count)
                    .map_err(|_| StockRefusal::CountersBroken)?;
            }
            moved.insert(key, SlotRecord { stock, terms });
        }
        Ok(moved)
    }

    fn tell(&mut self, order: &StockOrder, now: Timestamp, version: i64, event: TicketEvent) {
        self.events.push(Recorded {
            id: order.event_id,
            at: now,
            version,
            correlation_id: order.command.hold_id().to_string(),
            causation_id: order.causation_id.clone(),
            event,
        });
    }

    fn store(&mut self, hold: Hold) -> StockOutcome {
        self.holds.insert(hold.id, HoldRecord::Hold(hold.clone()));
        StockOutcome::Hold(hold)
    }
}

/// The same hold again gets the stored one, whatever has become of its time; a closed one, and a
/// different request under the same identifier, are refused.
fn repeated(known: &HoldRecord, request: &HoldRequest) -> StockVerdict {
    match known {
        HoldRecord::Tombstone(_) => Err(StockRefusal::HoldClosed),
        HoldRecord::Hold(hold) => match (hold.state, &hold.owner) {
            // That the house has given it up since does not change what the first call was answered.
            (HoldState::Released { .. }, HoldOwner::House { .. })
            | (HoldState::Active { .. } | HoldState::Committed | HoldState::Expired, _) => {
                let same = hold.ticket_id == request.ticket_id
                    && hold.owner.is_same(&request.owner)
                    && request.wanted.is_held_by(hold);
                if same {
                    Ok(StockOutcome::Hold(hold.clone()))
                } else {
                    Err(StockRefusal::HoldClosed)
                }
            }
            (HoldState::Returned | HoldState::Released { .. }, _) => Err(StockRefusal::HoldClosed),
        },
    }
}

fn happened_to(hold: &Hold, fact: HoldFact) -> TicketEvent {
    let (hold_id, booking_id) = (hold.id, hold.booking_id());
    match fact {
        HoldFact::Expired => {
            TicketEvent::HoldExpired { hold_id, booking_id, ticket_id: hold.ticket_id }
        }
        HoldFact::StockReturned => {
            TicketEvent::StockReturned { hold_id, booking_id, ticket_id: Some(hold.ticket_id) }
        }
    }
}

fn nothing_to_return(tombstone: &Tombstone) -> TicketEvent {
    TicketEvent::StockReturned {
        hold_id: tombstone.id,
        booking_id: tombstone.booking_id(),
        ticket_id: None,
    }
}

#[cfg(test)]
mod tests;
