//! One booking server over a store that outlives it, and its neighbours.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use booking::{
    Begun, Booked, Booking, BookingEvent, BookingRefused, BookingStatus, BookingStore, Bookings,
    CancelBooking, ChargesHeard, CreateBooking, Driven, Fact, Happening, PayBooking, Stored,
};
use futures::FutureExt;
use kernel::{
    Answered, BookingId, Caller, Cause, EventId, IdSource, Quantity, Recorded, ReplyKey, Role,
    StoreError, TicketId, Timestamp, Uuid,
};
use memory_booking::MemoryBookingStore;
use rand::Rng;
use rand::seq::SliceRandom;
use testkit::{ManualClock, NumberedIds};

use crate::neighbours::{HOLD_TTL, HoldIs, Neighbours};
use crate::stepped::{Fuse, SteppedStore};

pub(crate) struct Scene {
    pub(crate) seed: u64,
    pub(crate) bookings: Bookings,
    pub(crate) store: Arc<SteppedStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) neighbours: Arc<Neighbours>,
    ids: Arc<NumberedIds>,
    /// Events of booking that its neighbours have heard.
    heard: AtomicU32,
}

/// One thing that people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Create(&'static str),
    /// The same of a ticket that is paid before stock is set aside.
    PayFirst(&'static str),
    /// All is sold to others.
    SellOut,
    Pay(&'static str),
    Cancel,
    DeleteTicket,
    Wait,
}

/// The server was killed, or said this.
pub(crate) type Outcome = Option<Result<BookingStatus, &'static str>>;

pub(crate) fn alice() -> Caller {
    Caller { subject: Some("alice".into()), roles: vec![Role::Buyer], ..Caller::default() }
}

/// The wish to cancel all of a booking.
pub(crate) fn all_of(booking_id: BookingId) -> CancelBooking {
    CancelBooking { booking_id, quantity: None }
}

pub(crate) fn ticket_id() -> TicketId {
    TicketId::new(Uuid::from_u128(42))
}

pub(crate) fn key(name: &str) -> ReplyKey {
    ReplyKey { scope: "create alice".into(), key: name.into(), fingerprint: vec![1] }
}

pub(crate) fn create(payment_method: &str) -> CreateBooking {
    CreateBooking {
        ticket_id: ticket_id(),
        booked: Booked::Units(Quantity::new(3).unwrap()),
        expected_total: None,
        payment_method: payment_method.into(),
    }
}

fn encode(booking: &Booking) -> Vec<u8> {
    format!("{} {:?}", booking.id, booking.status()).into_bytes()
}

fn encode_refused(refused: &BookingRefused) -> Vec<u8> {
    refused.reason.as_str().into()
}

impl Scene {
    pub(crate) fn new(seed: u64) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000)));
        let (fuse, ids) = (Arc::new(Fuse::default()), Arc::new(NumberedIds::default()));
        let inner = MemoryBookingStore::new(clock.clone());
        let store = Arc::new(SteppedStore {
            corrupt: Mutex::default(),
            inner,
            fuse: fuse.clone(),
            looked_up: AtomicU32::new(0),
            late: Mutex::default(),
        });
        let neighbours = Arc::new(Neighbours::new(seed, clock.clone(), fuse.clone()));
        let bookings = Bookings {
            store: store.clone(),
            tickets: neighbours.clone(),
            payments: neighbours.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            owner: "server".into(),
            encode_reply: encode,
            encode_refusal: encode_refused,
            charges_heard: ChargesHeard::default(),
        };
        let heard = AtomicU32::new(0);
        Self { seed, bookings, store, clock, fuse, neighbours, ids, heard }
    }

    /// Does it with the key `k`, at once; `None` if the server was killed meanwhile.
    pub(crate) fn act(&self, act: Act) -> Outcome {
        match act {
            Act::Create(method) => self.create_with(method, Some(key("k"))),
            Act::PayFirst(method) => {
                self.neighbours.world().pay_first = true;
                self.create_with(method, Some(key("k")))
            }
            Act::SellOut => {
                self.neighbours.world().capacity = 0;
                Some(Ok(BookingStatus::Rejected))
            }
            Act::Pay(method) => self.pay(method),
            Act::Cancel => self.cancel(),
            Act::DeleteTicket => {
                self.neighbours.world().retiring = true;
                let cause = self.cause();
                let all = self.bookings.cancel_bookings_of_ticket(ticket_id(), &cause);
                all.now_or_never().map(|all| all.map(|_| BookingStatus::Cancelling).map_err(|_| ""))
            }
            Act::Wait => {
                self.clock.advance(HOLD_TTL);
                Some(Ok(BookingStatus::Expired))
            }
        }
    }

    pub(crate) fn create_with(&self, method: &str, key: Option<ReplyKey>) -> Outcome {
        let body = async {
            let begun = self.bookings.create_booking(&alice(), create(method), key).await;
            match begun.map_err(|error| kernel::Fault::reason(&error))? {
                Answered::Replayed(_) => Err("REPLAYED"),
                Answered::Fresh(begun) => self.drive(begun).await.map_err(|_| "STORE"),
            }
        };
        body.now_or_never()
    }

    fn pay(&self, method: &str) -> Outcome {
        let booking_id = self.first()?.booking.id;
        let command = PayBooking { booking_id, payment_method: method.into() };
        let body = async {
            let begun = self.bookings.pay_booking(&alice(), command, None).await;
            match begun.map_err(|error| kernel::Fault::reason(&error))? {
                Answered::Replayed(_) => Err("REPLAYED"),
                Answered::Fresh(begun) => self.drive(begun).await.map_err(|_| "STORE"),
            }
        };
        body.now_or_never()
    }

    /// What is left of it is done at once or, as where there is no room for it, by a sweep after its lease.
    async fn drive(&self, begun: Begun) -> Result<BookingStatus, StoreError> {
        let Driven { booking, rest } = self.bookings.drive(begun).await?;
        if let Some(rest) = rest.filter(|_| self.seed.is_multiple_of(2)) {
            self.bookings.drive_on(rest).await?;
        }
        Ok(booking.status())
    }

    fn cancel(&self) -> Outcome {
        let id = self.first()?.booking.id;
        let cancelled = self.bookings.cancel_booking(&alice(), all_of(id), None).now_or_never()?;
        Some(match cancelled {
            Ok(Answered::Fresh(booking)) => Ok(booking.status()),
            Ok(Answered::Replayed(_)) => Err("REPLAYED"),
            Err(error) => Err(kernel::Fault::reason(&error)),
        })
    }

    pub(crate) fn first(&self) -> Option<Stored> {
        self.store.inner.all().into_iter().next()
    }

    pub(crate) fn status(&self) -> Option<BookingStatus> {
        self.first().map(|stored| stored.booking.status())
    }

    pub(crate) fn cause(&self) -> Cause {
        Cause { consumer: "booking.process", event_id: EventId::new(self.ids.next()) }
    }

    /// Sweeps, delivers and lets time pass until nothing is left to do but to wait for a buyer.
    pub(crate) fn come_to_rest(&self) {
        for round in 0..400 {
            if round == 200 {
                // Bad luck ends some time.
                self.neighbours.world().faults = false;
            }
            let sweep = self.bookings.sweep(500).now_or_never();
            if sweep.is_none() {
                // Killed again: another server takes over.
                self.fuse.set(Fuse::NEVER);
            }
            self.deliver();
            self.neighbours.time_passes();
            if sweep.is_some_and(|swept| swept.unwrap().claimed == 0) && self.is_at_rest() {
                return;
            }
            self.clock.advance(Duration::from_secs(1));
        }
        panic!("seed {}: never at rest: {:?}", self.seed, self.first());
    }

    fn is_at_rest(&self) -> bool {
        let waits = |stored: &Stored| {
            stored.process.next_action_at.is_none()
                || stored.booking.status() == BookingStatus::AwaitingPayment
                    && stored.booking.next_asks().is_empty()
        };
        self.neighbours.is_quiet()
            && self.store.inner.all().iter().all(waits)
            && (self.neighbours.world().silent
                || self.heard.load(Ordering::SeqCst) as usize == self.store.inner.events().len())
    }

    /// Everything that was told arrives, in any order, some of it twice.
    fn deliver(&self) {
        {
            let mut world = self.neighbours.world();
            // Sometimes the bus is slow, and the timers are quicker.
            if world.silent || world.faults && world.rng.random_bool(0.5) {
                return;
            }
        }
        let events = self.store.inner.events();
        let heard = self.heard.swap(u32::try_from(events.len()).unwrap(), Ordering::SeqCst);
        for event in events.into_iter().skip(heard as usize) {
            if event.event.what == Happening::CancellationRequested {
                self.neighbours.cancelled(event.event.booking.id);
            }
        }
        let mut news: Vec<(BookingId, Fact, Cause)> = Vec::new();
        {
            let mut world = self.neighbours.world();
            for (id, fact) in std::mem::take(&mut world.news) {
                let cause = self.cause();
                let copies = world.rng.random_range(1..=2);
                news.extend((0..copies).map(|_| (id, fact.clone(), cause.clone())));
            }
            news.shuffle(&mut world.rng);
        }
        for (id, fact, cause) in news {
            let recorded = || self.bookings.record_fact(id, &fact, cause.clone()).now_or_never();
            let done = recorded().or_else(|| {
                // Killed while handling: it comes again.
                self.fuse.set(Fuse::NEVER);
                recorded()
            });
            assert_eq!(done, Some(Ok(())));
        }
    }

    /// Invariants I1, I3, I4, I5, I6 and N01, at rest.
    pub(crate) fn check(&self, story: &str) {
        let story = format!("{story}, seed {}", self.seed);
        let world = self.neighbours.world();
        assert!(world.taken() <= world.capacity, "I1: {story}");
        let seats = world.taken_seats();
        assert_eq!(seats.iter().collect::<BTreeSet<_>>().len(), seats.len(), "R31: {story}");
        for Stored { booking, process } in self.store.inner.all() {
            let hold = world.holds.get(&booking.id);
            let net = world.net(booking.id);
            let told = format!("{story}: {booking:?} {hold:?} {net}");
            assert!(booking.refunded.minor() <= booking.total.minor(), "{told}");
            match booking.status() {
                BookingStatus::Confirmed => {
                    assert!(hold.is_some_and(|hold| hold.is == HoldIs::Committed), "I3: {told}");
                    assert_eq!(net, booking.total.minor(), "I3, N01: {told}");
                    let held = hold.and_then(|hold| hold.booked.as_ref());
                    assert!(held.is_none_or(|held| *held == booking.booked), "A01: {told}");
                }
                BookingStatus::Cancelled | BookingStatus::Rejected | BookingStatus::Expired => {
                    assert!(hold.is_none_or(|hold| !hold.keeps_stock()), "I4: {told}");
                    assert_eq!(net, 0, "I4: {told}");
                    assert_eq!(process.next_action_at, None, "{told}");
                }
                // A pin may have come late; the booking's own timer releases the hold whatever it is.
                BookingStatus::AwaitingPayment => assert_eq!(net, 0, "{told}"),
                BookingStatus::Pending | BookingStatus::Cancelling => panic!("I5: {told}"),
            }
        }
        drop(world);
        self.check_events(&story);
        self.check_keys(&story);
    }

    fn check_events(&self, story: &str) {
        for Stored { booking, .. } in self.store.inner.all() {
            let events = self.store.inner.events();
            let own: Vec<_> =
                events.iter().filter(|event| event.event.booking.id == booking.id).collect();
            let versions: Vec<_> = own.iter().map(|event| event.version).collect();
            let all: Vec<_> = (1..=booking.event_version).collect();
            assert_eq!(versions, all, "{story}");
            self.check_cancelled(&own, story);
            for what in [Happening::Placed, Happening::Confirmed, Happening::Cancelled] {
                let times = own.iter().filter(|event| event.event.what == what).count();
                assert!(times <= 1, "{what:?} was told {times} times: {story}");
            }
        }
    }

    /// T11: nobody is told of a cancellation before the money is back, and nobody whose stock was
    /// never sure was told of a confirmation.
    fn check_cancelled(&self, own: &[&Recorded<BookingEvent>], story: &str) {
        let Some(last) = own.iter().find(|event| event.event.what == Happening::Cancelled) else {
            return;
        };
        let booking = &last.event.booking;
        let refunded = self.neighbours.world().refunded(booking.id);
        assert_eq!(booking.refunded.minor(), refunded, "T11: {story}: {booking:?}");
        let confirmed = own.iter().any(|event| event.event.what == Happening::Confirmed);
        assert!(!confirmed || booking.status_reason() != "STOCK_GONE", "R03: {story}: {booking:?}");
    }

    /// A key that was begun has its one answer, and the same one again.
    fn check_keys(&self, story: &str) {
        let reply = self.store.find_reply(&key("k")).now_or_never().unwrap().unwrap();
        let Some(reply) = reply else { return };
        assert!(reply.body.is_some(), "I6: {story}");
        assert_eq!(self.create_with("ok", Some(key("k"))), Some(Err("REPLAYED")), "I6: {story}");
        assert_eq!(self.store.inner.all().len(), 1, "I6: {story}");
    }
}
