//! The use cases over the scripted provider and the stepped store, and what must hold at rest.

use std::sync::Arc;
use std::time::Duration;

use kernel::{
    BookingId, BuyerId, Caller, Cause, Currency, EventId, Fault, Locale, Money, Role, Timestamp,
    Uuid,
};
use memory_payment::MemorySettlementStore;
use payment::{
    CALL_LEASE, ChargePayment, Guard, GuardRules, Payer, Paying, Payment, PaymentEvent,
    PaymentStatus, Settlement,
};
use testkit::{ManualClock, NumberedIds};

use crate::provider::{Act, ScriptedProvider};
use crate::stepped::{Fuse, SteppedStore};

pub(crate) const PRICE_MINOR: i64 = 55_000;

pub(crate) struct World {
    pub(crate) paying: Paying,
    pub(crate) store: Arc<SteppedStore>,
    pub(crate) provider: Arc<ScriptedProvider>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) fuse: Arc<Fuse>,
}

pub(crate) fn world(script: &[Act], otherwise: Act) -> World {
    let fuse = Arc::new(Fuse::default());
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000)));
    let inner = MemorySettlementStore::new(clock.clone());
    let store = Arc::new(SteppedStore { inner, fuse: fuse.clone() });
    let provider = Arc::new(ScriptedProvider::new(script, otherwise, fuse.clone()));
    let paying = Paying {
        settlements: store.clone(),
        provider: provider.clone(),
        guard: Guard::new(GuardRules {
            breaks: false,
            at_once_max: usize::MAX,
            slow_after: CALL_LEASE,
        }),
        clock: clock.clone(),
        ids: Arc::new(NumberedIds::default()),
    };
    World { paying, store, provider, clock, fuse }
}

pub(crate) fn booking() -> BookingId {
    BookingId::new(Uuid::from_u128(7))
}

pub(crate) fn service() -> Caller {
    Caller {
        subject: Some("booking".to_owned()),
        roles: vec![Role::Service],
        ..Caller::anonymous()
    }
}

pub(crate) fn buyer(name: &str) -> Caller {
    Caller { subject: Some(name.to_owned()), roles: vec![Role::Buyer], ..Caller::anonymous() }
}

pub(crate) fn asked(attempt: u32) -> ChargePayment {
    ChargePayment {
        booking_id: booking(),
        attempt,
        payer: Payer { buyer_id: BuyerId::new("alice").unwrap(), locale: Locale::En },
        amount: Money::from_minor(PRICE_MINOR, Currency::from_code("KRW").unwrap()),
        payment_method: "ok".to_owned(),
    }
}

impl World {
    /// The status after an attempt, or why there is none.
    pub(crate) async fn charge(&self, attempt: u32) -> Result<PaymentStatus, &'static str> {
        let charged = self.paying.charge_payment(&service(), asked(attempt)).await;
        charged.map(|payment| payment.status()).map_err(|error| error.reason())
    }

    pub(crate) async fn refund(&self) -> Settlement {
        self.paying.refund_payment(&service(), booking(), None).await.unwrap()
    }

    pub(crate) async fn cancelled(&self, event: u128) {
        let event_id = EventId::new(Uuid::from_u128(event));
        let cause = Cause { consumer: "payment.refund", event_id };
        self.paying.refund_cancelled(booking(), None, cause).await.unwrap();
    }

    /// Lets time pass and sweeps until nothing is due any more; says how long that took.
    pub(crate) async fn come_to_rest(&self) -> Duration {
        self.fuse.set(Fuse::NEVER);
        let mut waited = Duration::ZERO;
        let mut idle = Duration::ZERO;
        while idle <= CALL_LEASE + Duration::from_secs(60) {
            let worked = self.paying.sweep(10).await.unwrap() > 0;
            idle = if worked { Duration::ZERO } else { idle + Duration::from_secs(1) };
            waited += Duration::from_secs(1);
            assert!(waited < Duration::from_secs(3_600), "never comes to rest");
            self.clock.advance(Duration::from_secs(1));
        }
        waited - idle
    }

    pub(crate) fn settlement(&self) -> Option<Settlement> {
        self.store.inner.settlements().pop()
    }

    pub(crate) fn count(&self, wanted: fn(&PaymentEvent) -> bool) -> usize {
        self.store.inner.events().iter().filter(|recorded| wanted(&recorded.event)).count()
    }

    /// What holds whatever happened, once at rest.
    pub(crate) fn check(&self, told: &str) {
        let events = self.store.inner.events();
        assert!(events.iter().map(|event| event.version).eq(1..=events.len() as i64), "{told}");
        let Some(settlement) = self.settlement() else { return };
        assert_eq!(settlement.next_ask(), None, "{told}: something is undecided");
        let taken: Vec<&Payment> = settlement
            .payments
            .iter()
            .filter(|payment| !matches!(payment.status(), PaymentStatus::Declined))
            .collect();
        assert!(taken.len() <= 1, "{told}: charged twice");
        let net: i64 = taken.iter().map(|p| p.amount.minor() - p.refunded().minor()).sum();
        assert_eq!(net, self.provider.net_minor(), "i9: {told}: the books differ");
        assert_eq!(self.count(is_approved), taken.len(), "{told}");
        let reviewed = self.count(|event| matches!(event, PaymentEvent::RefundFailed { .. }));
        let settled = usize::from(settlement.voided && reviewed == 0);
        assert_eq!(self.count(is_settled), settled, "{told}: settled is told once");
        assert!(!settlement.voided || reviewed == 1 || net == 0, "i4: {told}");
    }
}

fn is_approved(event: &PaymentEvent) -> bool {
    matches!(event, PaymentEvent::Approved(_))
}

fn is_settled(event: &PaymentEvent) -> bool {
    matches!(
        event,
        PaymentEvent::Voided { .. } | PaymentEvent::RefundSucceeded { settled: true, .. }
    )
}
