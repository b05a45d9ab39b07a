//! The driver of all three processes: asks what the state says, applies the answer, writes what must be
//! written, and goes on until the booking waits. Whoever drives next goes on from the row.

use futures::future::join_all;
use kernel::{Committed, StoreError, Timestamp};

use super::Bookings;
use super::booking_change::{Moved, reply_after};
use crate::limits::{LEASE_RENEWAL, STEPS_MAX, backoff};
use crate::{
    Ask, Booking, Charge, ChargeOutcome, CommitDenied, Fact, Happening, HoldOrder, HoldView, Lease,
    RefundProgress, RejectReason, Stage, State, StockAsk, StockDenied, StockFault, Stored, Timer,
    Transition, Unanswered, Wake,
};

/// A booking that is durable, and the right to drive it if this call has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The booking as it is stored.
    pub booking: Booking,
    pub(super) lease: Option<Lease>,
}

/// A booking of which so much is done that its caller can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driven {
    /// The booking as it is stored.
    pub booking: Booking,
    /// The same where something is left to do that nobody waits for, for [`Bookings::drive_on`]. Who drops it leaves it
    /// to the sweep, once the lease is over.
    pub rest: Option<Begun>,
}

/// A lease and when, at the latest, it began.
pub(super) struct Leased {
    pub(super) lease: Lease,
    pub(super) since: Timestamp,
}

/// How far to drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Until its caller can be answered.
    Decided,
    /// As far as it goes.
    Waiting,
}

/// What the facts of one round led to.
enum Round {
    /// Go on from memory.
    GoOn,
    /// Write.
    Changed(Option<Happening>),
    /// Write the timer.
    AskLater,
    /// Nothing to do.
    Nothing,
}

/// One drive under one lease.
pub(super) struct Drive<'a> {
    bookings: &'a Bookings,
    lease: Lease,
    renew_at: Timestamp,
    tries: u32,
}

impl Bookings {
    /// Drives a booking that was just placed or submitted for payment until it leaves PENDING or must
    /// wait, and gives it as it is then. MUST run to its end: the caller may stop waiting, not it.
    ///
    /// # Errors
    /// [`StoreError`]; the sweep goes on when the lease is over.
    pub async fn drive(&self, begun: Begun) -> Result<Driven, StoreError> {
        let Begun { booking, lease } = begun;
        let Some(lease) = lease else { return Ok(Driven { booking, rest: None }) };
        let leased = Leased { lease, since: booking.updated_at };
        self.drive_under(leased, booking, 0, Until::Decided).await
    }

    /// Drives what [`Bookings::drive`] left as far as it goes.
    ///
    /// # Errors
    /// As there.
    pub async fn drive_on(&self, rest: Begun) -> Result<(), StoreError> {
        let Begun { booking, lease: Some(lease) } = rest else { return Ok(()) };
        let leased = Leased { lease, since: booking.updated_at };
        self.drive_under(leased, booking, 0, Until::Waiting).await.map(|_driven| ())
    }

    pub(super) async fn drive_under(
        &self,
        leased: Leased,
        booking: Booking,
        tries: u32,
        until: Until,
    ) -> Result<Driven, StoreError> {
        let Leased { lease, since } = leased;
        let renew_at = since.plus(LEASE_RENEWAL);
        let mut drive = Drive { bookings: self, lease, renew_at, tries };
        let mut at = Some(booking.clone());
        let mut last = booking;
        for _ in 0..STEPS_MAX {
            at = match at {
                None => break,
                Some(booking) if until == Until::Decided && !booking.is_pending() => {
                    let rest = Begun { booking, lease: Some(drive.lease) };
                    return Ok(Driven { booking: last, rest: Some(rest) });
                }
                Some(booking) => {
                    let goes_on;
                    (last, goes_on) = drive.step(booking).await?;
                    goes_on
                }
            };
        }
        Ok(Driven { booking: last, rest: None })
    }
}

impl Drive<'_> {
    /// One round. Gives the booking after it, and once more if the drive goes on from it.
    async fn step(&mut self, booking: Booking) -> Result<(Booking, Option<Booking>), StoreError> {
        let facts = match booking.overdue(self.bookings.clock.now()) {
            Some(fact) => vec![fact],
            None => {
                let asks = booking.next_asks();
                if asks.is_empty() {
                    return Ok((booking, None));
                }
                if !self.hold_lease(&booking).await? {
                    return self.reload(booking).await;
                }
                join_all(asks.into_iter().map(|ask| self.bookings.ask(&booking, ask))).await
            }
        };
        let was_pending = booking.is_pending();
        let now = self.bookings.clock.now();
        let mut booking = booking;
        let moved = match take(&mut booking, &facts, now) {
            Round::GoOn => return Ok((booking.clone(), Some(booking))),
            Round::Nothing => return Ok((booking, None)),
            Round::AskLater => self.later(booking),
            Round::Changed(told) => self.moved(booking, told, was_pending),
        };
        let goes_on = moved.timer.lease.is_some();
        self.tries = moved.timer.tries;
        let (verdict, stored) = self.bookings.commit(moved, now).await?;
        match verdict {
            Committed::Done => {
                self.bookings.charges_heard.remember(stored.id, &facts);
                self.renew_at = now.plus(LEASE_RENEWAL);
                Ok((stored.clone(), goes_on.then_some(stored)))
            }
            Committed::Stale | Committed::AlreadyHandled | Committed::KeyTaken => {
                self.reload(stored).await
            }
        }
    }

    fn moved(&self, booking: Booking, told: Option<Happening>, was_pending: bool) -> Moved {
        let mut moved = Moved::new(booking, told);
        moved.reply = reply_after(self.bookings.encode_reply, was_pending, &moved);
        let at_once = matches!(moved.timer.wake, Wake::After(wait) if wait.is_zero());
        // Whoever pays again has the hold pinned: only a sweep that has claimed the booking may let it expire.
        let waits_for_its_buyer = matches!(moved.booking.state, State::AwaitingPayment { .. });
        if at_once && !waits_for_its_buyer {
            moved.timer.lease = Some(self.lease.clone());
        }
        moved
    }

    /// Gives the booking back to the sweep, for later.
    fn later(&self, booking: Booking) -> Moved {
        let tries = self.tries.saturating_add(1);
        let timer = Timer { wake: Wake::After(backoff(tries)), tries, lease: None };
        Moved { timer, ..Moved::new(booking, None) }
    }

    /// A call may begin only if it ends within the lease.
    async fn hold_lease(&mut self, booking: &Booking) -> Result<bool, StoreError> {
        let now = self.bookings.clock.now();
        if now < self.renew_at {
            return Ok(true);
        }
        self.renew_at = now.plus(LEASE_RENEWAL);
        self.bookings.store.renew_lease(booking.id, &self.lease).await
    }

    /// Somebody else has moved the booking: a cancellation, or a drive that took over.
    async fn reload(&self, ours: Booking) -> Result<(Booking, Option<Booking>), StoreError> {
        let Some(Stored { mut booking, process }) = self.bookings.store.find(ours.id).await? else {
            return Ok((ours, None));
        };
        if process.lease_owner.as_deref() != Some(&self.lease.owner) {
            return Ok((booking, None));
        }
        booking.resume();
        Ok((booking.clone(), Some(booking)))
    }
}

/// Applies the facts of one round. At most one of them tells something.
fn take(booking: &mut Booking, facts: &[Fact], now: Timestamp) -> Round {
    let mut round = Round::Nothing;
    for fact in facts {
        round = match (booking.on(fact, now), round) {
            (Transition::Changed(told), Round::Changed(before)) => Round::Changed(told.or(before)),
            (Transition::Changed(told), _) => Round::Changed(told),
            (_, Round::Changed(told)) => Round::Changed(told),
            (Transition::GoOn, _) => Round::GoOn,
            (Transition::AskLater, _) => Round::AskLater,
            (Transition::Ignored, round) => round,
        };
    }
    round
}

impl Bookings {
    async fn ask(&self, booking: &Booking, ask: Ask) -> Fact {
        let id = booking.id;
        match ask {
            Ask::CheckStock | Ask::HoldStock => {
                held(self.tickets.ask(StockAsk::Hold(hold_order(booking))).await)
            }
            Ask::PinHold => pinned(self.tickets.ask(StockAsk::Pin(id)).await),
            Ask::UnpinHold => done(self.tickets.ask(StockAsk::Unpin(id)).await, Fact::Unpinned),
            Ask::Charge => charged(booking, self.payments.charge(&charge(booking)).await),
            Ask::CommitHold => committed(self.tickets.ask(StockAsk::Commit(id)).await),
            Ask::ReleaseHold => {
                done(self.tickets.ask(StockAsk::Release(id)).await, Fact::HoldReleased)
            }
            Ask::ReturnStock => {
                done(self.tickets.ask(StockAsk::Return(id)).await, Fact::StockReturned)
            }
            Ask::RefundPayment => {
                refunded(booking, self.payments.refund(id, booking.cancel_fee).await)
            }
            Ask::ReduceHold => {
                let reduce = StockAsk::Reduce(id, booking.booked.quantity());
                done(self.tickets.ask(reduce).await, Fact::HoldReduced)
            }
            Ask::ReducePayment => {
                refunded(booking, self.payments.reduce(id, booking.stays_paid()).await)
            }
        }
    }
}

fn hold_order(booking: &Booking) -> HoldOrder {
    let agreed = matches!(
        booking.state,
        State::Pending {
            stage: Stage::Holding { price_agreed: true }
                | Stage::Checking { price_agreed: true, .. }
                | Stage::Allocating { .. },
            ..
        }
    );
    HoldOrder {
        booking_id: booking.id,
        ticket_id: booking.ticket.id,
        buyer_id: booking.buyer_id.clone(),
        booked: booking.booked.clone(),
        expected_total: agreed.then_some(booking.total),
        // Whoever resumes a booking makes it unclear, and so does an answer that stays out.
        surely_new: matches!(booking.state, State::Pending { unclear: false, .. }),
        check_only: matches!(booking.state, State::Pending { stage: Stage::Checking { .. }, .. }),
    }
}

fn charge(booking: &Booking) -> Charge {
    Charge {
        booking_id: booking.id,
        attempt: booking.attempt,
        buyer_id: booking.buyer_id.clone(),
        buyer_locale: booking.buyer_locale,
        amount: booking.total,
        payment_method: booking.payment_method.clone(),
    }
}

fn held(answer: Result<Option<HoldView>, StockFault>) -> Fact {
    match answer {
        Ok(Some(HoldView { booked, total, expires_at, keeps_stock: true })) => {
            Fact::Held { booked, total, expires_at }
        }
        Ok(Some(HoldView { keeps_stock: false, .. }) | None) => Fact::HoldClosed,
        Err(StockFault::Refused(StockDenied::Unsaleable { refusal, total })) => {
            Fact::HoldRefused { refusal, total }
        }
        Err(StockFault::Refused(StockDenied::HoldClosed)) => Fact::HoldClosed,
        Err(StockFault::Refused(StockDenied::TicketRetiring)) => {
            Fact::HoldRefused { refusal: RejectReason::NotOnSale.into(), total: None }
        }
        Err(StockFault::Unanswered(_)) => Fact::Unanswered,
    }
}

fn pinned(answer: Result<Option<HoldView>, StockFault>) -> Fact {
    match answer {
        Ok(Some(HoldView { expires_at, keeps_stock: true, .. })) => Fact::Pinned { expires_at },
        Ok(Some(HoldView { keeps_stock: false, .. }) | None) | Err(StockFault::Refused(_)) => {
            Fact::PinRefused
        }
        Err(StockFault::Unanswered(_)) => Fact::Unanswered,
    }
}

fn committed(answer: Result<Option<HoldView>, StockFault>) -> Fact {
    match answer {
        Ok(Some(HoldView { keeps_stock: true, .. })) => Fact::HoldCommitted,
        Ok(Some(HoldView { keeps_stock: false, .. }) | None)
        | Err(StockFault::Refused(StockDenied::Unsaleable { .. } | StockDenied::HoldClosed)) => {
            Fact::CommitRefused(CommitDenied::Gone)
        }
        Err(StockFault::Refused(StockDenied::TicketRetiring)) => {
            Fact::CommitRefused(CommitDenied::Retiring)
        }
        Err(StockFault::Unanswered(_)) => Fact::Unanswered,
    }
}

/// For commands that are refused only where there is nothing left to do.
fn done(answer: Result<Option<HoldView>, StockFault>, fact: Fact) -> Fact {
    match answer {
        Ok(_) | Err(StockFault::Refused(_)) => fact,
        Err(StockFault::Unanswered(_)) => Fact::Unanswered,
    }
}

fn charged(booking: &Booking, outcome: ChargeOutcome) -> Fact {
    let attempt = booking.attempt;
    match outcome {
        ChargeOutcome::Approved { payment_id } => Fact::Charged { attempt, payment_id },
        ChargeOutcome::Declined { payment_id } => Fact::Declined { attempt, payment_id },
        ChargeOutcome::Unknown { payment_id } => Fact::ChargeUnknown { payment_id },
        ChargeOutcome::NotTried => Fact::ChargeNotTried,
        ChargeOutcome::Voided => Fact::ChargeVoided,
    }
}

fn refunded(booking: &Booking, answer: Result<RefundProgress, Unanswered>) -> Fact {
    match answer {
        Ok(RefundProgress { stuck: true, settled: false, .. }) => Fact::RefundFailed,
        Ok(RefundProgress { refunded, settled, .. }) => {
            Fact::Refund { refunded: refunded.unwrap_or(booking.refunded), settled }
        }
        Err(Unanswered(_)) => Fact::Unanswered,
    }
}
