//! How long money has been under way, told as numbers: a try in vain makes nothing younger.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its scene has failed"
)]

use contract::{Engine, Fresh};
use kernel::{
    BookingId, BuyerId, Committed, Currency, Envelope, Locale, Money, PaymentId, Recorded,
    RefundId, Timestamp, Uuid,
};
use payment::{
    Change, ChargeAnswer, ChargePayment, Payer, PaymentEvent, RefundAnswer, Settlement,
    SettlementStore,
};
use sea_orm_database::Batching;
use sea_orm_payment::{SeaOrmSettlementStore, measure, migrations};
use telemetry_metrics::{Format, render};

const FIRST: Timestamp = Timestamp::from_micros(1_000_000);

fn no_events(_: &Recorded<PaymentEvent>) -> Envelope {
    unreachable!("nothing is told here")
}

fn charged(n: u128) -> Settlement {
    let booking_id = BookingId::new(Uuid::from_u128(n));
    let asked = ChargePayment {
        booking_id,
        attempt: 1,
        payer: Payer { buyer_id: BuyerId::new("alice").unwrap(), locale: Locale::En },
        amount: Money::from_minor(55_000, Currency::from_code("KRW").unwrap()),
        payment_method: "ok".to_owned(),
    };
    let mut settlement = Settlement { revision: 1, ..Settlement::new(booking_id) };
    let _ = settlement.begin_charge(&asked, PaymentId::new(Uuid::from_u128(n)), FIRST).unwrap();
    settlement
}

fn shown(line: &str) -> f64 {
    let text = render(Format::Prometheus);
    let found = text.lines().find_map(|shown| shown.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("{line} is not in {text}"))
}

#[tokio::test]
async fn r12_money_is_as_old_as_the_wish_for_it_however_often_it_is_tried() {
    let fresh = Fresh::new(Engine::Sqlite, migrations()).await;
    let store = SeaOrmSettlementStore::new(fresh.db.clone(), no_events, Batching::On);
    let now = fresh.db.now(fresh.db.reader()).await.unwrap();
    let refund_id = RefundId::new(Uuid::from_u128(9));

    let mut unknown = charged(1);
    let _ = unknown.charge_answered(1, &ChargeAnswer::Unknown, refund_id, now);
    let mut refunding = charged(2);
    let approved = ChargeAnswer::Approved { provider_ref: "ch_1".to_owned() };
    let _ = refunding.charge_answered(1, &approved, refund_id, FIRST);
    let _ = refunding.void(refund_id, None, FIRST);
    let refused = RefundAnswer::Refused { reason: "no balance".to_owned() };
    let _ = refunding.refund_answered(refund_id, &refused, now);
    for settlement in [unknown, refunding] {
        let events = Vec::new();
        let (expected_revision, caused_by, by_operator) = (0, None, None);
        let change = Change { settlement, expected_revision, events, caused_by, by_operator };
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
    }
    measure(&fresh.db).await.unwrap();
    for (status, rows) in [("unknown", 1.0), ("refund_failed", 1.0), ("processing", 0.0)] {
        let of = |metric: &str| shown(&format!("{metric}{{status=\"{status}\"}}"));
        assert!((of("payments_open") - rows).abs() < f64::EPSILON, "{status}");
        let age = of("payments_oldest_age_seconds");
        assert_eq!(age > 1e9, rows > 0.0, "{status}: {age} s");
    }
}
