//! What the provider tells of its own accord: a hint, after which it is asked, and nothing else.

use std::time::Duration;

use futures::FutureExt;
use kernel::{Cause, EventId, Uuid};
use payment::{PaymentEvent, PaymentStatus};

use crate::provider::Act;
use crate::stepped::Fuse;
use crate::world::{World, booking, world};

impl World {
    async fn hear(&self, event: u128) {
        let event_id = EventId::new(Uuid::from_u128(event));
        let cause = Cause { consumer: "payment.stripe", event_id };
        self.paying.hear_of(booking(), cause).await.unwrap();
    }

    fn approvals(&self) -> usize {
        self.count(|event| matches!(event, PaymentEvent::Approved(_)))
    }
}

#[tokio::test]
async fn r16_a_hint_finds_out_at_once_what_the_sweep_would_find_later() {
    let world = world(&[Act::DoAndLose], Act::Decline);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown));
    world.hear(1).await;
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    let settled = world.settlement();
    for repeated_or_late in [1, 1, 2] {
        world.hear(repeated_or_late).await;
    }
    assert_eq!((world.settlement(), world.approvals()), (settled, 1));
    world.come_to_rest().await;
    world.check("hinted");
}

#[tokio::test]
async fn r16_a_hint_that_finds_nothing_definite_charges_nothing_and_puts_nothing_off() {
    let world = world(&[Act::Miss], Act::Approve);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown));
    let waiting = world.settlement();
    world.hear(1).await;
    assert_eq!(world.settlement(), waiting);
    assert!(world.provider.charges.lock().unwrap().is_empty(), "only the sweep sends it again");
    world.come_to_rest().await;
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    world.check("hinted too early");
}

#[tokio::test]
async fn r16_a_hint_that_was_not_stored_has_its_effect_when_it_comes_again() {
    let world = world(&[Act::DoAndLose], Act::Decline);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown));
    // The question is the first step, the commit the second: there it dies.
    world.fuse.set(2);
    assert!(world.hear(1).now_or_never().is_none());
    assert_eq!(world.approvals(), 0);
    world.fuse.set(Fuse::NEVER);
    world.hear(1).await;
    assert_eq!(world.approvals(), 1);
    world.check("hinted twice");
}

#[tokio::test]
async fn r16_a_hint_of_a_refund_is_believed_only_when_the_money_is_back() {
    let script = [Act::Approve, Act::Refuse, Act::DoAndLose];
    let world = world(&script, Act::Approve);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    world.refund().await;
    let refused = world.settlement();
    world.hear(1).await;
    assert_eq!(world.settlement(), refused, "an answer that is lost changes nothing");
    world.hear(2).await;
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Refunded));
    world.come_to_rest().await;
    world.check("refund hinted");
}

#[tokio::test]
async fn r16_a_hint_of_what_is_not_ours_leaves_no_trace() {
    let world = world(&[], Act::Approve);
    world.hear(1).await;
    assert_eq!(world.settlement(), None);
}

#[tokio::test]
async fn p02_a_result_that_comes_later_by_message_is_taken_once() {
    let world = world(&[Act::Later], Act::Decline);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown));
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown), "it is not asked for anew");
    for delivery in [1, 1, 2] {
        world.hear(delivery).await;
    }
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    assert_eq!(world.approvals(), 1);
    assert_eq!(world.come_to_rest().await, Duration::ZERO, "nothing is left to do");
    world.check("told later");
}

#[tokio::test]
async fn p02_a_message_that_is_lost_is_made_up_for_by_the_sweep() {
    let world = world(&[Act::Later], Act::Decline);
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Unknown));
    assert!(world.come_to_rest().await <= Duration::from_secs(3));
    assert_eq!(world.charge(1).await, Ok(PaymentStatus::Approved));
    assert_eq!(world.approvals(), 1);
    world.check("never told");
}
