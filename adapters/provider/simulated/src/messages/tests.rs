//! Messages from their post to the store, over the memory store, in paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use async_trait::async_trait;
use kernel::{
    BookingId, BuyerId, Caller, Clock, Currency, IdSource, Locale, Money, Role, Timestamp,
};
use memory_payment::MemorySettlementStore;
use payment::{
    ChargeAnswer, ChargeFinding, ChargeOrder, ChargePayment, Guard, GuardRules, Payer,
    PaymentProvider, PaymentState, RefundAnswer, RefundOrder,
};
use tokio::time::timeout;

use super::*;

const TAKES: Duration = Duration::from_secs(30);

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000)
    }
}

#[derive(Default)]
struct Numbered(AtomicU64);

impl IdSource for Numbered {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

/// Takes every charge and decides it in its time.
struct Bank {
    decides_at: Instant,
    asked: AtomicU32,
}

#[async_trait]
impl PaymentProvider for Bank {
    async fn charge(&self, _order: &ChargeOrder) -> ChargeAnswer {
        ChargeAnswer::UnderWay
    }

    async fn query(&self, _key: ChargeKey) -> ChargeFinding {
        self.asked.fetch_add(1, Ordering::SeqCst);
        ChargeFinding::Known(if Instant::now() < self.decides_at {
            ChargeAnswer::UnderWay
        } else {
            ChargeAnswer::Approved { provider_ref: "sim".to_owned() }
        })
    }

    async fn refund(&self, _order: &RefundOrder) -> RefundAnswer {
        RefundAnswer::Unknown
    }
}

struct Scene {
    messages: Messages,
    paying: Paying,
    store: Arc<MemorySettlementStore>,
    bank: Arc<Bank>,
}

impl Scene {
    /// A charge was taken, and its message is on its way so many times.
    async fn charged(times: usize) -> Self {
        let bank = Bank { decides_at: Instant::now() + TAKES, asked: AtomicU32::new(0) };
        let bank = Arc::new(bank);
        let store = Arc::new(MemorySettlementStore::new(Arc::new(Still)));
        let slow_after = Duration::from_secs(10);
        let rules = GuardRules { breaks: false, at_once_max: 64, slow_after };
        let paying = Paying {
            settlements: store.clone(),
            provider: bank.clone(),
            guard: Guard::new(rules),
            clock: Arc::new(Still),
            ids: Arc::new(Numbered::default()),
        };
        let krw = Currency::from_code("KRW").expect("known");
        let order = ChargePayment {
            booking_id: booking(),
            attempt: 1,
            payer: Payer { buyer_id: BuyerId::new("alice").expect("sound"), locale: Locale::En },
            amount: Money::from_minor(55_000, krw),
            payment_method: "ok".to_owned(),
        };
        let roles = vec![Role::Service];
        let service = Caller { subject: Some("booking".to_owned()), roles, ..Caller::anonymous() };
        let charged = paying.charge_payment(&service, order).await.expect("it is taken");
        assert_eq!(charged.state, PaymentState::Unknown);
        let messages = Messages::default();
        messages.post(ChargeKey { booking_id: booking(), attempt: 1 }, TAKES, times);
        Self { messages, paying, store, bank }
    }

    /// Delivers for so long.
    async fn pass(&self, time: Duration) {
        let delivering = timeout(time, self.messages.deliver(&self.paying));
        assert!(delivering.await.is_err(), "it ends by itself");
    }

    /// How often the provider was asked, and what was told of it.
    fn asked_and_told(&self) -> (u32, usize) {
        (self.bank.asked.load(Ordering::SeqCst), self.store.events().len())
    }
}

fn booking() -> BookingId {
    BookingId::new(Uuid::from_u128(7))
}

#[tokio::test(start_paused = true)]
async fn p02_a_message_comes_when_there_is_a_result_and_not_before() {
    let scene = Scene::charged(1).await;
    scene.pass(TAKES + CLOCKS_APART + Duration::from_millis(1)).await;
    assert_eq!(scene.asked_and_told(), (1, 1));
    let settlement = scene.store.settlements().pop().expect("one");
    let payment = settlement.attempt(1).expect("the one");
    assert_eq!(payment.state, PaymentState::Approved { provider_ref: "sim".to_owned() });
    scene.pass(TAKES * 100).await;
    assert_eq!(scene.asked_and_told(), (1, 1), "it comes once");
}

#[tokio::test(start_paused = true)]
async fn p02_before_its_time_nobody_is_asked() {
    let scene = Scene::charged(1).await;
    scene.messages.post(ChargeKey { booking_id: booking(), attempt: 1 }, TAKES * 2, 1);
    scene.pass(TAKES).await;
    assert_eq!(scene.asked_and_told(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn r16_a_message_that_comes_twice_has_one_effect_and_one_that_is_lost_has_none() {
    for (times, told) in [(2, 1), (0, 0)] {
        let scene = Scene::charged(times).await;
        scene.pass(TAKES * 2).await;
        assert_eq!(scene.asked_and_told().1, told, "{times}");
    }
}

#[tokio::test(start_paused = true)]
async fn p02_more_than_can_be_on_their_way_are_lost_and_nobody_waits() {
    let messages = Messages::default();
    let key = ChargeKey { booking_id: booking(), attempt: 1 };
    messages.post(key, TAKES, ON_THE_WAY_MAX + 1);
    assert_eq!(messages.posted.lock().await.len(), ON_THE_WAY_MAX);
}
