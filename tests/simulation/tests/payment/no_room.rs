//! A provider that answers as it should and decides nothing: it tells later, or has no room.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use kernel::{BookingId, Fault, Uuid};
use payment::{
    BreakerState, CALL_LEASE, ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, ChargePayment,
    Guard, GuardRules, Paying, PaymentProvider, PaymentStatus, RefundAnswer, RefundOrder,
};

use crate::provider::Act;
use crate::stepped::Fuse;
use crate::world::{World, asked, service, world};

fn guard() -> Guard {
    let slow_after = Duration::from_secs(2);
    Guard::new(GuardRules { breaks: true, at_once_max: 100, slow_after })
}

#[tokio::test]
async fn p02_a_provider_that_takes_charges_and_tells_later_is_not_left_alone() {
    let mut world = world(&[], Act::Later);
    world.paying.guard = guard();
    for number in 100..140 {
        let booking_id = BookingId::new(Uuid::from_u128(number));
        let other = ChargePayment { booking_id, ..asked(1) };
        let charged = world.paying.charge_payment(&service(), other).await.unwrap();
        assert_eq!(charged.status(), PaymentStatus::Unknown);
    }
    assert_eq!(world.paying.guard.state(), BreakerState::Closed);
}

#[tokio::test]
async fn r33_a_charge_that_found_no_room_was_never_made_and_is_made_when_it_comes_again() {
    let world = world(&[Act::NoRoom, Act::NoRoom], Act::Approve);
    let refused = world.paying.charge_payment(&service(), asked(1)).await.unwrap_err();
    let told = (refused.reason(), refused.retry_after());
    assert_eq!(told, ("PROVIDER_AWAY", Some(Duration::from_secs(1))));
    assert_eq!(world.settlement().unwrap().payments, []);
    assert_eq!(world.charge(1).await, Err("PROVIDER_AWAY"));
    assert_eq!(world.paying.guard.refused().saturated, 2);
    assert_eq!(world.come_to_rest().await, Duration::ZERO, "only the buyer tries again");
    assert_eq!(world.charge(2).await, Err("ATTEMPT_OUT_OF_TURN"), "r05: no new key");
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    world.check("no room, then approved");
}

/// Has no room for a charge, and something happens before it says so.
struct NoRoom {
    world: Arc<World>,
    meanwhile: fn(&World),
}

#[async_trait]
impl PaymentProvider for NoRoom {
    async fn charge(&self, _order: &ChargeOrder) -> ChargeAnswer {
        (self.meanwhile)(&self.world);
        ChargeAnswer::NotTried { retry_after: None }
    }

    async fn query(&self, key: ChargeKey) -> ChargeFinding {
        self.world.provider.query(key).await
    }

    async fn refund(&self, order: &RefundOrder) -> RefundAnswer {
        self.world.provider.refund(order).await
    }
}

/// A server of payment with such a provider, over the world's books.
fn without_room(world: &Arc<World>, meanwhile: fn(&World)) -> Paying {
    Paying {
        settlements: world.store.clone(),
        provider: Arc::new(NoRoom { world: world.clone(), meanwhile }),
        guard: guard(),
        clock: world.clock.clone(),
        ids: world.paying.ids.clone(),
    }
}

#[tokio::test]
async fn r33_a_charge_that_found_no_room_and_was_voided_meanwhile_is_never_sent_again() {
    let world = Arc::new(world(&[], Act::Approve));
    let paying = without_room(&world, |world| world.cancelled(7).now_or_never().unwrap());
    let refused = paying.charge_payment(&service(), asked(1)).await.unwrap_err();
    assert_eq!(refused.reason(), "PROVIDER_AWAY");
    assert_eq!(world.come_to_rest().await, Duration::ZERO);
    assert!(world.provider.charges.lock().unwrap().is_empty(), "nothing was taken");
    assert!(world.settlement().unwrap().is_settled());
    world.check("no room, and cancelled meanwhile");
}

/// The call is long over: the sweep has sent the charge again, which was taken, and was killed before it could store that.
fn sent_again(world: &World) {
    world.clock.advance(CALL_LEASE);
    // The claim and the question are a step each, the charge is two.
    world.fuse.set(4);
    assert!(world.paying.sweep(10).now_or_never().is_none());
    world.fuse.set(Fuse::NEVER);
}

#[tokio::test]
async fn r04_an_attempt_is_not_taken_back_once_somebody_else_has_gone_on_with_it() {
    let world = Arc::new(world(&[], Act::Approve));
    let frozen = without_room(&world, sent_again);
    let charged = frozen.charge_payment(&service(), asked(1)).await.unwrap();
    assert_eq!(charged.status(), PaymentStatus::Unknown);
    assert_eq!(world.provider.charges.lock().unwrap().len(), 1, "the money is taken");
    world.come_to_rest().await;
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    world.check("no room, but too late");
}
