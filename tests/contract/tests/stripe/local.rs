//! Intents in their states, and events from the post to the store, over localstripe.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use kernel::{BuyerId, Caller, Clock, Locale, Role, Timestamp};
use memory_payment::MemorySettlementStore;
use payment::{
    ChargeAnswer, ChargeFinding, ChargePayment, Guard, GuardRules, Payer, Paying, PaymentEvent,
    PaymentProvider, PaymentStatus,
};
use provider_stripe::{WEBHOOK_PATH, WebhookSecret, Webhooks};
use serde_json::{Value, json};
use servers::localstripe;
use testkit::{NumberedIds, eventually};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::{
    KEY, PRICE, Stripe, approved, is_back, is_declined, key, known, order, provider, refund, usd,
};

const APPROVED: &str = "4242424242424242";
const DECLINED: &str = "4000000000000341";
const WANTS_THE_BUYER: &str = "4000002500003155";
/// Taken from an account, which takes half a second to fail.
const FAILS_LATER: &str = "DE62370400440532013001";
const SECRET: &str = "whsec_of_this_test";

impl Stripe {
    async fn card(&self, number: &str) -> String {
        let card = json!({"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"});
        self.payment_method(json!({"type": "card", "card": card})).await
    }

    async fn payment_method(&self, wanted: Value) -> String {
        let call = self.http.post("/v1/payment_methods").token(KEY).json(wanted);
        let made = call.send().await.unwrap();
        assert!(made.status.is_success(), "{}", made.json);
        made.text("id").to_owned()
    }

    async fn status(&self, intent: &str) -> String {
        let call = self.http.get(format!("/v1/payment_intents/{intent}")).token(KEY);
        call.send().await.unwrap().text("status").to_owned()
    }

    /// Every intent, whoever has heard of it.
    async fn intents(&self) -> Vec<Value> {
        let all = self.http.get("/v1/payment_intents").token(KEY).send().await.unwrap();
        all.json["data"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn p01_a_charge_is_approved_or_declined_and_given_back_once() {
    let stripe = Stripe::start(localstripe);
    let taken = order(1, &stripe.card(APPROVED).await);
    let name = approved(stripe.provider.charge(&taken).await);
    assert_eq!(stripe.status(&name).await, "succeeded");
    let declined = stripe.provider.charge(&order(2, &stripe.card(DECLINED).await)).await;
    assert_eq!(declined, ChargeAnswer::Declined { reason: "Your card was declined.".to_owned() });
    let order = refund(1, taken.key, &name, PRICE);
    let back = stripe.provider.refund(&order).await;
    assert!(is_back(&back));
    // This one knows no keys: had it been asked a second time, it would have given back twice.
    assert_eq!(stripe.another().refund(&order).await, back);
    let refunds = stripe.http.get("/v1/refunds").token(KEY).send().await.unwrap();
    assert_eq!(refunds.json["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn p01_an_intent_that_waits_for_the_buyer_is_given_up_and_can_never_be_paid() {
    let stripe = Stripe::start(localstripe);
    let answer = stripe.provider.charge(&order(1, &stripe.card(WANTS_THE_BUYER).await)).await;
    assert!(is_declined(&answer), "{answer:?}");
    let intents = stripe.intents().await;
    assert_eq!((intents.len(), &intents[0]["status"]), (1, &json!("canceled")));
}

#[tokio::test]
async fn p02_a_result_that_comes_later_is_found_later() {
    let stripe = Stripe::start(localstripe);
    let account = json!({"type": "sepa_debit", "sepa_debit": {"iban": FAILS_LATER}});
    let order = order(1, &stripe.payment_method(account).await);
    assert_eq!(stripe.provider.charge(&order).await, ChargeAnswer::UnderWay, "it is processing");
    let found = || async { known(stripe.provider.query(order.key).await) };
    eventually("the charge fails", || async {
        is_declined(&found().await).then_some(()).ok_or("processing")
    })
    .await;
    // It has no index, and says so in a way that is no answer.
    let unknown = ChargeFinding::Known(ChargeAnswer::Unknown);
    assert_eq!(stripe.another().query(order.key).await, unknown);
}

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "localstripe signs by the machine's clock")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
}

/// The payment context with a door for events.
struct House {
    paying: Arc<Paying>,
    store: Arc<MemorySettlementStore>,
    webhooks: Arc<Webhooks>,
    address: SocketAddr,
    answered: watch::Receiver<Vec<u16>>,
}

impl House {
    async fn open(api_base: &str) -> Self {
        let store = Arc::new(MemorySettlementStore::new(Arc::new(Now)));
        let provider = Arc::new(provider(api_base));
        let paying = Arc::new(Paying {
            settlements: store.clone(),
            provider: provider.clone(),
            guard: Guard::new(GuardRules {
                breaks: false,
                at_once_max: 64,
                slow_after: Duration::from_secs(10),
            }),
            clock: Arc::new(Now),
            ids: Arc::new(NumberedIds::default()),
        });
        let secret = WebhookSecret::new(SECRET).unwrap();
        let webhooks = Webhooks { secret, provider, paying: paying.clone(), clock: Arc::new(Now) };
        let webhooks = Arc::new(webhooks);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answers, answered) = watch::channel(Vec::new());
        let hearing = webhooks.clone();
        let door = Router::new().fallback(move |request: Request| {
            let (webhooks, answers) = (hearing.clone(), answers.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.unwrap();
                let status = webhooks.receive(Request::from_parts(head, body)).await;
                answers.send_modify(|answers| answers.push(status.as_u16()));
                status
            }
        });
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, door).await });
        Self { paying, store, webhooks, address, answered }
    }

    async fn charge(&self, payment_method: &str) -> PaymentStatus {
        let asked = ChargePayment {
            booking_id: key(1).booking_id,
            attempt: 1,
            payer: Payer { buyer_id: BuyerId::new("alice").unwrap(), locale: Locale::En },
            amount: usd(PRICE),
            payment_method: payment_method.to_owned(),
        };
        let service = Caller {
            subject: Some("booking".to_owned()),
            roles: vec![Role::Service],
            ..Caller::anonymous()
        };
        self.paying.charge_payment(&service, asked).await.unwrap().status()
    }

    fn told(&self) -> Vec<&'static str> {
        let events = self.store.events();
        let name = |event: &PaymentEvent| match event {
            PaymentEvent::Approved(_) => "approved",
            PaymentEvent::Declined(_) => "declined",
            PaymentEvent::RefundSucceeded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Voided { .. } => "something else",
        };
        events.iter().map(|recorded| name(&recorded.event)).collect()
    }
}

#[tokio::test]
async fn r16_an_event_of_stripes_settles_a_charge_that_nobody_answered() {
    let stripe = Stripe::start(localstripe);
    let mut house = House::open(stripe.server.url()).await;
    let hook = json!({"url": format!("http://{}{WEBHOOK_PATH}", house.address), "secret": SECRET});
    let registered = stripe.http.post("/_config/webhooks/house").json(hook).send().await.unwrap();
    assert!(registered.status.is_success());

    let account = json!({"type": "sepa_debit", "sepa_debit": {"iban": FAILS_LATER}});
    let account = stripe.payment_method(account).await;
    assert_eq!(house.charge(&account).await, PaymentStatus::Unknown);
    assert!(house.told().is_empty());
    // Nobody sweeps here: what settles it is the event.
    let heard = house.answered.wait_for(|answers| !answers.is_empty());
    let heard =
        tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap().unwrap().clone();
    assert_eq!(heard, [200]);
    assert_eq!(house.told(), ["declined"]);
    assert_eq!(house.charge(&account).await, PaymentStatus::Declined);
}

/// Row 39, with events made by hand: one that comes twice, one that says what is not so, and one of somebody else's.
#[tokio::test]
async fn r16_an_event_is_a_hint_and_what_it_says_is_not_believed() {
    let stripe = Stripe::start(localstripe);
    let house = House::open(stripe.server.url()).await;
    let account = json!({"type": "sepa_debit", "sepa_debit": {"iban": FAILS_LATER}});
    assert_eq!(house.charge(&stripe.payment_method(account).await).await, PaymentStatus::Unknown);
    let intent = stripe.intents().await.remove(0);
    let says = |event: &str, status: &str| {
        let mut object = intent.clone();
        object["status"] = json!(status);
        json!({"id": event, "type": "payment_intent.succeeded", "data": {"object": object}})
            .to_string()
    };
    // Still processing, or failed already: approved it is never.
    assert_eq!(house.post(&says("evt_1", "succeeded"), SECRET).await, 200);
    let name = intent["id"].as_str().unwrap();
    eventually("the charge fails", || async {
        let status = stripe.status(name).await;
        if status == "requires_payment_method" { Ok(()) } else { Err(status) }
    })
    .await;
    assert_eq!(house.post(&says("evt_2", "succeeded"), "whsec_of_somebody_else").await, 400);
    for repeated in ["evt_3", "evt_3", "evt_1", "evt_4"] {
        assert_eq!(house.post(&says(repeated, "succeeded"), SECRET).await, 200, "{repeated}");
    }
    assert_eq!(house.told(), ["declined"]);
}

impl House {
    async fn post(&self, body: &str, secret: &str) -> u16 {
        let seconds = Now.now().as_micros() / 1_000_000;
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let signed = aws_lc_rs::hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
        let hex: String = signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let request =
            Request::post(WEBHOOK_PATH).header("stripe-signature", format!("t={seconds},v1={hex}"));
        let request = request.body(body.to_owned().into()).unwrap();
        self.webhooks.receive(request).await.as_u16()
    }
}
