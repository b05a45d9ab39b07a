//! The payment provider's contract, over the simulated one: one key, one charge (row P01, traps R04, R05).
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{Engine, Fresh};
use futures::future::join_all;
use kernel::{
    BookingId, BuyerId, Caller, Currency, Locale, Money, RefundId, Role, Timestamp, Uuid,
};
use memory_payment::MemorySettlementStore;
use payment::{
    ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, ChargePayment, Guard, GuardRules, Payer,
    Paying, PaymentProvider, PaymentStatus, RefundAnswer, RefundOrder,
};
use provider_simulated::{SimulatedProvider, SimulatedSettings, migrations};
use testkit::{ManualClock, NumberedIds, eventually};

contract::over_every_database!(
    p01_a_seed_repeats_itself_and_zero_and_one_are_exact,
    p01_tokens_script_the_outcome_whatever_the_odds,
    r05_a_key_is_charged_once_however_often_it_comes,
    r04_a_lost_reply_is_a_charge_that_can_be_found,
    r04_a_call_without_an_answer_ends_in_time_and_is_processing,
    p02_a_result_that_comes_later_is_found_later,
    p02_a_result_that_comes_later_is_told_once_it_is_there,
    a_refund_moves_no_more_than_was_taken_and_once,
    refunds_at_once_give_back_no_more_than_was_taken,
    r12_a_refund_is_refused_as_scripted_until_the_books_say_otherwise,
    the_books_outlive_the_provider,
);

struct Scene {
    provider: SimulatedProvider,
    ledger: Fresh,
}

/// A rule makes as many scenes as it needs.
async fn over(engine: Engine) -> Engine {
    engine
}

async fn scene(engine: &Engine, success_rate: f64, seed: u64) -> Scene {
    let ledger = Fresh::new(*engine, migrations()).await;
    let settings = SimulatedSettings::new(success_rate, 0, 3, Some(seed)).unwrap();
    let settings = settings.with_call_timeout(Duration::from_millis(200));
    let provider = SimulatedProvider::new(settings, ledger.db.clone());
    Scene { provider, ledger }
}

fn order(n: u128, payment_method: &str) -> ChargeOrder {
    ChargeOrder {
        key: ChargeKey { booking_id: BookingId::new(Uuid::from_u128(n)), attempt: 1 },
        amount: Money::from_minor(55_000, Currency::from_code("KRW").unwrap()),
        payment_method: payment_method.to_owned(),
    }
}

fn refund(n: u128, charge: &ChargeOrder, minor: i64) -> RefundOrder {
    RefundOrder {
        refund_id: RefundId::new(Uuid::from_u128(n)),
        charge: charge.key,
        provider_ref: "whatever".to_owned(),
        amount: Money::from_minor(minor, charge.amount.currency()),
        anew: true,
    }
}

fn is_approved(answer: &ChargeAnswer) -> bool {
    matches!(answer, ChargeAnswer::Approved { .. })
}

fn is_declined(answer: &ChargeAnswer) -> bool {
    matches!(answer, ChargeAnswer::Declined { .. })
}

async fn charge_forty(scene: &Scene) -> Vec<bool> {
    let orders: Vec<ChargeOrder> = (0..40).map(|n| order(n, "")).collect();
    let answers = join_all(orders.iter().map(|order| scene.provider.charge(order))).await;
    assert!(answers.iter().all(|answer| is_approved(answer) || is_declined(answer)));
    answers.iter().map(is_approved).collect()
}

async fn p01_a_seed_repeats_itself_and_zero_and_one_are_exact(engine: &Engine) {
    let first = charge_forty(&scene(engine, 0.5, 7).await).await;
    assert_eq!(charge_forty(&scene(engine, 0.5, 7).await).await, first);
    assert_ne!(charge_forty(&scene(engine, 0.5, 8).await).await, first);
    assert!(charge_forty(&scene(engine, 1.0, 7).await).await.iter().all(|approved| *approved));
    assert!(charge_forty(&scene(engine, 0.0, 7).await).await.iter().all(|approved| !approved));
}

async fn p01_tokens_script_the_outcome_whatever_the_odds(engine: &Engine) {
    let (never, always) = (scene(engine, 0.0, 7).await, scene(engine, 1.0, 7).await);
    let (never, always) = (&never.provider, &always.provider);
    assert!(is_approved(&never.charge(&order(1, "ok")).await));
    assert!(is_declined(&always.charge(&order(1, "declined")).await));
    let unknown = ChargeAnswer::Declined { reason: "unknown payment method".to_owned() };
    assert_eq!(always.charge(&order(2, "tok_visa")).await, unknown);
}

async fn r05_a_key_is_charged_once_however_often_it_comes(engine: &Engine) {
    let scene = scene(engine, 1.0, 7).await;
    let order = order(1, "ok");
    let answers = join_all((0..10).map(|_| scene.provider.charge(&order))).await;
    assert!(answers.iter().all(is_approved));
    assert_eq!(scene.ledger.value::<i64>("SELECT COUNT(*) FROM charge").await, 1);
    let other_amount =
        ChargeOrder { amount: Money::from_minor(1, order.amount.currency()), ..order.clone() };
    assert_eq!(scene.provider.charge(&other_amount).await, ChargeAnswer::Unknown);
    let other_method = ChargeOrder { payment_method: "declined".to_owned(), ..order };
    assert!(is_approved(&scene.provider.charge(&other_method).await));
}

async fn r04_a_lost_reply_is_a_charge_that_can_be_found(engine: &Engine) {
    let scene = scene(engine, 1.0, 7).await;
    let order = order(1, "lost_reply");
    assert_eq!(scene.provider.query(order.key).await, ChargeFinding::NotFound);
    assert_eq!(scene.provider.charge(&order).await, ChargeAnswer::Unknown);
    let found = scene.provider.query(order.key).await;
    assert!(matches!(&found, ChargeFinding::Known(answer) if is_approved(answer)), "{found:?}");
    assert!(is_approved(&scene.provider.charge(&order).await), "the same call again finds it too");
    assert_eq!(scene.ledger.value::<i64>("SELECT COUNT(*) FROM charge").await, 1);
}

async fn r04_a_call_without_an_answer_ends_in_time_and_is_processing(engine: &Engine) {
    let scene = scene(engine, 1.0, 7).await;
    for (n, token, outcome) in [(1, "hang", "DECLINED"), (2, "slow", "APPROVED")] {
        let order = order(n, token);
        let before = Instant::now();
        assert_eq!(scene.provider.charge(&order).await, ChargeAnswer::Unknown);
        assert!(before.elapsed() < Duration::from_secs(2), "{token}");
        let processing = ChargeFinding::Known(ChargeAnswer::UnderWay);
        assert_eq!(scene.provider.query(order.key).await, processing);
        let later = format!("SELECT COUNT(*) FROM charge WHERE outcome = '{outcome}'");
        assert_eq!(scene.ledger.value::<i64>(&later).await, 1, "{token}");
        let early = scene.provider.refund(&refund(n, &order, 1)).await;
        assert!(matches!(early, RefundAnswer::Refused { .. }), "nothing is taken yet");
    }
    let wait = "SELECT MIN(due_at_us - received_at_us) FROM charge WHERE payment_method = ";
    assert_eq!(scene.ledger.value::<i64>(&format!("{wait}'hang'")).await, 15_000_000);
    assert_eq!(scene.ledger.value::<i64>(&format!("{wait}'slow'")).await, 5_000_000);
}

async fn p02_a_result_that_comes_later_is_found_later(engine: &Engine) {
    let scene = scene(engine, 1.0, 7).await;
    let order = order(1, "slow");
    assert_eq!(scene.provider.charge(&order).await, ChargeAnswer::Unknown);
    tokio::time::sleep(Duration::from_millis(4_900)).await;
    let found = scene.provider.query(order.key).await;
    assert!(matches!(&found, ChargeFinding::Known(answer) if is_approved(answer)), "{found:?}");
}

async fn p02_a_result_that_comes_later_is_told_once_it_is_there(engine: &Engine) {
    let ledger = Fresh::new(*engine, migrations()).await;
    let settings = SimulatedSettings::new(1.0, 100, 100, Some(7)).unwrap().telling_later();
    let provider = Arc::new(SimulatedProvider::new(settings, ledger.db.clone()));
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000)));
    let store = Arc::new(MemorySettlementStore::new(clock.clone()));
    let slow_after = Duration::from_secs(2);
    let paying = Paying {
        settlements: store.clone(),
        provider: provider.clone(),
        guard: Guard::new(GuardRules { breaks: true, at_once_max: 64, slow_after }),
        clock,
        ids: Arc::new(NumberedIds::default()),
    };
    let service = Caller {
        subject: Some("booking".to_owned()),
        roles: vec![Role::Service],
        ..Caller::anonymous()
    };
    for (n, payment_method) in [(1, ""), (2, "told_twice"), (3, "declined"), (4, "never_told")] {
        let ChargeOrder { key, amount, payment_method } = order(n, payment_method);
        let payer = Payer { buyer_id: BuyerId::new("alice").unwrap(), locale: Locale::En };
        let (booking_id, attempt) = (key.booking_id, key.attempt);
        let asked = ChargePayment { booking_id, attempt, payer, amount, payment_method };
        let charged = paying.charge_payment(&service, asked).await.unwrap();
        assert_eq!(charged.status(), PaymentStatus::Unknown, "it is under way");
    }
    let told = eventually("three of four results are told", || async {
        let told = store.events().len();
        if told == 3 { Ok(()) } else { Err(told) }
    });
    tokio::select! {
        () = provider.tell(&paying) => unreachable!("it ends by itself"),
        () = told => {}
    }
    let payments = store.settlements().into_iter().flat_map(|settlement| settlement.payments);
    let statuses: Vec<_> = payments.map(|payment| payment.status()).collect();
    let [approved, declined] = [PaymentStatus::Approved, PaymentStatus::Declined];
    assert_eq!(statuses, [approved, approved, declined, PaymentStatus::Unknown]);
    let never_told = provider.query(order(4, "").key).await;
    assert!(matches!(&never_told, ChargeFinding::Known(answer) if is_approved(answer)));
    assert!(is_approved(&provider.charge(&order(4, "")).await), "a repeat is answered at once");
}

async fn a_refund_moves_no_more_than_was_taken_and_once(engine: &Engine) {
    let scene = scene(engine, 1.0, 7).await;
    let (taken, untaken) = (order(1, "ok"), order(2, "declined"));
    assert!(is_approved(&scene.provider.charge(&taken).await));
    assert!(is_declined(&scene.provider.charge(&untaken).await));
    let part = refund(1, &taken, 50_000);
    let answers = join_all((0..5).map(|_| scene.provider.refund(&part))).await;
    assert!(answers.iter().all(|answer| matches!(answer, RefundAnswer::Succeeded { .. })));
    for wrong in [refund(2, &taken, 5_001), refund(3, &untaken, 1), refund(4, &order(9, "ok"), 1)] {
        let answer = scene.provider.refund(&wrong).await;
        assert!(matches!(answer, RefundAnswer::Refused { .. }), "{wrong:?}");
    }
    let rest = scene.provider.refund(&refund(5, &taken, 5_000)).await;
    assert!(matches!(rest, RefundAnswer::Succeeded { .. }));
    let all_back = "SELECT COUNT(*) FROM refund HAVING SUM(amount_minor) = 55000";
    assert_eq!(scene.ledger.value::<i64>(all_back).await, 2);
}

async fn refunds_at_once_give_back_no_more_than_was_taken(engine: &Engine) {
    let scene = scene(engine, 1.0, 7).await;
    let taken = order(1, "ok");
    assert!(is_approved(&scene.provider.charge(&taken).await));
    let refunds: Vec<_> = (1..=10).map(|n| refund(n, &taken, 10_000)).collect();
    // Each is asked for twice at once: the second is the same answer, and moves nothing.
    let twice = refunds.iter().chain(&refunds).map(|refund| scene.provider.refund(refund));
    let answers = join_all(twice).await;
    let given = |answer: &RefundAnswer| matches!(answer, RefundAnswer::Succeeded { .. });
    assert!(answers.iter().zip(answers.iter().skip(10)).all(|(one, two)| given(one) == given(two)));
    assert_eq!(answers.iter().filter(|answer| given(answer)).count(), 10);
    assert_eq!(scene.ledger.value::<i64>("SELECT COUNT(*) FROM refund").await, 5);
}

async fn r12_a_refund_is_refused_as_scripted_until_the_books_say_otherwise(engine: &Engine) {
    let scene = scene(engine, 0.0, 7).await;
    let order = order(1, "refund_refused");
    assert!(is_approved(&scene.provider.charge(&order).await));
    let back = refund(1, &order, 55_000);
    for _ in 0..10 {
        let refused = RefundAnswer::Refused { reason: "the card is closed".to_owned() };
        assert_eq!(scene.provider.refund(&back).await, refused);
    }
    assert_eq!(scene.ledger.value::<i64>("SELECT COUNT(*) FROM refund").await, 0);
    scene.ledger.tamper("UPDATE charge SET payment_method = 'ok'").await.unwrap();
    let answer = scene.provider.refund(&back).await;
    assert!(matches!(answer, RefundAnswer::Succeeded { .. }), "{answer:?}");
}

async fn the_books_outlive_the_provider(engine: &Engine) {
    let Scene { provider, ledger } = scene(engine, 1.0, 7).await;
    let order = order(1, "");
    assert!(is_approved(&provider.charge(&order).await));
    ledger.db.close().await;
    let settings = SimulatedSettings::new(0.0, 0, 0, None).unwrap();
    let provider = SimulatedProvider::new(settings, ledger.open_again(migrations()).await);
    assert!(is_approved(&provider.charge(&order).await), "the first outcome stands");
    let found = provider.query(order.key).await;
    assert!(matches!(&found, ChargeFinding::Known(answer) if is_approved(answer)));
}
