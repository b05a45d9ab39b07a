//! The settlement store's contract, over every implementation.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set up its scene has failed"
)]

use std::sync::Arc;
use std::time::Duration;

use contract::{Engine, Fresh};
use futures::future::join_all;
use kernel::{
    BookingId, BuyerId, Cause, Clock, Committed, Currency, Envelope, EventId, Instruction, Locale,
    Money, OPERATOR_NAME_CHARS_MAX, OPERATOR_REASON_CHARS_MAX, OperatorEntry, PaymentId, Recorded,
    RefundId, StoreError, Timestamp, Uuid,
};
use memory_payment::MemorySettlementStore;
use payment::{
    CALL_LEASE, Change, Payer, Payment, PaymentEvent, PaymentFilter, PaymentState, Refund,
    RefundState, Settlement, SettlementStore,
};
use sea_orm_database::{Batching, LoggedEntry};
use sea_orm_payment::{OpenRefund, OpenRefunds, SeaOrmSettlementStore, migrations};

struct Scene {
    store: Arc<dyn SettlementStore>,
    memory: Option<Arc<MemorySettlementStore>>,
    database: Option<Fresh>,
}

/// The database has its own time, so the memory store gets a real one too.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "stands for the database's own clock")]
    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap())
    }
}

async fn memory() -> Scene {
    let memory = Arc::new(MemorySettlementStore::new(Arc::new(SystemClock)));
    Scene { store: memory.clone(), memory: Some(memory), database: None }
}

async fn over(engine: Engine) -> Scene {
    let fresh = Fresh::new(engine, migrations()).await;
    Scene {
        store: Arc::new(SeaOrmSettlementStore::new(fresh.db.clone(), envelope, Batching::On)),
        memory: None,
        database: Some(fresh),
    }
}

fn envelope(recorded: &Recorded<PaymentEvent>) -> Envelope {
    message(recorded.id, &recorded.correlation_id, recorded.version)
}

fn message(id: EventId, booking: &str, aggregate_version: i64) -> Envelope {
    Envelope {
        id,
        event_type: "boxoffice.payment.v1.PaymentVoided".to_owned(),
        source: "payment".to_owned(),
        occurred_at: Timestamp::from_micros(1),
        aggregate_type: "payment".to_owned(),
        aggregate_id: booking.to_owned(),
        aggregate_version,
        correlation_id: booking.to_owned(),
        causation_id: None,
        traceparent: None,
        payload: Vec::new(),
    }
}

contract::over_every_store!(
    every_state_round_trips,
    a_settlement_grows_and_changes,
    a_stale_commit_leaves_nothing,
    of_ten_racers_one_wins,
    r29_the_same_cause_twice_is_one_commit,
    r20_due_settlements_go_to_one_claimer,
    r04_an_attempt_that_nobody_has_claimed_can_be_taken_back,
    what_is_at_rest_is_never_due,
    pages_are_newest_first_and_show_nobody_elses,
    r18_a_parked_message_counts_as_handled,
    r29_of_ten_racers_with_one_cause_one_wins,
    r12_an_operators_word_is_kept_with_the_change_or_not_at_all;
    r06_an_attempt_is_of_one_payment,
    r12_open_refunds_are_listed_with_those_in_review_first,
    the_database_refuses_and_the_reader_reports_what_cannot_be,
);

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn booking(n: u128) -> BookingId {
    BookingId::new(id(n))
}

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn attempt(booking_id: BookingId, attempt: u32, state: PaymentState) -> Payment {
    Payment {
        id: PaymentId::new(id(booking_id.as_uuid().as_u128() * 1_000 + u128::from(attempt))),
        booking_id,
        attempt,
        payer: Payer { buyer_id: BuyerId::new("alice").unwrap(), locale: Locale::Ko },
        amount: won(55_000),
        payment_method: "tok \u{1f3ab}".to_owned(),
        state,
        tries: 3,
        refunds: Vec::new(),
        created_at: at(i64::from(attempt)),
        updated_at: at(900),
    }
}

fn refund(n: u128, minor: i64, state: RefundState) -> Refund {
    Refund {
        id: RefundId::new(id(n)),
        amount: won(minor),
        state,
        tries: 5,
        refusals: 2,
        created_at: at(10),
        updated_at: at(901),
    }
}

fn declined() -> PaymentState {
    PaymentState::Declined { reason: "card declined".to_owned() }
}

fn approved() -> PaymentState {
    PaymentState::Approved { provider_ref: "ch_1".to_owned() }
}

fn settlement(booking_id: BookingId, payments: Vec<Payment>) -> Settlement {
    Settlement { payments, revision: 1, ..Settlement::new(booking_id) }
}

fn change(settlement: &Settlement, events: i64) -> Change {
    let mut settlement = settlement.clone();
    let booking_id = settlement.booking_id;
    let first = settlement.event_version + 1;
    settlement.event_version += events;
    let recorded = (first..=settlement.event_version).map(|version| Recorded {
        id: EventId::new(id(booking_id.as_uuid().as_u128() * 100 + version.unsigned_abs() as u128)),
        at: at(1),
        version,
        correlation_id: booking_id.to_string(),
        causation_id: None,
        event: PaymentEvent::Voided { booking_id },
    });
    let events = recorded.collect();
    let expected_revision = settlement.revision - 1;
    Change { settlement, expected_revision, events, caused_by: None, by_operator: None }
}

async fn commit(scene: &Scene, settlement: &Settlement) -> Committed {
    scene.store.commit(change(settlement, 0)).await.unwrap()
}

async fn every_state_round_trips(scene: &Scene) {
    let succeeded = || RefundState::Succeeded { provider_ref: "re_1".to_owned() };
    let reason = || "no balance".to_owned();
    let refunds = [
        vec![],
        vec![refund(1, 55_000, RefundState::Requested)],
        vec![refund(2, 55_000, RefundState::Pending)],
        vec![refund(3, 55_000, RefundState::Failed { reason: reason() })],
        vec![refund(4, 55_000, RefundState::ManualReview { reason: reason() })],
        vec![refund(5, 20_000, succeeded())],
        vec![refund(6, 20_000, succeeded()), refund(7, 35_000, RefundState::Pending)],
        vec![refund(8, 20_000, succeeded()), refund(9, 35_000, succeeded())],
    ];
    let mut last: Vec<Payment> = [PaymentState::Processing, PaymentState::Unknown, declined()]
        .map(|state| attempt(booking(1), 3, state))
        .into();
    last.extend(refunds.map(|refunds| Payment { refunds, ..attempt(booking(1), 3, approved()) }));
    let mut stored = vec![settlement(booking(50), Vec::new())];
    for (payment, n) in last.into_iter().zip(100..) {
        let mut payments =
            vec![attempt(booking(n), 1, declined()), attempt(booking(n), 2, declined())];
        let id = PaymentId::new(id(n * 1_000 + 3));
        payments.push(Payment { id, booking_id: booking(n), ..payment });
        stored.push(settlement(booking(n), payments));
    }
    for original in &mut stored {
        original.voided = true;
        assert_eq!(commit(scene, original).await, Committed::Done);
        let read = scene.store.find(original.booking_id).await.unwrap();
        assert_eq!(read.as_ref(), Some(&*original));
        for payment in &original.payments {
            let read = scene.store.find_payment(payment.id).await.unwrap();
            assert_eq!(read.as_ref(), Some(payment));
        }
    }
    assert_eq!(scene.store.find(booking(7)).await, Ok(None));
    assert_eq!(scene.store.find_payment(PaymentId::new(id(7))).await, Ok(None));
}

async fn a_settlement_grows_and_changes(scene: &Scene) {
    let mut now = settlement(booking(1), vec![attempt(booking(1), 1, PaymentState::Processing)]);
    assert_eq!(commit(scene, &now).await, Committed::Done);
    now.payments[0].state = declined();
    now.payments.push(attempt(booking(1), 2, PaymentState::Unknown));
    now.revision = 2;
    assert_eq!(commit(scene, &now).await, Committed::Done);
    now.payments[1].state = approved();
    now.payments[1].refunds.push(refund(1, 55_000, RefundState::Requested));
    now.voided = true;
    now.revision = 3;
    assert_eq!(commit(scene, &now).await, Committed::Done);
    let provider_ref = "re_1".to_owned();
    now.payments[1].refunds[0].state = RefundState::Succeeded { provider_ref };
    now.revision = 4;
    assert_eq!(commit(scene, &now).await, Committed::Done);
    assert_eq!(scene.store.find(booking(1)).await, Ok(Some(now)));
}

async fn a_stale_commit_leaves_nothing(scene: &Scene) {
    let first = settlement(booking(1), vec![attempt(booking(1), 1, PaymentState::Processing)]);
    assert_eq!(scene.store.commit(change(&first, 0)).await, Ok(Committed::Done));
    let mut other = first.clone();
    other.payments[0].state = approved();
    other.voided = true;
    let cause = Cause { consumer: "payment.refund", event_id: EventId::new(id(9)) };
    let again = Change { caused_by: Some(cause.clone()), ..change(&other, 1) };
    assert_eq!(scene.store.commit(again).await, Ok(Committed::Stale), "it exists already");
    other.revision = 3;
    let ahead = Change { caused_by: Some(cause.clone()), ..change(&other, 1) };
    assert_eq!(scene.store.commit(ahead).await, Ok(Committed::Stale));
    assert_eq!(scene.store.find(booking(1)).await, Ok(Some(first)));
    other.revision = 2;
    let right = Change { caused_by: Some(cause), ..change(&other, 1) };
    assert_eq!(scene.store.commit(right).await, Ok(Committed::Done), "the cause was not marked");
}

async fn of_ten_racers_one_wins(scene: &Scene) {
    let new = settlement(booking(1), vec![attempt(booking(1), 1, PaymentState::Processing)]);
    let next = Settlement { revision: 2, voided: true, ..new.clone() };
    for racing in [&new, &next] {
        let racers = (0..10).map(|_| commit(scene, racing));
        let verdicts = join_all(racers).await;
        let won = verdicts.iter().filter(|verdict| **verdict == Committed::Done).count();
        let lost = verdicts.iter().filter(|verdict| **verdict == Committed::Stale).count();
        assert_eq!((won, lost), (1, 9));
    }
}

async fn r29_the_same_cause_twice_is_one_commit(scene: &Scene) {
    let cause = Cause { consumer: "payment.refund", event_id: EventId::new(id(9)) };
    let first = settlement(booking(1), Vec::new());
    let caused = Change { caused_by: Some(cause.clone()), ..change(&first, 1) };
    assert_eq!(scene.store.commit(caused).await, Ok(Committed::Done));
    let read = scene.store.find(booking(1)).await.unwrap().unwrap();
    let next = Settlement { revision: 2, voided: true, ..read.clone() };
    let again = Change { caused_by: Some(cause), ..change(&next, 1) };
    assert_eq!(scene.store.commit(again).await, Ok(Committed::AlreadyHandled));
    assert_eq!(scene.store.find(booking(1)).await, Ok(Some(read)));
}

async fn r29_of_ten_racers_with_one_cause_one_wins(scene: &Scene) {
    let racers = (1..=10).map(|n| {
        let cause = Cause { consumer: "payment.refund", event_id: EventId::new(id(9)) };
        let caused = Change { caused_by: Some(cause), ..change(&due_now(n), 1) };
        scene.store.commit(caused)
    });
    let verdicts: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    let done = verdicts.iter().filter(|verdict| **verdict == Committed::Done).count();
    let handled = verdicts.iter().filter(|verdict| **verdict == Committed::AlreadyHandled).count();
    assert_eq!((done, handled), (1, 9));
    assert_eq!(scene.store.claim_due(CALL_LEASE, 50).await.unwrap().len(), 1);
}

/// Who changed what, and why, as the store tells it: the oldest first.
async fn operator_log(scene: &Scene) -> Vec<[String; 5]> {
    if let Some(memory) = &scene.memory {
        let told = |entry: OperatorEntry| {
            let (operator, reason) = (entry.instruction.operator(), entry.instruction.reason());
            [operator, entry.command, &entry.subject_id, reason, entry.outcome].map(str::to_owned)
        };
        return memory.operator_log().into_iter().map(told).collect();
    }
    let logged = scene.database.as_ref().unwrap().db.operator_log(10).await.unwrap();
    let told = |entry: LoggedEntry| {
        assert!(entry.at > at(1_700_000_000_000_000), "by the database's own time");
        [entry.operator, entry.command, entry.subject_id, entry.reason, entry.outcome]
    };
    logged.into_iter().rev().map(told).collect()
}

async fn r12_an_operators_word_is_kept_with_the_change_or_not_at_all(scene: &Scene) {
    let longest = "\u{1f3b9}".repeat(OPERATOR_REASON_CHARS_MAX);
    let name = "\u{ae40}".repeat(OPERATOR_NAME_CHARS_MAX);
    let word = |command, outcome| {
        Some(Instruction::new(&name, &longest).unwrap().entry(
            command,
            RefundId::new(id(1)),
            outcome,
        ))
    };
    assert_eq!(commit(scene, &due_now(1)).await, Committed::Done);
    assert_eq!(operator_log(scene).await, Vec::<[String; 5]>::new());
    let next = Settlement { revision: 2, ..due_now(1) };
    let by_operator = word("refunds retry", "REQUESTED");
    let retried = Change { by_operator: by_operator.clone(), ..change(&next, 0) };
    assert_eq!(scene.store.commit(retried.clone()).await, Ok(Committed::Done));
    assert_eq!(scene.store.commit(retried).await, Ok(Committed::Stale), "and nothing is kept");
    let last = Settlement { revision: 3, ..due_now(1) };
    let by_operator = word("refunds settle", "SUCCEEDED");
    let settled = Change { by_operator, ..change(&last, 1) };
    assert_eq!(scene.store.commit(settled).await, Ok(Committed::Done));
    let refund = RefundId::new(id(1)).to_string();
    let kept = |command: &str, outcome: &str| {
        [name.as_str(), command, &refund, &longest, outcome].map(str::to_owned)
    };
    let all = [kept("refunds retry", "REQUESTED"), kept("refunds settle", "SUCCEEDED")];
    assert_eq!(operator_log(scene).await, all);
}

/// MySQL's upsert would have overwritten the first.
async fn r06_an_attempt_is_of_one_payment(scene: &Scene) {
    let first = settlement(booking(1), vec![attempt(booking(1), 1, approved())]);
    assert_eq!(commit(scene, &first).await, Committed::Done);
    let mut other = Settlement { revision: 2, ..first.clone() };
    other.payments[0] =
        Payment { id: PaymentId::new(id(4_711)), ..attempt(booking(1), 1, approved()) };
    let refused = scene.store.commit(change(&other, 0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(scene.store.find(booking(1)).await, Ok(Some(first)));
}

/// A refund that is requested is due at once.
fn due_now(n: u128) -> Settlement {
    let refunds = vec![refund(n, 55_000, RefundState::Requested)];
    settlement(booking(n), vec![Payment { refunds, ..attempt(booking(n), 1, approved()) }])
}

async fn r20_due_settlements_go_to_one_claimer(scene: &Scene) {
    for n in 1..=20 {
        assert_eq!(commit(scene, &due_now(n)).await, Committed::Done);
    }
    let lease = Duration::from_secs(2);
    assert_eq!(scene.store.claim_due(lease, 5).await.unwrap().len(), 5, "as many as asked for");
    let claims = join_all((0..8).map(|_| scene.store.claim_due(lease, 20))).await;
    let mut claimed: Vec<BookingId> = claims.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(claimed.len(), 15);
    claimed.sort_unstable();
    claimed.dedup();
    assert_eq!(claimed.len(), 15, "each to one claimer");
    let mut again = 0;
    while again < 20 {
        tokio::time::sleep(lease / 8).await;
        again += scene.store.claim_due(CALL_LEASE, 50).await.unwrap().len();
    }
    assert_eq!(again, 20, "a lease that lapses makes it due again, once");
}

/// A claim is seen by whoever was at the settlement before, and an attempt that is taken back leaves nothing.
async fn r04_an_attempt_that_nobody_has_claimed_can_be_taken_back(scene: &Scene) {
    let claimed = due_now(1);
    assert_eq!(commit(scene, &claimed).await, Committed::Done);
    assert_eq!(scene.store.claim_due(CALL_LEASE, 1).await, Ok(vec![booking(1)]));
    let claimed = Settlement { revision: 2, ..claimed };
    assert_eq!(scene.store.find(booking(1)).await, Ok(Some(claimed.clone())));
    assert_eq!(commit(scene, &claimed).await, Committed::Stale, "decided before the claim");
    let first = attempt(booking(2), 1, declined());
    let begun = attempt(booking(2), 2, PaymentState::Processing);
    let again = Payment { id: PaymentId::new(id(4_711)), ..begun.clone() };
    for (revision, second) in [(1, Some(&begun)), (2, None), (3, Some(&again))] {
        let payments = [&first].into_iter().chain(second).cloned().collect();
        let now = Settlement { revision, ..settlement(booking(2), payments) };
        assert_eq!(commit(scene, &now).await, Committed::Done);
        assert_eq!(scene.store.find(booking(2)).await, Ok(Some(now)));
    }
    assert_eq!(scene.store.find_payment(begun.id).await, Ok(None));
}

async fn what_is_at_rest_is_never_due(scene: &Scene) {
    let calling = attempt(booking(1), 1, PaymentState::Processing);
    assert_eq!(commit(scene, &settlement(booking(1), vec![calling])).await, Committed::Done);
    let paid = attempt(booking(2), 1, approved());
    assert_eq!(commit(scene, &settlement(booking(2), vec![paid])).await, Committed::Done);
    let mut done = due_now(3);
    assert_eq!(commit(scene, &done).await, Committed::Done);
    done.payments[0].refunds[0].state = RefundState::ManualReview { reason: "no".to_owned() };
    done.revision = 2;
    assert_eq!(commit(scene, &done).await, Committed::Done);
    assert_eq!(scene.store.claim_due(CALL_LEASE, 10).await, Ok(Vec::new()));
}

async fn pages_are_newest_first_and_show_nobody_elses(scene: &Scene) {
    for n in 1..=7 {
        let mut payment = attempt(booking(n), 1, approved());
        // Several of one instant: the id breaks the tie.
        payment.created_at = at(i64::try_from(n).unwrap() / 3);
        payment.refunds = vec![refund(n, 20_000, RefundState::Pending)];
        if n == 4 {
            payment.payer.buyer_id = BuyerId::new("bob").unwrap();
        }
        assert_eq!(commit(scene, &settlement(booking(n), vec![payment])).await, Committed::Done);
    }
    let alice = PaymentFilter { buyer_id: BuyerId::new("alice").unwrap(), booking_id: None };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = scene.store.list(&alice, after, 2).await.unwrap();
        assert!(page.iter().all(|payment| payment.refunds.len() == 1));
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.iter().map(|payment| payment.booking_id));
    }
    assert_eq!(seen, [7, 6, 5, 3, 2, 1].map(booking));
    let of_one = PaymentFilter { booking_id: Some(booking(5)), ..alice.clone() };
    assert_eq!(scene.store.list(&of_one, None, 10).await.unwrap().len(), 1);
    let of_bobs = PaymentFilter { booking_id: Some(booking(4)), ..alice };
    assert_eq!(scene.store.list(&of_bobs, None, 10).await, Ok(Vec::new()));
}

async fn r18_a_parked_message_counts_as_handled(scene: &Scene) {
    let event_id = EventId::new(id(9));
    let parked = message(event_id, "b", 1);
    for _ in 0..2 {
        assert_eq!(scene.store.park("payment.refund", &parked, "unreadable").await, Ok(()));
    }
    let cause = Cause { consumer: "payment.refund", event_id };
    let late = settlement(booking(1), Vec::new());
    let late = Change { caused_by: Some(cause), ..change(&late, 0) };
    assert_eq!(scene.store.commit(late).await, Ok(Committed::AlreadyHandled));
}

async fn r12_open_refunds_are_listed_with_those_in_review_first(scene: &Scene) {
    let database = scene.database.as_ref().unwrap();
    let open = OpenRefunds::new(database.db.clone());
    assert_eq!(open.in_review().await, Ok(Vec::new()));
    let reason = || "no balance".to_owned();
    let states = [
        RefundState::Requested,
        RefundState::Failed { reason: reason() },
        RefundState::ManualReview { reason: reason() },
        RefundState::Succeeded { provider_ref: "re_1".to_owned() },
        RefundState::Pending,
        RefundState::ManualReview { reason: reason() },
    ];
    for (n, state) in (1..).zip(states) {
        let created_at = at(i64::try_from(n).unwrap());
        let refunds = vec![Refund { created_at, ..refund(n, 55_000, state) }];
        let payment = Payment { refunds, ..attempt(booking(n), 1, approved()) };
        assert_eq!(commit(scene, &settlement(booking(n), vec![payment])).await, Committed::Done);
    }
    let found = open.list(10).await.unwrap();
    let of = |n: u128| (RefundId::new(id(n)), booking(n), PaymentId::new(id(n * 1_000 + 1)));
    let listed = |refund: &OpenRefund| (refund.refund.id, refund.booking_id, refund.payment_id);
    assert_eq!(found.refunds.iter().map(listed).collect::<Vec<_>>(), [3, 6, 1, 2, 5].map(of));
    let states: Vec<_> = found.refunds.iter().map(|refund| refund.state.as_str()).collect();
    assert_eq!(states, ["MANUAL_REVIEW", "MANUAL_REVIEW", "REQUESTED", "FAILED", "PENDING"]);
    assert!(found.unreadable.is_empty() && found.at > at(1_700_000_000_000_000));
    assert_eq!(open.list(3).await.unwrap().refunds, found.refunds[..3]);
    let in_review = [3, 6].map(|n| (RefundId::new(id(n)), booking(n)));
    assert_eq!(open.in_review().await, Ok(in_review.to_vec()));
    assert_eq!(open.booking_of(RefundId::new(id(4))).await, Ok(Some(booking(4))), "in any state");
    assert_eq!(open.booking_of(RefundId::new(id(99))).await, Ok(None));
    database.tamper("UPDATE refund SET currency = 'XXZ' WHERE status = 'FAILED'").await.unwrap();
    let found = open.list(10).await.unwrap();
    assert_eq!((found.refunds.len(), found.unreadable.len()), (4, 1), "one hides no other");
}

async fn the_database_refuses_and_the_reader_reports_what_cannot_be(scene: &Scene) {
    let database = scene.database.as_ref().unwrap();
    assert_eq!(commit(scene, &due_now(1)).await, Committed::Done);
    for impossible in [
        "UPDATE payment SET refunds_minor = 55001",
        "UPDATE payment SET refunded_minor = 1",
        "UPDATE payment SET status = 'DECLINED'",
        "UPDATE payment SET status = 'REFUNDED'",
        "UPDATE payment SET provider_ref = NULL",
        "UPDATE payment SET attempt = 0",
        "UPDATE refund SET status = 'SUCCEEDED'",
        "UPDATE refund SET amount_minor = -1",
        "UPDATE settlement SET revision = 0",
    ] {
        let refused = database.tamper(impossible).await;
        let error = refused.err().unwrap_or_default().to_lowercase();
        assert!(error.contains("constraint"), "{impossible}: {error}");
    }
    database.tamper("UPDATE refund SET amount_minor = 54999").await.unwrap();
    let found = scene.store.find(booking(1)).await;
    assert!(matches!(found, Err(StoreError::CorruptRow { table: "payment", .. })), "{found:?}");
}
