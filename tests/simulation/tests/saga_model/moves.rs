//! What each action does: requests are served by the contexts' own code, and their answers applied by booking's.

use booking::{BookingStatus, CommitDenied, Happening, Transition};
use payment::PaymentStatus;
use ticket::{HoldStep, TicketStatus};

use crate::bookings::{Bookings, Said};
use crate::money::{ChargeDenied, MoneyAnswer, MoneyWish, Outcome};
use crate::mutant::Mutant;
use crate::network::{News, Request};
use crate::rulebook::RowNo;
use crate::saga::{Drive, Saga, World};
use crate::stock::{HoldSeen, RIVAL, StockWish, Verdict};

/// What people and time do.
impl Saga {
    pub(crate) fn place(&self, world: &mut World, of: usize) {
        let placed = Bookings::FIRST;
        world.parties[of].row = Some(placed);
        world.parties[of].came_late = self.shelf(world).status != TicketStatus::OnSale;
        self.drive(world, of, placed);
    }

    pub(crate) fn pay(&self, world: &mut World, of: usize) {
        self.move_row(world, of, Said::PaySubmitted);
        if let Some(row) = world.parties[of].row {
            self.drive(world, of, row);
        }
    }

    pub(crate) fn cancel(&self, world: &mut World, of: usize) {
        self.move_row(world, of, Said::CancelRequested);
    }

    pub(crate) fn pay_by_passes(&self, world: &mut World, of: usize) {
        self.move_row(world, of, Said::PayByPassed);
        if let Some(row) = world.parties[of].row {
            self.drive(world, of, row);
        }
    }

    pub(crate) fn delete_ticket(&self, world: &mut World) {
        world.shelf = self.stock.decide(world.shelf, StockWish::Retire).0;
        // A booking that is placed later is not found by whoever hears it, and finds its hold refused.
        for party in world.parties.iter_mut().filter(|party| party.row.is_some()) {
            party.news = party.news.with(News::TicketDeleted);
        }
    }

    pub(crate) fn end_retirement(&self, world: &mut World) {
        world.shelf = self.stock.decide(world.shelf, StockWish::EndRetirement).0;
    }

    pub(crate) fn rival_takes(&self, world: &mut World) {
        if self.shelf(world).holds[RIVAL] == HoldSeen::Unknown {
            let wish = StockWish::Hold { of: RIVAL, pinned: false };
            world.shelf = self.stock.decide(world.shelf, wish).0;
        } else {
            self.step(world, RIVAL, HoldStep::Pin);
            self.step(world, RIVAL, HoldStep::Unpin);
        }
    }
}

/// Drives.
impl Saga {
    /// The sweep takes a booking that nobody drives.
    pub(crate) fn take_over(&self, world: &mut World, of: usize) {
        if let Some(row) = world.parties[of].row {
            let (memory, _) = self.bookings.decide(row, Said::TakenOver);
            self.drive(world, of, memory);
        }
    }

    /// Whoever drives the booking is gone, or can write no more: what it asked may still arrive.
    pub(crate) fn abandon(&self, world: &mut World, of: usize) {
        if let Some(drive) = world.parties[of].drive.take() {
            drive.awaits.each().for_each(|request| self.delay(world, of, request));
        }
    }

    /// A drive asks what the booking says; one that says nothing is not driven.
    fn drive(&self, world: &mut World, of: usize, memory: RowNo) {
        let awaits = self.bookings.see(memory).asks;
        world.parties[of].drive = (!awaits.is_empty()).then_some(Drive { memory, awaits });
    }

    fn delay(&self, world: &mut World, of: usize, request: Request) {
        let on_their_way: u32 = world.parties.iter().map(|party| party.late.count()).sum();
        let party = &mut world.parties[of];
        if on_their_way < self.scope.late_max {
            party.late = party.late.with(request);
        }
    }

    pub(crate) fn answer(&self, world: &mut World, of: usize, request: Request) {
        if let Some(said) = self.serve(world, of, request) {
            self.conclude(world, of, request, said);
            if self.scope.repeats {
                self.delay(world, of, request);
            }
        }
    }

    pub(crate) fn not_sent(&self, world: &mut World, of: usize) {
        let Some(drive) = world.parties[of].drive else { return };
        if let Some(charge) = drive.awaits.each().find(|request| request.attempt().is_some()) {
            self.conclude(world, of, charge, Said::ChargeNotTried);
            if self.scope.not_sent_is_a_lie {
                self.delay(world, of, charge);
            }
        }
    }

    pub(crate) fn time_out(&self, world: &mut World, of: usize, request: Request) {
        let said = if request.attempt().is_some() { Said::ChargeUnknown } else { Said::Unanswered };
        self.conclude(world, of, request, said);
        self.delay(world, of, request);
    }

    /// A drive takes an answer: goes on from memory, or writes and goes on, or leaves it to the sweep.
    fn conclude(&self, world: &mut World, of: usize, request: Request, said: Said) {
        let Some(mut drive) = world.parties[of].drive else { return };
        let (memory, transition) = self.bookings.decide(drive.memory, said);
        let seen = self.bookings.see(memory);
        drive.memory = memory;
        drive.awaits = drive.awaits.without(request);
        match transition {
            Transition::GoOn => drive.awaits = seen.asks,
            Transition::Changed(told) => {
                self.write(world, of, memory, told);
                if seen.goes_on {
                    drive.awaits = seen.asks;
                }
            }
            Transition::AskLater => self.write(world, of, memory, None),
            Transition::Ignored => {}
        }
        world.parties[of].drive = (!drive.awaits.is_empty()).then_some(drive);
    }

    /// Somebody else than its drive moves a booking; the drive finds that out when it writes.
    fn move_row(&self, world: &mut World, of: usize, said: Said) {
        let Some(row) = world.parties[of].row else { return };
        let (after, transition) = self.bookings.decide(row, said);
        if after == row {
            return;
        }
        self.abandon(world, of);
        match transition {
            Transition::Changed(told) => self.write(world, of, after, told),
            Transition::GoOn | Transition::AskLater | Transition::Ignored => {
                self.write(world, of, after, None);
            }
        }
    }

    /// One commit: the row, and what it tells.
    fn write(&self, world: &mut World, of: usize, row: RowNo, told: Option<Happening>) {
        let party = &mut world.parties[of];
        party.row = Some(row);
        if told == Some(Happening::CancellationRequested) {
            party.news = party.news.with(News::CancelledForTicket);
            let skips = self.mutant == Some(Mutant::CancelSkipsRefund)
                && self.bookings.see(row).forgets_money;
            if !skips {
                party.news = party.news.with(News::CancelledForPayment);
            }
        }
    }

    pub(crate) fn hear(&self, world: &mut World, of: usize, news: News) {
        let party = &mut world.parties[of];
        party.news = party.news.without(news);
        let said = match news {
            News::CancelledForPayment => {
                self.settle(world, of, MoneyWish::Void);
                return;
            }
            News::CancelledForTicket => {
                self.step(world, of, HoldStep::Return);
                return;
            }
            News::TicketDeleted => Said::CancelRequested,
            News::HoldExpired => Said::HoldExpired,
            News::StockReturned => Said::StockReturned,
            News::Approved1 => Said::Charged(1),
            News::Approved2 => Said::Charged(2),
            News::Declined1 => Said::Declined(1),
            News::Declined2 => Said::Declined(2),
            News::PaymentVoided => Said::PaymentVoided,
            News::RefundedAll => Said::Refund { refunded: true, settled: true },
            News::RefundedSome => Said::Refund { refunded: true, settled: false },
        };
        // A drive that lives has asked, and hears the answer itself.
        let party = &world.parties[of];
        let booking = self.booking(party);
        let is_pending = booking.is_some_and(|booking| booking.status == BookingStatus::Pending);
        let is_left = news.is_about_a_charge() && is_pending && party.drive.is_some();
        if !is_left {
            self.move_row(world, of, said);
        }
    }
}

/// The servers that are asked.
impl Saga {
    /// Handles a request. No answer yet where the provider is to be asked first: then what the row says when it is
    /// looked at again.
    pub(crate) fn serve(&self, world: &mut World, of: usize, request: Request) -> Option<Said> {
        Some(match request {
            Request::Check => held(self.stock(world, StockWish::Check { of })),
            Request::Hold => held(self.stock(world, StockWish::Hold { of, pinned: true })),
            Request::Pin => pinned(self.step(world, of, HoldStep::Pin)),
            Request::Unpin => done(self.step(world, of, HoldStep::Unpin), Said::Unpinned),
            Request::Commit => committed(self.step(world, of, HoldStep::Commit)),
            Request::Release => done(self.step(world, of, HoldStep::Release), Said::HoldReleased),
            Request::Return => done(self.step(world, of, HoldStep::Return), Said::StockReturned),
            Request::Charge1 => return self.charge(world, of, 1),
            Request::Charge2 => return self.charge(world, of, 2),
            Request::Refund => return self.refund(world, of),
        })
    }

    fn charge(&self, world: &mut World, of: usize, attempt: u32) -> Option<Said> {
        let answer = self.settle(world, of, MoneyWish::Charge(attempt));
        if answer.happened {
            return None;
        }
        let party = &mut world.parties[of];
        let status = self.settlement(party).attempt(attempt);
        if self.mutant == Some(Mutant::RepeatedChargeIsAnother)
            && status == Some(PaymentStatus::Approved)
        {
            party.ledger.taken += 1;
        }
        Some(charged(attempt, answer.refused, status))
    }

    fn refund(&self, world: &mut World, of: usize) -> Option<Said> {
        let answer = self.settle(world, of, MoneyWish::Refund);
        let settlement = self.settlement(&world.parties[of]);
        let asks_the_provider = answer.happened && settlement.refund_begun.is_some();
        let (refunded, settled) = (settlement.refunded, settlement.settled);
        (!asks_the_provider).then_some(Said::Refund { refunded, settled })
    }

    /// A command about stock that nothing is told of.
    fn stock(&self, world: &mut World, wish: StockWish) -> Verdict {
        let (shelf, answer) = self.stock.decide(world.shelf, wish);
        world.shelf = shelf;
        answer.verdict
    }

    /// A step of a hold, and what is told of it.
    pub(crate) fn step(&self, world: &mut World, of: usize, step: HoldStep) -> Verdict {
        let (shelf, answer) = self.stock.decide(world.shelf, StockWish::Step { of, step });
        world.shelf = shelf;
        if let (Some(party), Some(news)) = (world.parties.get_mut(of), answer.news) {
            party.news = party.news.with(news);
        }
        answer.verdict
    }

    /// A step of a settlement, and what is told of it.
    fn settle(&self, world: &mut World, of: usize, wish: MoneyWish) -> MoneyAnswer {
        let party = &mut world.parties[of];
        let (row, answer) = self.money.decide(party.settlement, wish);
        party.settlement = row;
        party.news = answer.news.each().fold(party.news, |all, news| all.with(news));
        answer
    }

    pub(crate) fn learn(&self, world: &mut World, of: usize, attempt: u32, outcome: Outcome) {
        self.settle(world, of, MoneyWish::Charged(attempt, outcome));
    }

    pub(crate) fn begin_refund(&self, world: &mut World, of: usize) {
        self.settle(world, of, MoneyWish::BeginRefund);
    }

    pub(crate) fn give_back(&self, world: &mut World, of: usize) {
        let party = &mut world.parties[of];
        if let Some(refund) = self.settlement(party).refund_begun {
            party.ledger.given_back |= 1 << refund;
        }
    }

    pub(crate) fn learn_refund(&self, world: &mut World, of: usize) {
        if let Some(refund) = self.settlement(&world.parties[of]).refund_begun {
            self.settle(world, of, MoneyWish::Refunded(refund));
        }
    }
}

/// The facts that answers are, as `domain/booking/src/use_cases/drive.rs` reads them.
fn held(verdict: Verdict) -> Said {
    match verdict {
        Verdict::Kept => Said::Held,
        Verdict::NotKept | Verdict::Closed => Said::HoldClosed,
        Verdict::Unsaleable | Verdict::Retiring => Said::HoldRefused,
        Verdict::Failed => Said::Unanswered,
    }
}

fn pinned(verdict: Verdict) -> Said {
    match verdict {
        Verdict::Kept => Said::Pinned,
        Verdict::NotKept | Verdict::Closed | Verdict::Unsaleable | Verdict::Retiring => {
            Said::PinRefused
        }
        Verdict::Failed => Said::Unanswered,
    }
}

fn committed(verdict: Verdict) -> Said {
    match verdict {
        Verdict::Kept => Said::HoldCommitted,
        Verdict::NotKept | Verdict::Closed | Verdict::Unsaleable => {
            Said::CommitRefused(CommitDenied::Gone)
        }
        Verdict::Retiring => Said::CommitRefused(CommitDenied::Retiring),
        Verdict::Failed => Said::Unanswered,
    }
}

fn done(verdict: Verdict, said: Said) -> Said {
    if verdict == Verdict::Failed { Said::Unanswered } else { said }
}

fn charged(attempt: u32, denied: Option<ChargeDenied>, status: Option<PaymentStatus>) -> Said {
    match (denied, status) {
        (Some(ChargeDenied::Voided), _)
        | (None, Some(PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded)) => {
            Said::ChargeVoided
        }
        (Some(ChargeDenied::OutOfTurn), _) => Said::ChargeNotTried,
        (None, Some(PaymentStatus::Approved)) => Said::Charged(attempt),
        (None, Some(PaymentStatus::Declined)) => Said::Declined(attempt),
        (Some(ChargeDenied::Undecided), _)
        | (None, Some(PaymentStatus::Processing | PaymentStatus::Unknown) | None) => {
            Said::ChargeUnknown
        }
    }
}
