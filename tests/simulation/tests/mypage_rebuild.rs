//! A rebuild of a damaged view, alone and while events arrive: the view is the fold of the events again (I8).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set up its scene has failed"
)]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Currency, EventId, Money, OrganizerId, Quantity,
    StoreError, TicketId, Timestamp, Uuid,
};
use memory_mypage::MemoryViewStore;
use mypage::{
    BookingSnapshot, BookingStatus, BookingView, Fact, FoundRow, KnownBooking, MyPage,
    PaymentSnapshot, PaymentStatus, REBUILD_ROWS_MAX, Rebuild, RebuildViewError, Rebuilt, Repair,
    ViewRepair, ViewSource, ViewStore,
};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// More than two pages.
const BOOKINGS: u128 = 2 * REBUILD_ROWS_MAX as u128 + 50;
const STRANGERS: u128 = 10;
const SEEDS: u64 = 20;

fn krw(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

fn id(n: u128) -> BookingId {
    BookingId::new(Uuid::from_u128(n))
}

fn booking(n: u128, version: i64, status: BookingStatus, refunded: i64) -> Fact {
    let at = Timestamp::from_micros(version);
    let booking = BookingSnapshot {
        ticket_id: TicketId::new(Uuid::from_u128(n % 3)),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: OrganizerId::new("acme").unwrap(),
        buyer_id: BuyerId::new(format!("buyer-{}", n % 7)).unwrap(),
        quantity: Quantity::new(1).unwrap(),
        seats: Vec::new(),
        check_in: None,
        check_out: None,
        total: krw(1_000),
        refunded: krw(refunded),
        status,
        status_reason: String::new(),
        pay_by: None,
        create_time: at,
        update_time: at,
    };
    Fact::Booking { booking_id: id(n), version, booking }
}

fn payment(n: u128, version: i64, status: PaymentStatus, refunded: i64) -> Fact {
    let update_time = Timestamp::from_micros(version);
    let payment = PaymentSnapshot { status, refunded: krw(refunded), update_time };
    Fact::Payment { booking_id: id(n), version, payment }
}

fn story(n: u128) -> [Fact; 5] {
    [
        booking(n, 1, BookingStatus::Pending, 0),
        payment(n, 1, PaymentStatus::Approved, 0),
        booking(n, 2, BookingStatus::Confirmed, 0),
        payment(n, 2, PaymentStatus::Refunded, 1_000),
        booking(n, 3, BookingStatus::Cancelled, 1_000),
    ]
}

/// What the other contexts have committed: for each booking the fold of its facts.
#[derive(Default)]
struct Truth(Mutex<BTreeMap<BookingId, BookingView>>);

impl Truth {
    fn commit(&self, fact: &Fact) {
        let mut views = self.0.lock().unwrap();
        let id = fact.booking_id();
        views.entry(id).or_insert_with(|| BookingView::empty(id)).fold(fact);
    }

    fn view(&self, n: u128) -> BookingView {
        self.0.lock().unwrap()[&id(n)].clone()
    }
}

#[async_trait]
impl ViewSource for Truth {
    async fn bookings(
        &self,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        tokio::task::yield_now().await;
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let views = self.0.lock().unwrap();
        Ok(views
            .range((after, Bound::Unbounded))
            .take(rows_max as usize)
            .map(|(id, _)| *id)
            .collect())
    }

    async fn known(&self, bookings: &[BookingId]) -> Result<Vec<KnownBooking>, StoreError> {
        tokio::task::yield_now().await;
        let views = self.0.lock().unwrap();
        let known = bookings.iter().filter_map(|id| views.get(id)).map(facts);
        Ok(known.collect())
    }
}

fn facts(view: &BookingView) -> KnownBooking {
    let booking_id = view.booking_id;
    let booking = view.booking.clone().map(|seen| Fact::Booking {
        booking_id,
        version: seen.version,
        booking: seen.booking,
    });
    let payment = view.payment.map(|seen| Fact::Payment {
        booking_id,
        version: seen.version,
        payment: seen.payment,
    });
    KnownBooking { booking_id, facts: Ok(booking.into_iter().chain(payment).collect()) }
}

/// The rows, whose every access lets others go first.
struct Interleaved(Arc<MemoryViewStore>);

#[async_trait]
impl ViewRepair for Interleaved {
    async fn keys(&self, after: &str, rows_max: u32) -> Result<Vec<String>, StoreError> {
        tokio::task::yield_now().await;
        self.0.keys(after, rows_max).await
    }

    async fn rows(&self, keys: &[String]) -> Result<Vec<FoundRow>, StoreError> {
        tokio::task::yield_now().await;
        self.0.rows(keys).await
    }

    async fn repair(&self, repair: Repair) -> Result<Committed, StoreError> {
        tokio::task::yield_now().await;
        self.0.repair(repair).await
    }
}

/// A view that has lost rows, shows wrong ones at older, equal and newer versions, and shows what is not.
async fn damaged(rng: &mut StdRng, truth: &Truth) -> Arc<MemoryViewStore> {
    let store = MemoryViewStore::new();
    for n in 1..=BOOKINGS {
        let mut view = truth.view(n);
        match rng.random_range(0..6) {
            0 => continue,
            1 => view.booking = None,
            2 => view.payment = None,
            3 => {
                let version = rng.random_range(1..9);
                view.booking = None;
                view.fold(&booking(n, version, BookingStatus::Expired, 7));
            }
            4 => {
                view.payment = None;
                view.fold(&payment(n, rng.random_range(1..9), PaymentStatus::Declined, 3));
            }
            _ => {}
        }
        view.revision = rng.random_range(1..5);
        assert_eq!(store.repair(Repair::Make(view)).await, Ok(Committed::Done));
    }
    for n in 1..=STRANGERS {
        let mut stranger = BookingView::empty(id(1_000_000 + n));
        stranger.fold(&booking(1_000_000 + n, 1, BookingStatus::Confirmed, 0));
        assert_eq!(store.repair(Repair::Make(stranger)).await, Ok(Committed::Done));
    }
    Arc::new(store)
}

async fn is_the_fold(store: &MemoryViewStore, truth: &Truth) {
    for n in 1..=BOOKINGS {
        let (row, told) = (store.find(id(n)).await.unwrap().unwrap(), truth.view(n));
        assert_eq!((row.booking, row.payment), (told.booking, told.payment), "booking {n}");
    }
    let all = store.keys("", u32::MAX).await.unwrap();
    assert_eq!(all.len(), usize::try_from(BOOKINGS).unwrap(), "strangers are gone");
}

/// Each booking's story up to some point, and what comes after it.
fn half_told(rng: &mut StdRng, truth: &Truth) -> Vec<Fact> {
    let mut to_come = Vec::new();
    for n in 1..=BOOKINGS {
        let story = story(n);
        let (told, rest) = story.split_at(rng.random_range(1..=5));
        told.iter().for_each(|fact| truth.commit(fact));
        to_come.extend(rest.iter().cloned());
    }
    to_come
}

#[tokio::test]
async fn i8_a_rebuild_makes_any_view_the_fold_of_its_events() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let truth = Arc::new(Truth::default());
        half_told(&mut rng, &truth);
        let view = damaged(&mut rng, &truth).await;
        let rebuild = Rebuild { view: view.clone(), source: truth.clone() };
        let done = rebuild.rebuild_view().await.unwrap();
        assert_eq!(u128::from(done.made + done.replaced + done.left), BOOKINGS);
        assert_eq!(u128::from(done.removed), STRANGERS);
        assert!(done.made > 0 && done.replaced > 0 && done.left > 0, "{done:?}");
        is_the_fold(&view, &truth).await;
        let left = u64::try_from(BOOKINGS).unwrap();
        let again = rebuild.rebuild_view().await.unwrap();
        assert_eq!(again, Rebuilt { left, ..Rebuilt::default() }, "what is right is left alone");
    }
}

#[tokio::test]
async fn i8_r30_a_rebuild_while_events_arrive_loses_none_of_them() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let truth = Arc::new(Truth::default());
        let mut to_come = half_told(&mut rng, &truth);
        let store = damaged(&mut rng, &truth).await;
        to_come.shuffle(&mut rng);
        let consumer = async {
            let my_page = MyPage { store: store.clone() };
            for (event, fact) in (1..).zip(&to_come) {
                truth.commit(fact);
                let event_id = EventId::new(Uuid::from_u128(event));
                let cause = Cause { consumer: "mypage.views", event_id };
                tokio::task::yield_now().await;
                my_page.fold_fact(fact, cause).await.unwrap();
            }
        };
        let view = Arc::new(Interleaved(store.clone()));
        let rebuild = Rebuild { view, source: truth.clone() };
        let (done, ()) = futures::join!(rebuild.rebuild_view(), consumer);
        done.unwrap();
        is_the_fold(&store, &truth).await;
    }
}

/// What others have committed, of which these bookings cannot be read.
struct Damaged(Arc<Truth>, [BookingId; 2]);

fn corrupt(id: BookingId) -> StoreError {
    StoreError::CorruptRow { table: "booking", id: id.to_string(), column: "currency" }
}

#[async_trait]
impl ViewSource for Damaged {
    async fn bookings(
        &self,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        self.0.bookings(after, rows_max).await
    }

    async fn known(&self, bookings: &[BookingId]) -> Result<Vec<KnownBooking>, StoreError> {
        let mut known = self.0.known(bookings).await?;
        for booking in known.iter_mut().filter(|booking| self.1.contains(&booking.booking_id)) {
            booking.facts = Err(corrupt(booking.booking_id));
        }
        Ok(known)
    }
}

#[tokio::test]
async fn i8_a_rebuild_goes_past_bookings_that_cannot_be_read_and_names_them() {
    let mut rng = StdRng::seed_from_u64(1);
    let truth = Arc::new(Truth::default());
    half_told(&mut rng, &truth);
    let view = damaged(&mut rng, &truth).await;
    let corrupt_ids = [id(1), id(BOOKINGS - 1)];
    let before = (view.find(corrupt_ids[0]).await, view.find(corrupt_ids[1]).await);
    let source = Arc::new(Damaged(truth.clone(), corrupt_ids));
    let done = Rebuild { view: view.clone(), source }.rebuild_view().await.unwrap();
    assert_eq!(done.unreadable, corrupt_ids.map(|id| (id, corrupt(id))));
    assert_eq!(u128::from(done.made + done.replaced + done.left), BOOKINGS - 2);
    assert_eq!(u128::from(done.removed), STRANGERS, "no row of theirs");
    let after = (view.find(corrupt_ids[0]).await, view.find(corrupt_ids[1]).await);
    assert_eq!(after, before, "their rows stay as they are");
    // Once they are mended, another rebuild does the rest.
    Rebuild { view: view.clone(), source: truth.clone() }.rebuild_view().await.unwrap();
    is_the_fold(&view, &truth).await;
}

#[tokio::test]
async fn a_rebuild_from_a_database_without_bookings_removes_nothing() {
    let mut rng = StdRng::seed_from_u64(1);
    let truth = Arc::new(Truth::default());
    half_told(&mut rng, &truth);
    let view = damaged(&mut rng, &truth).await;
    let rows = view.keys("", u32::MAX).await.unwrap();
    let rebuild = Rebuild { view: view.clone(), source: Arc::new(Truth::default()) };
    assert_eq!(rebuild.rebuild_view().await, Err(RebuildViewError::NoSource));
    assert_eq!(view.keys("", u32::MAX).await.unwrap(), rows);
}
