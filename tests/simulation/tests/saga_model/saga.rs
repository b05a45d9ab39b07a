//! The model: what can happen next, and the world after it. The contexts decide by their own code; what is told here
//! is only what stands between them: the network, the drives that come and go, the provider, and time.

use std::collections::HashSet;
use std::sync::RwLock;

use booking::BookingStatus;
use stateright::{Model, Property};
use ticket::{HoldStep, TicketStatus};

use crate::bookings::{BookingSeen, Bookings, bookings};
use crate::money::{Ledger, MoneyRules, MoneySeen, Outcome, money_rules};
use crate::mutant::Mutant;
use crate::network::{Few, News, Request};
use crate::promises;
use crate::rulebook::RowNo;
use crate::stock::{HoldSeen, RIVAL, ShelfSeen, StockRules, stock_rules};

/// Who takes part, and how much the network may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    pub(crate) bookings: usize,
    /// Somebody else takes the unit and gives it up, whenever it is possible and as often as they like.
    pub(crate) rival: bool,
    /// Requests nobody waits for any more that may be on their way at a time, of all bookings together.
    pub(crate) late_max: u32,
    /// A request that was answered may arrive once more.
    pub(crate) repeats: bool,
    /// The organizer may delete the ticket.
    pub(crate) deletes: bool,
    /// Upsets of one run; any number if `None`.
    pub(crate) upsets_max: Option<u8>,
    /// Attempts to pay that a buyer makes.
    pub(crate) attempts: u32,
    /// The ticket is paid before stock is set aside.
    pub(crate) pay_first: bool,
    /// A charge that is said not to have been sent may arrive all the same (trap R04).
    pub(crate) not_sent_is_a_lie: bool,
}

/// All there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) shelf: RowNo,
    pub(crate) parties: [Party; 2],
    /// Counted only where their number has a limit.
    pub(crate) upsets: u8,
}

/// One booking in all contexts, and what is on its way between them about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Party {
    /// As booking has stored it, once it is placed.
    pub(crate) row: Option<RowNo>,
    /// It was placed when its ticket had been deleted.
    pub(crate) came_late: bool,
    pub(crate) drive: Option<Drive>,
    /// Requests that may still arrive, though nobody waits for the answer.
    pub(crate) late: Few<Request>,
    pub(crate) news: Few<News>,
    pub(crate) settlement: RowNo,
    pub(crate) ledger: Ledger,
}

/// Whoever drives a booking. It knows more than the row, and is gone after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Drive {
    pub(crate) memory: RowNo,
    /// What it has asked and waits for.
    pub(crate) awaits: Few<Request>,
}

/// Something that happens. The number says to which booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Place(usize),
    Pay(usize),
    Cancel(usize),
    /// The organizer deletes the ticket.
    DeleteTicket,
    /// The sweep sees that nothing of it is kept.
    EndRetirement,
    RivalTakes,
    RivalGivesUp,
    /// The sweep of booking takes it over.
    TakeOver(usize),
    PayByPasses(usize),
    /// Whoever drives it is killed, with what it knew.
    Crash(usize),
    /// A request is handled and answered. A copy of it may arrive once more.
    Answer(usize, Request),
    /// A charge that provably was never sent.
    NotSent(usize),
    /// No answer comes in time, whether or not the request still arrives.
    TimeOut(usize, Request),
    /// A request that nobody waits for is handled. It may arrive once more.
    Arrive(usize, Request),
    Lose(usize, Request),
    Hear(usize, News),
    /// A message about a charge is left to a drive that is dead already, and whose lease is not over.
    Ignore(usize, News),
    HoldExpires(usize),
    /// The provider hears of an attempt.
    Provider(usize, u32, Outcome),
    /// The payment context learns what became of an attempt.
    Learn(usize, u32, Outcome),
    BeginRefund(usize),
    /// The provider gives the money back.
    GiveBack(usize),
    LearnRefund(usize),
}

impl Action {
    /// Whether somebody changes their mind, time runs out, or a call does not come to its end.
    const fn is_an_upset(self) -> bool {
        matches!(
            self,
            Self::Cancel(_)
                | Self::Pay(_)
                | Self::DeleteTicket
                | Self::HoldExpires(_)
                | Self::Crash(_)
                | Self::NotSent(_)
                | Self::TimeOut(..)
        )
    }
}

/// The model of one scope, with all rules or without one.
pub(crate) struct Saga {
    pub(crate) scope: Scope,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) bookings: Bookings,
    pub(crate) stock: StockRules,
    pub(crate) money: MoneyRules,
    /// Worlds from which everything is known to come to rest.
    pub(crate) restful: RwLock<HashSet<World>>,
}

impl Saga {
    pub(crate) fn new(scope: Scope, mutant: Option<Mutant>) -> Self {
        Self {
            scope,
            mutant,
            bookings: bookings(scope.pay_first, mutant),
            stock: stock_rules(mutant),
            money: money_rules(mutant),
            restful: RwLock::default(),
        }
    }

    pub(crate) fn booking(&self, party: &Party) -> Option<BookingSeen> {
        party.row.map(|row| self.bookings.see(row))
    }

    pub(crate) fn settlement(&self, party: &Party) -> MoneySeen {
        self.money.see(party.settlement)
    }

    pub(crate) fn shelf(&self, world: &World) -> ShelfSeen {
        self.stock.see(world.shelf)
    }

    /// The bookings of this scope, by number.
    pub(crate) fn parties<'a>(
        &self,
        world: &'a World,
    ) -> impl Iterator<Item = (usize, &'a Party)> + use<'a> {
        world.parties.iter().enumerate().take(self.scope.bookings)
    }

    /// What people may do to a booking, and what time does.
    fn wishes(&self, of: usize, party: &Party, shelf: &ShelfSeen, actions: &mut Vec<Action>) {
        let Some(booking) = self.booking(party) else {
            actions.push(Action::Place(of));
            return;
        };
        if booking.status.is_open() {
            actions.push(Action::Cancel(of));
        }
        if booking.status == BookingStatus::AwaitingPayment {
            if booking.attempt <= self.scope.attempts {
                actions.push(Action::Pay(of));
            }
            if party.drive.is_none() {
                actions.push(Action::PayByPasses(of));
            }
        }
        match shelf.holds[of] {
            HoldSeen::Pinned | HoldSeen::Unpinned => actions.push(Action::HoldExpires(of)),
            HoldSeen::Unknown | HoldSeen::Committed | HoldSeen::Expired | HoldSeen::GivenUp => {}
        }
    }

    /// What becomes of drives and requests.
    fn traffic(&self, of: usize, party: &Party, actions: &mut Vec<Action>) {
        actions.extend(party.late.each().map(|request| Action::Arrive(of, request)));
        actions.extend(party.late.each().map(|request| Action::Lose(of, request)));
        actions.extend(party.news.each().map(|news| Action::Hear(of, news)));
        let Some(booking) = self.booking(party) else { return };
        let Some(drive) = party.drive else {
            if !booking.asks.is_empty() {
                actions.push(Action::TakeOver(of));
            }
            if booking.status == BookingStatus::Pending {
                let left = party.news.each().filter(|news| news.is_about_a_charge());
                actions.extend(left.map(|news| Action::Ignore(of, news)));
            }
            return;
        };
        actions.push(Action::Crash(of));
        for request in drive.awaits.each() {
            actions.push(Action::Answer(of, request));
            actions.push(Action::TimeOut(of, request));
            let stored = |attempt| self.settlement(party).attempt(attempt).is_some();
            if request.attempt().is_some_and(|attempt| !stored(attempt)) {
                actions.push(Action::NotSent(of));
            }
        }
    }

    /// What the payment context and the provider do about the money.
    fn payments(&self, of: usize, party: &Party, actions: &mut Vec<Action>) {
        let settlement = self.settlement(party);
        for attempt in settlement.undecided() {
            let decided = party.ledger.decided[attempt as usize - 1];
            match decided {
                None => {
                    actions.push(Action::Provider(of, attempt, Outcome::Approved));
                    actions.push(Action::Provider(of, attempt, Outcome::Declined));
                }
                Some(outcome) => actions.push(Action::Learn(of, attempt, outcome)),
            }
            if decided == Some(Outcome::Approved)
                && self.mutant == Some(Mutant::ProviderIgnoresTheKey)
            {
                actions.push(Action::Provider(of, attempt, Outcome::Approved));
            }
        }
        if settlement.refund_requested {
            actions.push(Action::BeginRefund(of));
        }
        if let Some(refund) = settlement.refund_begun {
            let is_made = party.ledger.given_back & (1 << refund) != 0;
            actions.push(if is_made { Action::LearnRefund(of) } else { Action::GiveBack(of) });
        }
    }

    /// The world after something happened.
    pub(crate) fn after(&self, mut world: World, action: Action) -> World {
        match action {
            Action::Place(of) => self.place(&mut world, of),
            Action::Pay(of) => self.pay(&mut world, of),
            Action::Cancel(of) => self.cancel(&mut world, of),
            Action::DeleteTicket => self.delete_ticket(&mut world),
            Action::EndRetirement => self.end_retirement(&mut world),
            Action::RivalTakes => self.rival_takes(&mut world),
            Action::RivalGivesUp => self.expire(&mut world, RIVAL),
            Action::TakeOver(of) => self.take_over(&mut world, of),
            Action::PayByPasses(of) => self.pay_by_passes(&mut world, of),
            Action::Crash(of) => self.abandon(&mut world, of),
            Action::Answer(of, request) => self.answer(&mut world, of, request),
            Action::NotSent(of) => self.not_sent(&mut world, of),
            Action::TimeOut(of, request) => self.time_out(&mut world, of, request),
            Action::Arrive(of, request) => {
                self.serve(&mut world, of, request);
            }
            Action::Lose(of, request) => {
                let party = &mut world.parties[of];
                party.late = party.late.without(request);
            }
            Action::Hear(of, news) => self.hear(&mut world, of, news),
            Action::Ignore(of, news) => {
                let party = &mut world.parties[of];
                party.news = party.news.without(news);
            }
            Action::HoldExpires(of) => self.expire(&mut world, of),
            Action::Provider(of, attempt, outcome) => {
                provide(&mut world.parties[of], attempt, outcome);
            }
            Action::Learn(of, attempt, outcome) => self.learn(&mut world, of, attempt, outcome),
            Action::BeginRefund(of) => self.begin_refund(&mut world, of),
            Action::GiveBack(of) => self.give_back(&mut world, of),
            Action::LearnRefund(of) => self.learn_refund(&mut world, of),
        }
        world
    }

    pub(crate) fn expire(&self, world: &mut World, of: usize) {
        self.step(world, of, HoldStep::Expire);
    }
}

/// The provider acts on a charge that it hears of.
fn provide(party: &mut Party, attempt: u32, outcome: Outcome) {
    party.ledger.decided[attempt as usize - 1] = Some(outcome);
    party.ledger.taken += u8::from(outcome == Outcome::Approved);
}

impl Model for Saga {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let party = Party {
            row: None,
            came_late: false,
            drive: None,
            late: Few::NONE,
            news: Few::NONE,
            settlement: MoneyRules::FIRST,
            ledger: Ledger::default(),
        };
        let mut world = World { shelf: StockRules::FIRST, parties: [party; 2], upsets: 0 };
        if self.scope.rival {
            // So that afterwards it either keeps the unit or does not, and there is no third.
            self.rival_takes(&mut world);
            self.expire(&mut world, RIVAL);
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let shelf = self.shelf(world);
        for (of, party) in self.parties(world) {
            self.wishes(of, party, &shelf, actions);
            self.traffic(of, party, actions);
            self.payments(of, party, actions);
        }
        match shelf.status {
            TicketStatus::OnSale if self.scope.deletes => actions.push(Action::DeleteTicket),
            TicketStatus::Retiring if shelf.kept == 0 => actions.push(Action::EndRetirement),
            TicketStatus::OnSale
            | TicketStatus::Paused
            | TicketStatus::Retiring
            | TicketStatus::Retired => {}
        }
        if self.scope.rival {
            let keeps = shelf.holds[RIVAL].keeps_stock();
            actions.push(if keeps { Action::RivalGivesUp } else { Action::RivalTakes });
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut before = *world;
        if let (true, Some(max)) = (action.is_an_upset(), self.scope.upsets_max) {
            before.upsets = Some(before.upsets + 1).filter(|upsets| *upsets <= max)?;
        }
        let after = self.after(before, action);
        (after != *world).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all(self.scope)
    }

    /// A double charge is found by then; what follows from it has no end.
    fn within_boundary(&self, world: &World) -> bool {
        world.parties.iter().all(|party| party.ledger.taken <= 2)
    }
}
