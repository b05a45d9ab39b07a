//! An operator's word about a refund in review, killed at any step and given again: it is done once, and kept once.

use std::sync::Arc;

use futures::FutureExt;
use kernel::{Instruction, RefundId};
use payment::{NotInReview, OUTSIDE, PaymentEvent, REFUSALS_MAX, RefundDesk, RefundReviewError};
use testkit::NumberedIds;

use crate::provider::Act;
use crate::stepped::Fuse;
use crate::world::{PRICE_MINOR, World, booking, world};

fn word() -> Instruction {
    Instruction::new("kim", "the balance is filled up").unwrap()
}

fn desk(world: &World) -> RefundDesk {
    RefundDesk {
        settlements: world.store.clone(),
        clock: world.clock.clone(),
        ids: Arc::new(NumberedIds::default()),
    }
}

/// A refund that the provider has refused too often, and would make now.
async fn in_review() -> (World, RefundId) {
    let refused = std::iter::repeat_n(Act::Refuse, REFUSALS_MAX as usize);
    let script: Vec<Act> = [Act::Approve].into_iter().chain(refused).collect();
    let world = world(&script, Act::Approve);
    world.charge(1).await.unwrap();
    world.refund().await;
    world.come_to_rest().await;
    let settlement = world.settlement().unwrap();
    assert!(!settlement.is_settled());
    let refund = settlement.payments.first().unwrap().refunds.first().unwrap().id;
    (world, refund)
}

fn told_settled(world: &World) -> usize {
    world.count(|event| matches!(event, PaymentEvent::RefundSucceeded { settled: true, .. }))
}

#[tokio::test]
async fn r12_a_retry_that_is_killed_and_given_again_is_made_once() {
    for step in 1.. {
        let (world, refund) = in_review().await;
        world.fuse.set(step);
        let first = desk(&world).retry_refund(booking(), refund, &word()).now_or_never();
        world.fuse.set(Fuse::NEVER);
        let again = desk(&world).retry_refund(booking(), refund, &word()).await;
        let asked_already = Err(RefundReviewError::NotInReview(NotInReview::StillAsked));
        // Killed before its commit it has done nothing, and after it all.
        assert_eq!(again, if step == 1 { Ok(()) } else { asked_already }, "step {step}");
        world.come_to_rest().await;
        assert!(world.settlement().unwrap().is_settled(), "step {step}");
        assert_eq!((world.provider.net_minor(), told_settled(&world)), (0, 1), "step {step}");
        let log = world.store.inner.operator_log();
        let kept = word().entry("refunds retry", refund, "REQUESTED");
        assert_eq!(log, [kept], "step {step}");
        if first.is_some() {
            assert!(step > 2, "before and after its commit");
            return;
        }
    }
}

#[tokio::test]
async fn r12_a_refund_that_an_operator_has_made_is_told_once_and_never_asked_for_again() {
    for step in 1.. {
        let (world, refund) = in_review().await;
        world.fuse.set(step);
        let settle = async || desk(&world).settle_refund(booking(), refund, OUTSIDE, &word()).await;
        let first = settle().now_or_never();
        world.fuse.set(Fuse::NEVER);
        let again = settle().await;
        let back_already = Err(RefundReviewError::NotInReview(NotInReview::MoneyIsBack));
        assert_eq!(again, if step == 1 { Ok(()) } else { back_already }, "step {step}");
        world.come_to_rest().await;
        assert!(world.refund().await.is_settled(), "whoever asks, step {step}");
        // The provider has given nothing back, and is not asked to any more.
        assert_eq!((world.provider.net_minor(), told_settled(&world)), (PRICE_MINOR, 1));
        let log = world.store.inner.operator_log();
        assert_eq!(log, [word().entry("refunds settle", refund, "SUCCEEDED")], "step {step}");
        if first.is_some() {
            assert!(step > 2, "before and after its commit");
            return;
        }
    }
}
