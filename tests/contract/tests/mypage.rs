//! The view store's contract, over every implementation.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set up its scene has failed"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::{Engine, Fresh};
use futures::future::join_all;
use in_process_watching::Change;
use kernel::{
    BookingId, BuyerId, Cause, CivilDate, Committed, Currency, Cursor, Envelope, EventId, Money,
    OrganizerId, Quantity, TicketId, Timestamp, Uuid,
};
use memory_mypage::MemoryViewStore;
use mypage::{
    BookingSnapshot, BookingStatus, BookingView, Fact, Filter, PaymentSnapshot, PaymentStatus,
    Repair, SalesSummary, ViewRepair, ViewStore, Viewer,
};
use sea_orm_database::{Batching, Changes};
use sea_orm_mypage::{SeaOrmViewStore, migrations};

struct Scene {
    store: Arc<dyn ViewStore>,
    repair: Arc<dyn ViewRepair>,
    changes: Changes,
    _database: Option<Fresh>,
}

async fn memory() -> Scene {
    let store = Arc::new(MemoryViewStore::new());
    let changes = store.changes().clone();
    Scene { repair: Arc::<MemoryViewStore>::clone(&store), store, changes, _database: None }
}

async fn over(engine: Engine) -> Scene {
    let fresh = Fresh::new(engine, migrations()).await;
    let store = Arc::new(SeaOrmViewStore::new(fresh.db.clone(), Batching::On));
    let changes = fresh.db.changes().clone();
    Scene { repair: Arc::<SeaOrmViewStore>::clone(&store), store, changes, _database: Some(fresh) }
}

contract::over_every_store!(
    every_state_round_trips,
    r29_the_same_cause_twice_is_one_commit,
    a_stale_fact_changes_nothing,
    r29_of_ten_racers_with_one_cause_one_folds,
    r30_facts_that_come_at_once_are_all_folded,
    pages_have_no_gap_and_no_double_while_others_write,
    t07_t08_no_one_sees_anothers,
    t07_sums_are_the_fold_of_the_rows,
    t08_a_watcher_sees_every_change_once_and_in_order,
    t08_no_change_hides_behind_a_later_number,
    t08_first_changes_at_once_are_numbered_too,
    r30_a_payment_alone_is_found_but_not_listed,
    r18_a_parked_message_counts_as_handled,
    a_repair_is_for_the_row_that_was_found,
    t08_a_watcher_sees_repairs,
    rows_are_paged_by_key,
);

fn booking_id(n: u128) -> BookingId {
    BookingId::new(Uuid::from_u128(n))
}

fn acme() -> OrganizerId {
    OrganizerId::new("acme").unwrap()
}

fn buyer(name: &str) -> BuyerId {
    BuyerId::new(name).unwrap()
}

fn ticket(n: u128) -> TicketId {
    TicketId::new(Uuid::from_u128(n))
}

fn money(code: &str, minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code(code).unwrap())
}

/// Booking `n` of alice with acme, placed at microsecond `n / 3`, so that some share their time.
fn snapshot(n: u128, status: BookingStatus) -> BookingSnapshot {
    let at = Timestamp::from_micros(i64::try_from(n / 3).unwrap());
    BookingSnapshot {
        ticket_id: ticket(88),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: acme(),
        buyer_id: buyer("alice"),
        quantity: Quantity::new(2).unwrap(),
        seats: Vec::new(),
        check_in: None,
        check_out: None,
        total: money("KRW", 110_000),
        refunded: money("KRW", 0),
        status,
        status_reason: String::new(),
        pay_by: None,
        create_time: at,
        update_time: at,
    }
}

fn booked(n: u128, version: i64, booking: BookingSnapshot) -> Fact {
    Fact::Booking { booking_id: booking_id(n), version, booking }
}

fn paid(n: u128, version: i64, status: PaymentStatus, refunded: i64) -> Fact {
    let update_time = Timestamp::from_micros(1_000);
    let payment = PaymentSnapshot { status, refunded: money("KRW", refunded), update_time };
    Fact::Payment { booking_id: booking_id(n), version, payment }
}

fn cause(event: u128) -> Cause {
    Cause { consumer: "test", event_id: EventId::new(Uuid::from_u128(event)) }
}

async fn fold(scene: &Scene, event: u128, fact: &Fact) -> Committed {
    scene.store.fold(fact, cause(event)).await.unwrap()
}

async fn put(scene: &Scene, n: u128, booking: BookingSnapshot) {
    assert_eq!(fold(scene, n, &booked(n, 1, booking)).await, Committed::Done);
}

fn of(viewer: Viewer) -> Filter {
    Filter { viewer, ticket_id: None, status: None }
}

fn of_alice() -> Filter {
    of(Viewer::Buyer(buyer("alice")))
}

async fn listed(scene: &Scene, filter: &Filter) -> Vec<u128> {
    let rows = scene.store.list(filter, None, 1_000).await.unwrap();
    rows.into_iter().map(|row| row.booking_id.as_uuid().as_u128()).collect()
}

async fn every_state_round_trips(scene: &Scene) {
    let statuses = [
        BookingStatus::Pending,
        BookingStatus::AwaitingPayment,
        BookingStatus::Confirmed,
        BookingStatus::Cancelling,
        BookingStatus::Cancelled,
        BookingStatus::Rejected,
        BookingStatus::Expired,
    ];
    let payments = [
        PaymentStatus::Processing,
        PaymentStatus::Approved,
        PaymentStatus::Declined,
        PaymentStatus::Unknown,
        PaymentStatus::PartiallyRefunded,
        PaymentStatus::Refunded,
        PaymentStatus::Approved,
    ];
    for (n, (status, payment)) in (1..).zip(statuses.into_iter().zip(payments)) {
        let booking = BookingSnapshot {
            seats: vec!["A1".to_owned(), "B \"2\"".to_owned()],
            check_in: Some(CivilDate::new(2028, 2, 29).unwrap()),
            check_out: Some(CivilDate::new(2028, 3, 1).unwrap()),
            status_reason: "SOLD_OUT".to_owned(),
            pay_by: Some(Timestamp::from_micros(5)),
            ..snapshot(n, status)
        };
        let mut expected = BookingView::empty(booking_id(n));
        let facts = [paid(n, 2, payment, 500), booked(n, 3, booking)];
        for (event, fact) in (n * 100..).zip(&facts) {
            assert_eq!(fold(scene, event, fact).await, Committed::Done);
            expected.fold(fact);
            assert_eq!(scene.store.find(booking_id(n)).await.unwrap().as_ref(), Some(&expected));
        }
    }
    assert_eq!(scene.store.find(booking_id(99)).await.unwrap(), None);
}

async fn r29_the_same_cause_twice_is_one_commit(scene: &Scene) {
    put(scene, 1, snapshot(1, BookingStatus::Pending)).await;
    let before = scene.store.find(booking_id(1)).await.unwrap();
    let other = booked(1, 2, snapshot(1, BookingStatus::Confirmed));
    assert_eq!(fold(scene, 1, &other).await, Committed::AlreadyHandled);
    assert_eq!(scene.store.find(booking_id(1)).await.unwrap(), before);
    // A stale event is handled once too.
    let stale = booked(1, 1, snapshot(1, BookingStatus::Pending));
    assert_eq!(fold(scene, 2, &stale).await, Committed::Done);
    assert_eq!(fold(scene, 2, &stale).await, Committed::AlreadyHandled);
}

async fn a_stale_fact_changes_nothing(scene: &Scene) {
    let confirmed = booked(1, 2, snapshot(1, BookingStatus::Confirmed));
    assert_eq!(fold(scene, 1, &confirmed).await, Committed::Done);
    let before = scene.store.find(booking_id(1)).await.unwrap();
    for (event, version) in [(2, 1), (3, 2)] {
        let stale = booked(1, version, snapshot(1, BookingStatus::Pending));
        assert_eq!(fold(scene, event, &stale).await, Committed::Done);
    }
    assert_eq!(scene.store.find(booking_id(1)).await.unwrap(), before);
    let changed = scene.store.changed_since(&buyer("alice"), 0, 10).await.unwrap();
    assert_eq!(changed.iter().map(|row| row.change_number).collect::<Vec<_>>(), [1]);
}

async fn r29_of_ten_racers_with_one_cause_one_folds(scene: &Scene) {
    for version in 1..=2 {
        let fact = booked(1, version, snapshot(1, BookingStatus::Pending));
        let event = u128::try_from(version).unwrap();
        let verdicts = join_all((0..10).map(|_| fold(scene, event, &fact))).await;
        let done = verdicts.iter().filter(|verdict| **verdict == Committed::Done).count();
        let before = verdicts.iter().filter(|v| **v == Committed::AlreadyHandled).count();
        assert_eq!((done, before), (1, 9), "version {version}");
        assert_eq!(scene.store.find(booking_id(1)).await.unwrap().unwrap().revision, version);
    }
}

/// Of several bookings and buyers, both halves, news and stale, not in their order.
async fn r30_facts_that_come_at_once_are_all_folded(scene: &Scene) {
    let facts = (1..=5).flat_map(|n| {
        let who = if n % 2 == 0 { "alice" } else { "bob" };
        let of = |status| BookingSnapshot { buyer_id: buyer(who), ..snapshot(n, status) };
        [
            booked(n, 1, of(BookingStatus::Pending)),
            booked(n, 3, of(BookingStatus::Cancelled)),
            paid(n, 2, PaymentStatus::Refunded, 7),
            booked(n, 2, of(BookingStatus::Confirmed)),
            paid(n, 1, PaymentStatus::Approved, 0),
        ]
    });
    let facts: Vec<_> = (1..).zip(facts).collect();
    let folded = join_all(facts.iter().map(|(event, fact)| fold(scene, *event, fact))).await;
    assert!(folded.iter().all(|verdict| *verdict == Committed::Done));
    for n in 1..=5 {
        let found = scene.store.find(booking_id(n)).await.unwrap().unwrap();
        let versions = (found.booking.map(|b| b.version), found.payment.map(|p| p.version));
        assert_eq!(versions, (Some(3), Some(2)), "booking {n}");
    }
    for (who, bookings) in [("alice", 2), ("bob", 3)] {
        let changed = scene.store.changed_since(&buyer(who), 0, 10).await.unwrap();
        let numbers: BTreeSet<_> = changed.iter().map(|row| row.change_number).collect();
        assert_eq!((changed.len(), numbers.len()), (bookings, bookings), "{who}");
    }
    let again = join_all(facts.iter().map(|(event, fact)| fold(scene, *event, fact))).await;
    assert!(again.iter().all(|verdict| *verdict == Committed::AlreadyHandled));
}

async fn pages_have_no_gap_and_no_double_while_others_write(scene: &Scene) {
    for n in 1..=20 {
        put(scene, n, snapshot(n, BookingStatus::Confirmed)).await;
    }
    let sales = of(Viewer::Organizer(acme()));
    for filter in [of_alice(), sales] {
        let (mut seen, mut after) = (Vec::new(), None::<Cursor>);
        loop {
            let page = scene.store.list(&filter, after, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.cursor());
            seen.extend(page.iter().map(|row| row.booking_id.as_uuid().as_u128()));
            // Others place newer bookings, and older ones change.
            let n = 100 + u128::try_from(listed(scene, &filter).await.len()).unwrap();
            put(scene, n, snapshot(n, BookingStatus::Pending)).await;
            let change =
                booked(1, i64::try_from(n).unwrap(), snapshot(1, BookingStatus::Cancelled));
            let _ = fold(scene, n * 1_000, &change).await;
        }
        seen.retain(|n| *n <= 20);
        assert_eq!(seen, (1..=20).rev().collect::<Vec<_>>());
    }
}

async fn t07_t08_no_one_sees_anothers(scene: &Scene) {
    put(scene, 1, snapshot(1, BookingStatus::Confirmed)).await;
    let bobs = BookingSnapshot {
        buyer_id: buyer("bob"),
        organizer_id: OrganizerId::new("other").unwrap(),
        ticket_id: ticket(89),
        ..snapshot(2, BookingStatus::Pending)
    };
    put(scene, 2, bobs).await;
    assert_eq!(listed(scene, &of_alice()).await, [1]);
    assert_eq!(listed(scene, &of(Viewer::Organizer(acme()))).await, [1]);
    assert_eq!(listed(scene, &of(Viewer::Buyer(buyer("acme")))).await, []);
    assert_eq!(scene.store.changed_since(&buyer("carol"), 0, 10).await.unwrap(), []);
    assert_eq!(scene.store.changed_since(&buyer("bob"), 0, 10).await.unwrap().len(), 1);
    let nobody = OrganizerId::new("alice").unwrap();
    let sums = SalesSummary::sum(scene.store.tallies(&nobody, None).await.unwrap()).unwrap();
    assert_eq!(sums, SalesSummary::default());
    let of_ticket = |n| Filter { ticket_id: Some(ticket(n)), ..of_alice() };
    assert_eq!(listed(scene, &of_ticket(88)).await, [1]);
    assert_eq!(listed(scene, &of_ticket(89)).await, []);
    let with_status = |status| Filter { status: Some(status), ..of_alice() };
    assert_eq!(listed(scene, &with_status(BookingStatus::Confirmed)).await, [1]);
    assert_eq!(listed(scene, &with_status(BookingStatus::Pending)).await, []);
}

async fn t07_sums_are_the_fold_of_the_rows(scene: &Scene) {
    put(scene, 1, snapshot(1, BookingStatus::Confirmed)).await;
    put(scene, 2, snapshot(2, BookingStatus::Confirmed)).await;
    put(scene, 3, snapshot(3, BookingStatus::Cancelled)).await;
    assert_eq!(
        fold(scene, 30, &paid(3, 2, PaymentStatus::Refunded, 110_000)).await,
        Committed::Done
    );
    let nothing = money("USD", 0);
    let dollars = BookingSnapshot {
        total: money("USD", 1_999),
        refunded: nothing,
        ticket_id: ticket(89),
        ..snapshot(4, BookingStatus::Confirmed)
    };
    put(scene, 4, dollars).await;
    put(scene, 5, snapshot(5, BookingStatus::AwaitingPayment)).await;
    let sum = async |ticket_id| {
        SalesSummary::sum(scene.store.tallies(&acme(), ticket_id).await.unwrap()).unwrap()
    };
    let all = sum(None).await;
    assert_eq!((all.confirmed_bookings, all.cancelled_bookings, all.open_bookings), (3, 1, 1));
    assert_eq!(all.sold_quantity, 6);
    let totals: Vec<_> = all.totals.iter().map(|total| (total.gross, total.net)).collect();
    let dollars = money("USD", 1_999);
    assert_eq!(totals, [(money("KRW", 330_000), money("KRW", 220_000)), (dollars, dollars)]);
    let one = sum(Some(ticket(89))).await;
    assert_eq!((one.confirmed_bookings, one.totals.len()), (1, 1));
    assert_eq!(sum(Some(ticket(90))).await, SalesSummary::default());
}

async fn t08_a_watcher_sees_every_change_once_and_in_order(scene: &Scene) {
    for n in [3, 1, 2] {
        put(scene, n, snapshot(n, BookingStatus::Pending)).await;
    }
    let look = async |after| {
        let rows = scene.store.changed_since(&buyer("alice"), after, 2).await.unwrap();
        let last = rows.last().map(|row| row.change_number);
        let seen: Vec<_> = rows
            .into_iter()
            .map(|row| (row.booking.booking_id.as_uuid().as_u128(), row.booking.booking.status))
            .collect();
        (seen, last)
    };
    let pending = BookingStatus::Pending;
    let (seen, last) = look(0).await;
    assert_eq!(seen, [(3, pending), (1, pending)]);
    let (seen, last) = look(last.unwrap()).await;
    assert_eq!(seen, [(2, pending)]);
    let last = last.unwrap();
    assert_eq!(look(last).await, (Vec::new(), None));
    let mut told = scene.changes.listen();
    let confirmed = booked(1, 2, snapshot(1, BookingStatus::Confirmed));
    assert_eq!(fold(scene, 10, &confirmed).await, Committed::Done);
    assert_eq!(fold(scene, 11, &paid(1, 1, PaymentStatus::Approved, 0)).await, Committed::Done);
    let alice = Change::Of("alice".into());
    assert!(told.take() == Some(alice.clone()) && told.take() == Some(alice), "once for each");
    // A stale event is no change.
    assert_eq!(fold(scene, 12, &confirmed).await, Committed::Done);
    assert_eq!(told.take(), None);
    let (seen, last) = look(last).await;
    assert_eq!(seen, [(1, BookingStatus::Confirmed)]);
    assert_eq!(look(last.unwrap()).await, (Vec::new(), None));
}

/// Writers and a watcher at once: whatever number the watcher has seen, all changes below it were visible.
async fn t08_no_change_hides_behind_a_later_number(scene: &Scene) {
    const WRITERS: u128 = 8;
    const EACH: u128 = 15;
    let writers = join_all((0..WRITERS).map(|writer| async move {
        for n in (1..=EACH).map(|n| writer * 1_000 + n) {
            let fact = booked(n, 1, snapshot(n, BookingStatus::Pending));
            while fold(scene, n, &fact).await == Committed::Stale {}
        }
    }));
    let watcher = async {
        let (mut seen, mut after) = (0, 0);
        while seen < WRITERS * EACH {
            for row in scene.store.changed_since(&buyer("alice"), after, 7).await.unwrap() {
                assert_eq!(row.change_number, after + 1, "a change was missed");
                after = row.change_number;
                seen += 1;
            }
            tokio::task::yield_now().await;
        }
    };
    futures::join!(writers, watcher);
}

async fn t08_first_changes_at_once_are_numbered_too(scene: &Scene) {
    for name in ["alice", "Alice", "bob"] {
        let number = |n: usize| u128::try_from(n).unwrap() + u128::from(name.as_bytes()[0]) * 100;
        let race = (1..=10).map(async |n| {
            let booking =
                BookingSnapshot { buyer_id: buyer(name), ..snapshot(1, BookingStatus::Pending) };
            fold(scene, number(n), &booked(number(n), 1, booking)).await
        });
        let verdicts = join_all(race).await;
        assert!(verdicts.iter().all(|verdict| *verdict == Committed::Done), "{verdicts:?}");
        let changed = scene.store.changed_since(&buyer(name), 0, 50).await.unwrap();
        let numbers: Vec<_> = changed.iter().map(|change| change.change_number).collect();
        assert_eq!(numbers, (1..=10).collect::<Vec<_>>(), "{name}");
    }
}

async fn r30_a_payment_alone_is_found_but_not_listed(scene: &Scene) {
    let payment = paid(1, 1, PaymentStatus::Approved, 0);
    assert_eq!(fold(scene, 1, &payment).await, Committed::Done);
    assert_eq!(scene.store.find(booking_id(1)).await.unwrap().unwrap().shown(), None);
    assert_eq!(listed(scene, &of_alice()).await, []);
    assert_eq!(scene.store.tallies(&acme(), None).await.unwrap(), []);
    let booking = booked(1, 1, snapshot(1, BookingStatus::Pending));
    assert_eq!(fold(scene, 2, &booking).await, Committed::Done);
    let rows = scene.store.list(&of_alice(), None, 10).await.unwrap();
    let statuses: Vec<_> = rows.iter().map(|row| row.payment_status).collect();
    assert_eq!(statuses, [Some(PaymentStatus::Approved)]);
}

async fn r18_a_parked_message_counts_as_handled(scene: &Scene) {
    let envelope = Envelope {
        id: EventId::new(Uuid::from_u128(1)),
        event_type: "boxoffice.booking.v1.BookingPlaced".to_owned(),
        source: "booking".to_owned(),
        occurred_at: Timestamp::from_micros(1),
        aggregate_type: "booking".to_owned(),
        aggregate_id: booking_id(1).to_string(),
        aggregate_version: 1,
        correlation_id: booking_id(1).to_string(),
        causation_id: None,
        traceparent: None,
        payload: vec![0xff],
    };
    for _ in 0..2 {
        scene.store.park("test", &envelope, "cannot be decoded").await.unwrap();
    }
    let late = booked(1, 1, snapshot(1, BookingStatus::Pending));
    assert_eq!(fold(scene, 1, &late).await, Committed::AlreadyHandled);
}

fn view(n: u128, revision: i64, facts: &[Fact]) -> BookingView {
    let mut view = BookingView::empty(booking_id(n));
    for fact in facts {
        view.fold(fact);
    }
    BookingView { revision, ..view }
}

async fn a_repair_is_for_the_row_that_was_found(scene: &Scene) {
    let repair = |what| scene.repair.repair(what);
    let made = view(1, 1, &[booked(1, 3, snapshot(1, BookingStatus::Confirmed))]);
    assert_eq!(repair(Repair::Make(made.clone())).await.unwrap(), Committed::Done);
    assert_eq!(repair(Repair::Make(made.clone())).await.unwrap(), Committed::Stale);
    let key = booking_id(1).to_string();
    let rows = scene.repair.rows(&[key.clone(), booking_id(2).to_string()]).await.unwrap();
    let found: Vec<_> = rows.into_iter().map(|row| (row.key, row.revision, row.view)).collect();
    assert_eq!(found, [(key.clone(), 1, Some(made))]);
    // A consumer moves it on: what was decided on the old row is not done.
    assert_eq!(fold(scene, 1, &paid(1, 1, PaymentStatus::Approved, 0)).await, Committed::Done);
    let moved = scene.store.find(booking_id(1)).await.unwrap();
    let older = view(1, 2, &[booked(1, 3, snapshot(1, BookingStatus::Expired))]);
    let replace = |found_revision| Repair::Replace { found_revision, view: older.clone() };
    let remove = |found_revision| Repair::Remove { key: key.clone(), found_revision };
    assert_eq!(repair(replace(1)).await.unwrap(), Committed::Stale);
    assert_eq!(repair(remove(1)).await.unwrap(), Committed::Stale);
    assert_eq!(scene.store.find(booking_id(1)).await.unwrap(), moved);
    assert_eq!(repair(replace(2)).await.unwrap(), Committed::Done);
    assert_eq!(scene.store.find(booking_id(1)).await.unwrap(), Some(older.clone()));
    assert_eq!(repair(remove(2)).await.unwrap(), Committed::Done);
    assert_eq!(scene.store.find(booking_id(1)).await.unwrap(), None);
    assert_eq!(repair(remove(2)).await.unwrap(), Committed::Stale);
}

async fn t08_a_watcher_sees_repairs(scene: &Scene) {
    for n in 1..=3 {
        put(scene, n, snapshot(n, BookingStatus::Pending)).await;
    }
    let look = async |after| scene.store.changed_since(&buyer("alice"), after, 9).await.unwrap();
    let seen = look(0).await.last().unwrap().change_number;
    let right = view(2, 2, &[booked(2, 1, snapshot(2, BookingStatus::Confirmed))]);
    let replace = Repair::Replace { found_revision: 1, view: right };
    assert_eq!(scene.repair.repair(replace).await.unwrap(), Committed::Done);
    let missing = view(4, 1, &[booked(4, 1, snapshot(4, BookingStatus::Expired))]);
    assert_eq!(scene.repair.repair(Repair::Make(missing)).await.unwrap(), Committed::Done);
    let told: Vec<_> =
        look(seen).await.iter().map(|row| row.booking.booking_id.as_uuid().as_u128()).collect();
    assert_eq!(told, [2, 4]);
}

async fn rows_are_paged_by_key(scene: &Scene) {
    for n in [5, 3, 1, 4, 2] {
        put(scene, n, snapshot(n, BookingStatus::Pending)).await;
    }
    let (mut seen, mut last) = (Vec::new(), String::new());
    loop {
        let page = scene.repair.keys(&last, 2).await.unwrap();
        let Some(end) = page.last().cloned() else { break };
        assert!(page.len() <= 2);
        last = end;
        seen.extend(page);
    }
    assert_eq!(seen, (1..=5).map(|n| booking_id(n).to_string()).collect::<Vec<_>>());
}
