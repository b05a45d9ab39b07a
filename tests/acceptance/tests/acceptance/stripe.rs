//! The whole platform over a server of others that speaks as Stripe does.

use boxoffice::http::{HttpAnswer, HttpClient};
use serde_json::{Value, json};
use servers::{Life, Scratch, free_address, localstripe};
use testkit::{Platform, Shape, eventually};

use crate::world::{book, register, until_available, until_status};

const KEY: &str = "sk_test_boxoffice";
const SECRET: &str = "whsec_of_this_test";
const APPROVED: &str = "4242424242424242";
const DECLINED: &str = "4000000000000341";
/// Taken from an account, which takes half a second to fail.
const FAILS_LATER: &str = "DE62370400440532013001";

async fn payment_method(stripe: &HttpClient, wanted: Value) -> String {
    let made = stripe.post("/v1/payment_methods").token(KEY).json(wanted).send().await.unwrap();
    assert!(made.status.is_success(), "{}", made.json);
    made.text("id").to_owned()
}

async fn card(stripe: &HttpClient, number: &str) -> String {
    let card = json!({"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"});
    payment_method(stripe, json!({"type": "card", "card": card})).await
}

async fn kept(stripe: &HttpClient, kind: &str) -> Vec<Value> {
    let answer: HttpAnswer = stripe.get(format!("/v1/{kind}")).token(KEY).send().await.unwrap();
    answer.json["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn p01_r16_bookings_are_paid_and_given_back_by_stripe_and_its_events_are_heard() {
    if Shape::leaves_out(Shape::Embedded, "the payment context is the same in every shape") {
        return;
    }
    let scratch = Scratch::fresh("stripe").unwrap();
    let server = localstripe(scratch.path(), Life::WithStarter).unwrap();
    let (stripe, hooks) = (HttpClient::new(server.url()), free_address().unwrap().to_string());
    let platform = Platform::start_with(&[
        ("PAYMENT_PROVIDER", "stripe"),
        ("STRIPE_API_BASE", server.url()),
        ("STRIPE_API_KEY", KEY),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
        ("STRIPE_WEBHOOK_ADDR", &hooks),
    ])
    .await;
    let hook = json!({"url": format!("http://{hooks}/webhooks/stripe"), "secret": SECRET});
    stripe.post("/_config/webhooks/house").json(hook).send().await.unwrap();
    let ticket = register(&platform, "Paid for", 10).await;

    let paid = book(&platform, "alice", &ticket, 1, &card(&stripe, APPROVED).await).await;
    assert_eq!(paid.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", paid.json);
    let refused = book(&platform, "bob", &ticket, 1, &card(&stripe, DECLINED).await).await;
    assert_eq!(refused.text("status"), "BOOKING_STATUS_AWAITING_PAYMENT", "{}", refused.json);
    let account = json!({"type": "sepa_debit", "sepa_debit": {"iban": FAILS_LATER}});
    let account = payment_method(&stripe, account).await;
    let late = book(&platform, "carol", &ticket, 1, &account).await;
    let late = late.text("bookingId").to_owned();
    until_status(&platform, "carol", &late, "BOOKING_STATUS_AWAITING_PAYMENT").await;

    let booking = paid.text("bookingId").to_owned();
    let cancel = platform.http.post(format!("/v1/bookings/{booking}:cancel"));
    cancel.token(&platform.buyer("alice")).json(json!({})).send().await.unwrap();
    until_status(&platform, "alice", &booking, "BOOKING_STATUS_CANCELLED").await;
    until_available(&platform, &ticket, 8).await;
    let intents = kept(&stripe, "payment_intents").await;
    let succeeded: Vec<_> = intents.iter().filter(|one| one["status"] == "succeeded").collect();
    assert_eq!((intents.len(), succeeded.len()), (3, 1));
    assert_eq!(succeeded[0]["amount"], 55_000, "a won has no smaller unit");
    let refunds = kept(&stripe, "refunds").await;
    assert_eq!(refunds.len(), 1);
    assert_eq!(
        (&refunds[0]["payment_intent"], &refunds[0]["amount"]),
        (&succeeded[0]["id"], &json!(55_000))
    );

    heard(&platform).await;

    let door = HttpClient::new(format!("http://{hooks}"));
    let forged =
        door.post("/webhooks/stripe").header("stripe-signature", "t=1,v1=00").json(json!({}));
    assert_eq!(forged.send().await.unwrap().status, 400);
    assert_eq!(door.get("/webhooks/stripe").send().await.unwrap().status, 405);
    let long = json!({"id": "x".repeat(256 * 1024)});
    assert_eq!(door.post("/webhooks/stripe").json(long).send().await.unwrap().status, 413);
}

async fn heard(platform: &Platform) {
    eventually("Stripe's events are heard", || async {
        let metrics = platform.admin_get("/metrics").await.body;
        let heard = metrics.lines().any(|line| {
            line.starts_with("function_calls_total")
                && line.contains(r#"function="Webhooks::receive""#)
        });
        if heard { Ok(()) } else { Err("nothing was received") }
    })
    .await;
}
