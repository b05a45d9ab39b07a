//! The payment context's use cases over a provider that loses, delays and refuses, and a server that
//! is killed at any step. Whatever happens, a booking is charged once at most, and comes to rest.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

mod hints;
mod no_room;
mod operators;
mod provider;
mod stepped;
mod world;

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt;
use kernel::{BookingId, Caller, Fault, PageSize, Uuid};
use payment::{
    BREAKER_REST, ChargePayment, GetPaymentError, Guard, GuardRules, ListPayments, PaymentEvent,
    PaymentStatus, REFUSALS_MAX, SettlementStore,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use provider::{ACTS, Act};
use stepped::Fuse;
use world::{World, asked, booking, buyer, service, world};

#[tokio::test]
async fn t05_a_charge_is_answered_with_its_outcome_and_repeats_change_nothing() {
    let world = world(&[], Act::Approve);
    for _ in 0..3 {
        assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    }
    assert_eq!(world.provider.calls.load(Ordering::SeqCst), 1);
    assert_eq!(world.charge(2).await, Err("ATTEMPT_LIVE"));
    let more = ChargePayment { amount: asked(1).amount.times(2).unwrap(), ..asked(1) };
    let refused = world.paying.charge_payment(&service(), more).await.unwrap_err();
    assert_eq!(refused.reason(), "AMOUNT_MISMATCH");
    assert_eq!(world.come_to_rest().await, Duration::ZERO, "nothing is left to do");
    world.check("approved");
}

#[tokio::test]
async fn n03_while_the_provider_is_left_alone_nothing_begins_and_what_was_begun_is_answered() {
    let missed = [Act::Miss; 20];
    let mut world = world(&missed, Act::Approve);
    let rules = GuardRules { breaks: true, at_once_max: 100, slow_after: Duration::from_secs(2) };
    world.paying.guard = Guard::new(rules);
    let others = (100..120).map(|number| BookingId::new(Uuid::from_u128(number)));
    let others = others.map(|booking_id| ChargePayment { booking_id, ..asked(1) });
    let others: Vec<_> = others.collect();
    for other in others.clone() {
        let charged = world.paying.charge_payment(&service(), other).await.unwrap();
        assert_eq!(charged.status(), PaymentStatus::Unknown);
    }
    assert_eq!(world.charge(1).await, Err("PROVIDER_AWAY"));
    let stored = world.store.find(booking()).await.unwrap();
    assert_eq!(stored, None, "no attempt was stored, so the same one may be asked for again");
    // Whoever asks for a charge that may have been made must not hear that it was not tried.
    let again = world.paying.charge_payment(&service(), others[0].clone()).await.unwrap();
    assert_eq!(again.status(), PaymentStatus::Unknown);
    let more = ChargePayment { amount: asked(1).amount.times(2).unwrap(), ..others[0].clone() };
    let refused = world.paying.charge_payment(&service(), more).await.unwrap_err();
    assert_eq!(refused.reason(), "AMOUNT_MISMATCH");
    assert_eq!(world.provider.calls.load(Ordering::SeqCst), 20);
    // What is sent again is a charge like any other.
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(world.paying.sweep(50).await, Ok(20), "they are due");
    assert_eq!(world.provider.calls.load(Ordering::SeqCst), 20, "and none was sent");
    world.clock.advance(BREAKER_REST);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    world.come_to_rest().await;
    for other in others {
        let charged = world.paying.charge_payment(&service(), other).await.unwrap();
        assert_eq!(charged.status(), PaymentStatus::Approved);
    }
}

#[tokio::test]
async fn r04_charged_but_no_reply_is_found_by_the_same_key() {
    let world = world(&[Act::DoAndLose], Act::Decline);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown));
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown), "a repeat does not guess");
    assert_eq!(world.charge(2).await, Err("ATTEMPT_LIVE"), "r05: no new key after a timeout");
    assert!(world.come_to_rest().await <= Duration::from_secs(3));
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    assert_eq!(world.provider.calls.load(Ordering::SeqCst), 1);
    world.check("charged, no reply");
}

#[tokio::test]
async fn r04_not_charged_and_no_reply_is_sent_again_with_the_same_key() {
    let world = world(&[Act::Miss, Act::Miss, Act::Miss], Act::Approve);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown));
    assert!(world.come_to_rest().await <= Duration::from_secs(10));
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    assert_eq!(world.provider.charges.lock().unwrap().len(), 1, "one key");
    world.check("missed three times");
}

#[tokio::test]
async fn r05_a_decline_is_followed_by_another_key() {
    let world = world(&[Act::Decline], Act::Approve);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Declined));
    assert_eq!(
        world.charge(1).await,
        Ok(PaymentStatus::Declined),
        "the same key, the same outcome"
    );
    assert_eq!(world.charge(3).await, Err("ATTEMPT_OUT_OF_TURN"));
    assert_eq!(world.charge(2).await, Ok(PaymentStatus::Approved));
    assert_eq!(world.provider.charges.lock().unwrap().len(), 2);
    world.check("declined, then approved");
}

#[tokio::test]
async fn r06_of_two_calls_at_once_one_calls_the_provider() {
    let world = world(&[], Act::Approve);
    // The first call stands still inside the provider: commit is two steps, the call its third.
    world.fuse.set(3);
    let mut first = Box::pin(world.charge(1));
    assert_eq!(first.as_mut().now_or_never(), None);
    world.fuse.set(Fuse::NEVER);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Processing));
    assert_eq!(world.charge(2).await, Err("ATTEMPT_LIVE"));
    assert_eq!(world.paying.sweep(10).await, Ok(0), "the call under way has the lease");
    assert_eq!(world.provider.calls.load(Ordering::SeqCst), 0);
    drop(first);
    world.come_to_rest().await;
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    world.check("two at once");
}

#[tokio::test]
async fn t10_a_cancelled_booking_is_refunded_once_however_often_it_is_asked() {
    let world = world(&[], Act::Approve);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    for _ in 0..3 {
        world.cancelled(1).await;
    }
    world.cancelled(2).await;
    assert!(!world.settlement().unwrap().is_settled());
    assert_eq!(world.paying.sweep(10).await, Ok(1), "due at once");
    assert!(world.refund().await.is_settled());
    assert_eq!(world.charge(2).await, Err("PAYMENT_VOIDED"));
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Refunded));
    assert_eq!(world.provider.refunds.lock().unwrap().len(), 1);
    world.check("cancelled");
}

#[tokio::test]
async fn a_refund_before_the_charge_is_a_tombstone() {
    let world = world(&[], Act::Approve);
    let settlement = world.refund().await;
    assert!(settlement.is_settled() && settlement.payments.is_empty());
    world.cancelled(1).await;
    assert_eq!(world.charge(1).await, Err("PAYMENT_VOIDED"));
    assert_eq!(world.provider.calls.load(Ordering::SeqCst), 0);
    world.check("tombstone");
}

#[tokio::test]
async fn r12_a_refused_refund_is_tried_again_and_then_waits_for_an_operator() {
    let refusals = REFUSALS_MAX as usize;
    let world_of = |refusals| {
        let script: Vec<Act> =
            [Act::Approve].into_iter().chain(std::iter::repeat_n(Act::Refuse, refusals)).collect();
        world(&script, Act::Approve)
    };
    let in_time = world_of(refusals - 1);
    in_time.charge(1).await.unwrap();
    assert!(!in_time.refund().await.is_settled());
    in_time.come_to_rest().await;
    assert!(in_time.refund().await.is_settled());
    in_time.check("refused, then refunded");

    let too_often = world_of(refusals);
    too_often.charge(1).await.unwrap();
    too_often.refund().await;
    too_often.come_to_rest().await;
    assert!(!too_often.refund().await.is_settled());
    let failed = |event: &PaymentEvent| matches!(event, PaymentEvent::RefundFailed { .. });
    assert_eq!(too_often.count(failed), 1);
    too_often.check("refused for good");
}

#[tokio::test]
async fn others_payments_do_not_exist() {
    let world = world(&[], Act::Approve);
    let charged = world.paying.charge_payment(&service(), asked(1)).await.unwrap();
    let read = async |caller: Caller| world.paying.get_payment(&caller, charged.id).await;
    assert_eq!(read(buyer("alice")).await.unwrap(), charged);
    assert_eq!(read(buyer("bob")).await, Err(GetPaymentError::NotFound(charged.id)));
    assert_eq!(read(Caller::anonymous()).await.unwrap_err().reason(), "UNAUTHENTICATED");
    let query = ListPayments {
        booking_id: Some(booking()),
        page_size: PageSize::new(1).unwrap(),
        after: None,
    };
    let list = async |name| world.paying.list_payments(&buyer(name), query).await.unwrap();
    assert_eq!(list("alice").await.payments, [charged]);
    assert!(list("bob").await.payments.is_empty());
    for caller in [buyer("alice"), Caller::anonymous()] {
        assert!(world.paying.charge_payment(&caller, asked(1)).await.is_err());
        assert!(world.paying.refund_payment(&caller, booking(), None).await.is_err());
    }
}

/// The life of a booking's money, as its use cases run one after another.
async fn live(world: &World) {
    let _ = world.charge(1).await;
    let _ = world.charge(2).await;
    world.cancelled(1).await;
    let _ = world.paying.sweep(10).await;
    world.refund().await;
}

#[tokio::test]
async fn r07_r11_killed_at_any_step_it_is_carried_on() {
    let mut killed = 0;
    for first in ACTS {
        for second in ACTS {
            for step in 1.. {
                let world = world(&[first, second], Act::Approve);
                world.fuse.set(step);
                let told = format!("{first:?}, {second:?}, killed at step {step}");
                if live(&world).now_or_never().is_some() {
                    break;
                }
                killed += 1;
                world.come_to_rest().await;
                world.check(&told);
                // Everybody asks again for what was never answered.
                live(&world).await;
                world.come_to_rest().await;
                world.check(&told);
                assert_eq!(world.provider.net_minor(), 0, "{told}");
            }
        }
    }
    assert!(killed > 200, "{killed} kills");
}

#[tokio::test]
async fn every_order_of_calls_kills_and_answers_keeps_the_books() {
    for seed in 0..3_000 {
        let mut dice = StdRng::seed_from_u64(seed);
        let script: Vec<Act> =
            (0..dice.random_range(0..12)).map(|_| ACTS[dice.random_range(0..ACTS.len())]).collect();
        let world = world(&script, Act::Approve);
        for _ in 0..dice.random_range(1..10) {
            let kill = if dice.random_bool(0.3) { dice.random_range(1..8) } else { Fuse::NEVER };
            world.fuse.set(kill);
            let call = dice.random_range(0..8);
            let attempt = dice.random_range(1..4);
            let done = async {
                match call {
                    0..=3 => drop(world.charge(attempt).await),
                    4 => drop(world.refund().await),
                    5 => world.cancelled(1).await,
                    _ => drop(world.paying.sweep(10).await),
                }
            };
            let _killed = done.now_or_never().is_none();
            world.clock.advance(Duration::from_millis(dice.random_range(0..40_000)));
        }
        world.come_to_rest().await;
        world.check(&format!("seed {seed}"));
    }
}
