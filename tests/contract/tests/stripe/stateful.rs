//! Money and keys, over stripe-stateful-mock.

use futures::future::join_all;
use payment::{ChargeAnswer, ChargeFinding, ChargeOrder, PaymentProvider, RefundAnswer};
use serde_json::Value;
use servers::stateful_stripe;

use crate::{
    KEY, PRICE, Stripe, approved, is_back, is_declined, is_refused, key, known, order, refund, usd,
};

impl Stripe {
    /// What the mock's own books say of a booking's charges: which were paid.
    async fn charges(&self, booking: u128) -> Vec<bool> {
        let answer = self.http.get("/v1/charges?limit=100").token(KEY).send().await.unwrap();
        let booking = key(booking).booking_id.to_string();
        let of_it = |charge: &&Value| charge["metadata"]["booking_id"] == booking.as_str();
        let charges = answer.json["data"].as_array().unwrap().iter().filter(of_it);
        charges.map(|charge| charge["paid"] == true).collect()
    }
}

#[tokio::test]
async fn r05_a_key_is_charged_once_however_often_it_comes() {
    let stripe = Stripe::start(stateful_stripe);
    let order = order(1, "tok_visa");
    let answers = join_all((0..10).map(|_| stripe.provider.charge(&order))).await;
    let names: Vec<_> = answers.into_iter().map(approved).collect();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    assert_eq!(stripe.charges(1).await, [true]);
    let more = ChargeOrder { amount: usd(PRICE + 1), ..order.clone() };
    assert_eq!(stripe.provider.charge(&more).await, ChargeAnswer::Unknown, "another amount");
    assert_eq!(approved(known(stripe.another().query(order.key).await)), names[0]);
    assert_eq!(stripe.charges(1).await, [true]);
}

#[tokio::test]
async fn r05_a_decline_is_definite_and_another_attempt_is_another_charge() {
    let stripe = Stripe::start(stateful_stripe);
    let order = order(1, "tok_chargeDeclinedInsufficientFunds");
    let declined =
        ChargeAnswer::Declined { reason: "Your card has insufficient funds.".to_owned() };
    assert_eq!(stripe.provider.charge(&order).await, declined);
    assert_eq!(stripe.provider.charge(&order).await, declined, "the same key, the same outcome");
    assert_eq!(known(stripe.another().query(order.key).await), declined);
    let mut again = ChargeOrder { payment_method: "tok_visa".to_owned(), ..order };
    again.key.attempt = 2;
    approved(stripe.provider.charge(&again).await);
    assert_eq!(stripe.charges(1).await.iter().filter(|paid| **paid).count(), 1);
}

#[tokio::test]
async fn r04_a_charge_whose_reply_was_lost_is_found_and_not_made_again() {
    let stripe = Stripe::start(stateful_stripe);
    for (booking, token, declines) in
        [(1, "lost:tok_visa", false), (2, "lost:tok_chargeDeclined", true)]
    {
        let order = order(booking, token);
        assert_eq!(stripe.provider.charge(&order).await, ChargeAnswer::Unknown, "{token}");
        let found = known(stripe.provider.query(order.key).await);
        assert_eq!(is_declined(&found), declines, "{found:?}");
        assert_eq!(stripe.provider.charge(&order).await, found, "sent again, it is the same");
        assert_eq!(stripe.charges(booking).await, [!declines]);
    }
}

/// The index is behind: what it does not find is sent again with its key, and the key makes them one.
#[tokio::test]
async fn r04_a_charge_that_the_index_has_not_heard_of_yet_is_not_made_twice() {
    let stripe = Stripe::start(stateful_stripe);
    let order = order(1, "lost:hidden:tok_visa");
    assert_eq!(stripe.provider.charge(&order).await, ChargeAnswer::Unknown);
    assert_eq!(stripe.provider.query(order.key).await, ChargeFinding::NotFound);
    approved(stripe.provider.charge(&order).await);
    assert_eq!(stripe.charges(1).await, [true]);
}

#[tokio::test]
async fn r04_a_charge_that_never_arrived_is_not_found_and_made_when_it_comes_again() {
    let stripe = Stripe::start(stateful_stripe);
    let order = order(1, "missed:tok_visa");
    assert_eq!(stripe.provider.query(order.key).await, ChargeFinding::NotFound);
    assert_eq!(stripe.provider.charge(&order).await, ChargeAnswer::Unknown);
    assert_eq!(stripe.provider.query(order.key).await, ChargeFinding::NotFound);
    assert_eq!(stripe.charges(1).await, [false; 0]);
    approved(stripe.provider.charge(&order).await);
    assert_eq!(stripe.charges(1).await, [true]);
}

#[tokio::test]
async fn r04_a_provider_that_fails_or_has_no_room_declines_nobody() {
    let stripe = Stripe::start(stateful_stripe);
    let no_room = ChargeAnswer::NotTried { retry_after: None };
    for (booking, token, answer) in [(1, "tok_500", ChargeAnswer::Unknown), (2, "tok_429", no_room)]
    {
        let order = order(booking, token);
        assert_eq!(stripe.provider.charge(&order).await, answer, "{token}");
        assert_eq!(stripe.provider.query(order.key).await, ChargeFinding::NotFound, "{token}");
        assert_eq!(stripe.provider.charge(&order).await, answer, "{token}");
        assert!(stripe.charges(booking).await.is_empty(), "{token}");
    }
}

#[tokio::test]
async fn p01_what_stripe_would_not_begin_is_declined() {
    let stripe = Stripe::start(stateful_stripe);
    let cheap = ChargeOrder { amount: usd(49), ..order(1, "tok_visa") };
    assert!(is_declined(&stripe.provider.charge(&cheap).await), "less than it takes");
    assert!(is_declined(&stripe.provider.charge(&order(2, "")).await), "no means of payment");
    let free = ChargeOrder { amount: usd(0), ..order(3, "") };
    let name = approved(stripe.provider.charge(&free).await);
    assert!(is_back(&stripe.provider.refund(&refund(1, free.key, &name, 0)).await));
    for booking in 1..=3 {
        assert!(stripe.charges(booking).await.is_empty());
    }
}

#[tokio::test]
async fn a_refund_moves_no_more_than_was_taken_and_once() {
    let stripe = Stripe::start(stateful_stripe);
    let taken = order(1, "tok_visa");
    let name = approved(stripe.provider.charge(&taken).await);
    let part = refund(1, taken.key, &name, 50_000);
    let answers = join_all((0..5).map(|_| stripe.provider.refund(&part))).await;
    assert!(answers.iter().all(is_back), "{answers:?}");
    assert_eq!(stripe.another().refund(&part).await, answers[0], "found, not made again");
    for too_much in [refund(2, taken.key, &name, 5_001), refund(3, taken.key, &name, PRICE)] {
        assert!(is_refused(&stripe.provider.refund(&too_much).await), "{too_much:?}");
    }
    assert!(is_back(&stripe.provider.refund(&refund(4, taken.key, &name, 5_000)).await));
    assert!(is_refused(&stripe.provider.refund(&refund(5, taken.key, &name, 1)).await));
    let answer = stripe.http.get("/v1/charges?limit=1").token(KEY).send().await.unwrap();
    assert_eq!(answer.json["data"][0]["amount_refunded"], PRICE);
}

/// The mock takes the money and loses the charge: nobody may say that it was given back.
#[tokio::test]
async fn r04_money_of_a_charge_that_the_provider_forgot_is_not_said_to_be_back() {
    let stripe = Stripe::start(stateful_stripe);
    let order = order(1, "tok_forget");
    let name = approved(stripe.provider.charge(&order).await);
    let back = stripe.provider.refund(&refund(1, order.key, &name, PRICE)).await;
    assert_eq!(back, RefundAnswer::Unknown);
}
