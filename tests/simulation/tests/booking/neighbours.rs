//! The ticket and payment contexts as booking may know them, on a network that loses, repeats and delays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use booking::{
    Booked, BookedFields, CancelPolicy, Charge, ChargeOutcome, Fact, HoldOrder, HoldView, Offer,
    Payments, RefundProgress, RejectReason, StockAsk, StockDenied, StockFault, TicketTerms,
    Tickets, Unanswered,
};
use kernel::{
    BookingId, Clock, Currency, Money, OrganizerId, PaymentId, TicketId, Timestamp, Uuid,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use testkit::ManualClock;

use crate::stepped::Fuse;

/// Units of the one ticket, unless a test says otherwise.
const CAPACITY: u32 = 10;
/// How long an unpaid booking keeps its stock.
pub(crate) const HOLD_TTL: Duration = Duration::from_secs(600);

pub(crate) fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

/// What a hold is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldIs {
    Active { pinned: bool },
    Committed,
    Returned,
    Released,
    Expired,
}

/// Stock set aside, or a tombstone with no units.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) units: u32,
    pub(crate) is: HoldIs,
    /// What it says it is; an older server says nothing.
    pub(crate) booked: Option<Booked>,
    expires_at: Timestamp,
    told: bool,
}

/// All money of one booking.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settlement {
    voided: bool,
    told_voided: bool,
    /// The attempts 1, 2, 3 …: taken, refused, or not known yet.
    attempts: Vec<Attempt>,
    pub(crate) refunded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Approved(i64),
    Declined,
    Undecided(i64),
}

/// Something that was sent and has not arrived yet.
#[derive(Debug, Clone)]
enum Late {
    Stock(StockAsk),
    Charge(Charge),
    Refund(BookingId),
}

pub(crate) struct World {
    pub(crate) rng: StdRng,
    pub(crate) capacity: u32,
    pub(crate) retiring: bool,
    /// Whether the ticket's terms say so where nothing is left.
    pub(crate) tells_sold_out: bool,
    /// Places are seats, with a price of their own, and the hold chooses them.
    pub(crate) seated: bool,
    /// The money is taken before stock is set aside.
    pub(crate) pay_first: bool,
    pub(crate) cancel_policy: Option<CancelPolicy>,
    /// What each hold was asked for with, when it was asked for first.
    orders: BTreeMap<BookingId, (Booked, Option<Money>)>,
    pub(crate) faults: bool,
    /// Events do not come through.
    pub(crate) silent: bool,
    pub(crate) holds: BTreeMap<BookingId, Hold>,
    pub(crate) settlements: BTreeMap<BookingId, Settlement>,
    /// What the two tell booking.
    pub(crate) news: Vec<(BookingId, Fact)>,
    late: Vec<Late>,
}

/// Both contexts.
pub(crate) struct Neighbours {
    world: Mutex<World>,
    clock: Arc<ManualClock>,
    fuse: Arc<Fuse>,
}

impl Neighbours {
    pub(crate) fn new(seed: u64, clock: Arc<ManualClock>, fuse: Arc<Fuse>) -> Self {
        let world = World {
            rng: StdRng::seed_from_u64(seed),
            capacity: CAPACITY,
            retiring: false,
            tells_sold_out: false,
            seated: seed >= 20,
            pay_first: false,
            cancel_policy: None,
            orders: BTreeMap::new(),
            faults: false,
            silent: false,
            holds: BTreeMap::new(),
            settlements: BTreeMap::new(),
            news: Vec::new(),
            late: Vec::new(),
        };
        Self { world: Mutex::new(world), clock, fuse }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Late messages arrive, the provider makes up its mind, holds expire.
    pub(crate) fn time_passes(&self) {
        let now = self.clock.now();
        let mut world = self.world();
        for late in std::mem::take(&mut world.late) {
            match late {
                Late::Stock(ask) => drop(world.stock(&ask, now)),
                Late::Charge(charge) => drop(world.charge(&charge)),
                Late::Refund(id) => drop(world.refund(id)),
            }
        }
        world.decide_undecided();
        world.expire(now);
    }

    /// Both hear that a booking was cancelled.
    pub(crate) fn cancelled(&self, id: BookingId) {
        let now = self.clock.now();
        let mut world = self.world();
        let _ = world.stock(&StockAsk::Return(id), now);
        let _ = world.refund(id);
    }

    pub(crate) fn is_quiet(&self) -> bool {
        let world = self.world();
        (world.silent || world.news.is_empty()) && world.late.is_empty()
    }

    /// Sends something over the network.
    async fn send<A>(
        &self,
        late: Late,
        run: impl Fn(&mut World) -> A + Send,
        lost: impl Fn() -> A + Send,
    ) -> A
    where
        A: Send,
    {
        self.fuse.step().await;
        let answer = {
            let mut world = self.world();
            let roll = if world.faults { world.rng.random_range(0..10) } else { 9 };
            match roll {
                0 => lost(),
                1 => {
                    world.late.push(late);
                    lost()
                }
                2 => {
                    drop(run(&mut world));
                    lost()
                }
                3 => {
                    world.late.push(late);
                    run(&mut world)
                }
                4 | 5 => {
                    drop(run(&mut world));
                    run(&mut world)
                }
                _ => run(&mut world),
            }
        };
        self.fuse.step().await;
        answer
    }
}

#[async_trait]
impl Tickets for Neighbours {
    async fn terms(&self, _id: TicketId) -> Result<Option<TicketTerms>, Unanswered> {
        let world = self.world();
        Ok(Some(TicketTerms {
            name: "Recital".into(),
            organizer_id: OrganizerId::new("acme").unwrap(),
            unit_price: won(1_000),
            one_price: !world.seated,
            offer: if world.retiring { Offer::Deleted } else { Offer::OnSale },
            sale_starts_at: None,
            sale_ends_at: None,
            max_per_buyer: None,
            sold_out: world.tells_sold_out && world.taken() >= world.capacity,
            pay_first: world.pay_first.then_some(HOLD_TTL),
            cancel_policy: world.cancel_policy.clone(),
        }))
    }

    async fn ask(&self, ask: StockAsk) -> Result<Option<HoldView>, StockFault> {
        let now = self.clock.now();
        if let StockAsk::Hold(order) = &ask
            && !order.check_only
        {
            self.world().asked(order);
        }
        let late = Late::Stock(ask.clone());
        self.send(late, |world| world.stock(&ask, now), || Err(unanswered().into())).await
    }
}

#[async_trait]
impl Payments for Neighbours {
    async fn charge(&self, charge: &Charge) -> ChargeOutcome {
        let unsent = {
            let mut world = self.world();
            world.faults && world.rng.random_range(0..10) == 0
        };
        if unsent {
            return ChargeOutcome::NotTried;
        }
        let late = Late::Charge(charge.clone());
        let lost = || ChargeOutcome::Unknown { payment_id: None };
        self.send(late, |world| world.charge(charge), lost).await
    }

    async fn refund(&self, id: BookingId, keep: Money) -> Result<RefundProgress, Unanswered> {
        assert_eq!(keep.minor(), 0, "its ticket says nothing about cancelling");
        self.send(Late::Refund(id), |world| Ok(world.refund(id)), || Err(unanswered())).await
    }

    async fn reduce(&self, id: BookingId, _keep: Money) -> Result<RefundProgress, Unanswered> {
        unreachable!("nobody here cancels a part of {id}")
    }
}

fn unanswered() -> Unanswered {
    Unanswered("lost on the way".into())
}

impl World {
    pub(crate) fn taken(&self) -> u32 {
        self.holds.values().filter(|hold| hold.keeps_stock()).map(|hold| hold.units).sum()
    }

    /// What was taken and not given back.
    pub(crate) fn net(&self, id: BookingId) -> i64 {
        let Some(settlement) = self.settlements.get(&id) else { return 0 };
        let taken = settlement.attempts.iter().map(|attempt| match attempt {
            Attempt::Approved(amount) | Attempt::Undecided(amount) => *amount,
            Attempt::Declined => 0,
        });
        if settlement.refunded { 0 } else { taken.sum() }
    }

    /// What was given back.
    pub(crate) fn refunded(&self, id: BookingId) -> i64 {
        let taken = self.settlements.get(&id).filter(|settlement| settlement.refunded);
        let attempts = taken.into_iter().flat_map(|settlement| &settlement.attempts);
        let approved = attempts.map(|attempt| match attempt {
            Attempt::Approved(amount) => *amount,
            Attempt::Declined | Attempt::Undecided(_) => 0,
        });
        approved.sum()
    }

    /// Before it leaves: what is late arrives after what was asked again.
    fn asked(&mut self, order: &HoldOrder) {
        let asked = (order.booked.clone(), order.expected_total);
        let is_known = self.orders.contains_key(&order.booking_id);
        assert!(!(order.surely_new && is_known), "what was asked for before is not surely new");
        let first = self.orders.entry(order.booking_id).or_insert_with(|| asked.clone());
        assert_eq!(*first, asked, "a booking asks for the very same hold, however often");
    }

    /// The ticket context's table.
    fn stock(&mut self, ask: &StockAsk, now: Timestamp) -> Result<Option<HoldView>, StockFault> {
        let free = self.capacity - self.taken();
        let (StockAsk::Hold(HoldOrder { booking_id: id, .. })
        | StockAsk::Pin(id)
        | StockAsk::Unpin(id)
        | StockAsk::Commit(id)
        | StockAsk::Release(id)
        | StockAsk::Return(id)
        | StockAsk::Reduce(id, _)) = ask;
        let tombstone =
            Hold { units: 0, is: HoldIs::Released, booked: None, expires_at: now, told: false };
        let mut hold = match (self.holds.get(id), ask) {
            (Some(hold), _) => hold.clone(),
            (None, StockAsk::Release(_) | StockAsk::Return(_)) => tombstone,
            (None, StockAsk::Hold(order)) => {
                let units = order.booked.quantity().get();
                if self.retiring {
                    return Err(StockFault::Refused(StockDenied::TicketRetiring));
                } else if units > free {
                    return Err(StockFault::Refused(sold_out()));
                }
                let is = HoldIs::Active { pinned: true };
                let expires_at = now.plus(HOLD_TTL);
                let booked = self.seated.then(|| self.best_seats(units));
                Hold { units, is, booked, expires_at, told: false }
            }
            (None, _) => return Err(StockFault::Refused(StockDenied::HoldClosed)),
        };
        let free = if self.are_free(&hold) { free } else { 0 };
        hold.is = hold.after(ask, free, self.retiring).map_err(StockFault::Refused)?;
        if matches!(ask, StockAsk::Return(_)) && !hold.told {
            hold.told = true;
            self.news.push((*id, Fact::StockReturned));
        }
        let total = won(self.price() * i64::from(hold.units));
        let (booked, keeps_stock) = (hold.booked.clone(), hold.keeps_stock());
        let view = HoldView { booked, total, expires_at: hold.expires_at, keeps_stock };
        let is_one = hold.units > 0;
        if !matches!(ask, StockAsk::Hold(HoldOrder { check_only: true, .. })) {
            self.holds.insert(*id, hold);
        }
        Ok(is_one.then_some(view))
    }

    /// A seat has a price of its own, which is not the ticket's.
    fn price(&self) -> i64 {
        if self.seated { 1_700 } else { 1_000 }
    }

    pub(crate) fn taken_seats(&self) -> Vec<&String> {
        let kept = self.holds.values().filter(|hold| hold.keeps_stock());
        kept.flat_map(|hold| hold.seats()).collect()
    }

    /// The first that are free.
    fn best_seats(&self, units: u32) -> Booked {
        let taken: BTreeSet<_> = self.taken_seats().into_iter().cloned().collect();
        let all = (1..=self.capacity).map(|number| format!("S{number}"));
        let seats = all.filter(|seat| !taken.contains(seat)).take(units as usize).collect();
        Booked::read(BookedFields { seats, ..BookedFields::default() }).unwrap()
    }

    /// Whether nobody else has the seats that a hold once had.
    fn are_free(&self, hold: &Hold) -> bool {
        hold.keeps_stock() || !self.taken_seats().iter().any(|seat| hold.seats().contains(seat))
    }

    fn charge(&mut self, charge: &Charge) -> ChargeOutcome {
        let (id, attempt) = (charge.booking_id, charge.attempt);
        let payment_id = payment_id(id, attempt);
        let settlement = self.settlements.entry(id).or_default();
        let place = usize::try_from(attempt).unwrap() - 1;
        if settlement.attempts.get(place).is_none() {
            if settlement.voided {
                return ChargeOutcome::Voided;
            }
            assert_eq!(place, settlement.attempts.len(), "r05: attempts are made in turn");
            let before = settlement.attempts.last();
            assert!(before.is_none_or(|it| *it == Attempt::Declined), "r05: after a decline only");
            let amount = charge.amount.minor();
            let (made, told) = match charge.payment_method.as_str() {
                "ok" | "beaten" => {
                    (Attempt::Approved(amount), Some(Fact::Charged { attempt, payment_id }))
                }
                "slow" => (Attempt::Undecided(amount), None),
                _ => (Attempt::Declined, Some(Fact::Declined { attempt, payment_id })),
            };
            settlement.attempts.push(made);
            self.news.extend(told.map(|fact| (id, fact)));
            if charge.payment_method == "beaten" {
                // While it is paid, others take all that is left.
                self.capacity = self.taken();
            }
        }
        match self.settlements.get(&id).and_then(|it| it.attempts.get(place)) {
            Some(Attempt::Approved(_)) => ChargeOutcome::Approved { payment_id },
            Some(Attempt::Declined) => ChargeOutcome::Declined { payment_id },
            Some(Attempt::Undecided(_)) | None => {
                ChargeOutcome::Unknown { payment_id: Some(payment_id) }
            }
        }
    }

    fn refund(&mut self, id: BookingId) -> RefundProgress {
        let settlement = self.settlements.entry(id).or_default();
        settlement.voided = true;
        let undecided = settlement.attempts.iter().any(|it| matches!(it, Attempt::Undecided(_)));
        let approved = settlement.attempts.iter().find_map(|attempt| match attempt {
            Attempt::Approved(amount) => Some(*amount),
            Attempt::Declined | Attempt::Undecided(_) => None,
        });
        match approved {
            Some(amount) => {
                if !settlement.refunded {
                    settlement.refunded = true;
                    let fact = Fact::Refund { refunded: won(amount), settled: true };
                    self.news.push((id, fact));
                }
                RefundProgress { refunded: Some(won(amount)), settled: true, stuck: false }
            }
            None => {
                if !undecided && !settlement.told_voided {
                    settlement.told_voided = true;
                    self.news.push((id, Fact::PaymentVoided));
                }
                RefundProgress { refunded: None, settled: !undecided, stuck: false }
            }
        }
    }

    /// P02: the slow provider's answer arrives.
    fn decide_undecided(&mut self) {
        let mut voided = Vec::new();
        for (id, settlement) in &mut self.settlements {
            for (number, attempt) in (1..).zip(&mut settlement.attempts) {
                let Attempt::Undecided(amount) = *attempt else { continue };
                *attempt = Attempt::Approved(amount);
                let payment_id = payment_id(*id, number);
                self.news.push((*id, Fact::Charged { attempt: number, payment_id }));
                voided.extend(settlement.voided.then_some(*id));
            }
        }
        for id in voided {
            let _ = self.refund(id);
        }
    }

    fn expire(&mut self, now: Timestamp) {
        for (id, hold) in &mut self.holds {
            if hold.is == (HoldIs::Active { pinned: false }) && hold.expires_at <= now {
                hold.is = HoldIs::Expired;
                self.news.push((*id, Fact::HoldExpired));
            }
        }
    }
}

fn sold_out() -> StockDenied {
    StockDenied::Unsaleable { refusal: RejectReason::SoldOut.into(), total: None }
}

impl Hold {
    fn seats(&self) -> &[String] {
        self.booked.as_ref().map_or(&[], Booked::seats)
    }

    pub(crate) fn keeps_stock(&self) -> bool {
        matches!(self.is, HoldIs::Active { .. } | HoldIs::Committed)
    }

    fn after(&self, ask: &StockAsk, free: u32, retiring: bool) -> Result<HoldIs, StockDenied> {
        let sold_out = sold_out();
        let closed = StockDenied::HoldClosed;
        match (ask, self.is) {
            (StockAsk::Hold(_), HoldIs::Released | HoldIs::Returned) if self.units == 0 => {
                Err(closed)
            }
            (StockAsk::Hold(_), is) => Ok(is),
            (StockAsk::Pin(_), HoldIs::Expired) if self.units > free => Err(sold_out),
            (StockAsk::Pin(_), HoldIs::Active { .. } | HoldIs::Expired) => {
                Ok(HoldIs::Active { pinned: true })
            }
            (StockAsk::Pin(_), HoldIs::Committed) => Ok(HoldIs::Committed),
            (StockAsk::Commit(_), HoldIs::Committed) => Ok(HoldIs::Committed),
            (StockAsk::Commit(_), HoldIs::Active { .. } | HoldIs::Expired) if retiring => {
                Err(StockDenied::TicketRetiring)
            }
            (StockAsk::Commit(_), HoldIs::Expired) if self.units > free => Err(sold_out),
            (StockAsk::Commit(_), HoldIs::Active { .. } | HoldIs::Expired) => Ok(HoldIs::Committed),
            (StockAsk::Pin(_) | StockAsk::Commit(_), _) => Err(closed),
            (StockAsk::Unpin(_), HoldIs::Active { .. }) => Ok(HoldIs::Active { pinned: false }),
            (StockAsk::Unpin(_), is) => Ok(is),
            (StockAsk::Release(_), HoldIs::Committed) => Err(closed),
            (StockAsk::Release(_), HoldIs::Returned) => Ok(HoldIs::Returned),
            (StockAsk::Release(_), _) => Ok(HoldIs::Released),
            (StockAsk::Reduce(..), is) => Ok(is),
            (StockAsk::Return(_), HoldIs::Committed | HoldIs::Returned) => Ok(HoldIs::Returned),
            (StockAsk::Return(_), _) => Ok(HoldIs::Released),
        }
    }
}

fn payment_id(id: BookingId, attempt: u32) -> PaymentId {
    PaymentId::new(Uuid::from_u128(id.as_uuid().as_u128() * 100 + u128::from(attempt)))
}
