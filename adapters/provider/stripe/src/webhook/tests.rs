//! Events from the post to the store, over the memory store and a provider that is not there.

use std::sync::atomic::{AtomicU64, Ordering};

use std::time::Duration;

use kernel::{IdSource, Timestamp, Uuid};
use memory_payment::MemorySettlementStore;
use payment::{Guard, GuardRules};

use super::*;
use crate::StripeSettings;

const NOW: i64 = 1_700_000_000;
const EVENT: &str = r#"{"id":"evt_1","data":{"object":{"object":"payment_intent","id":"pi_1","metadata":
    {"booking_id":"00000000-0000-0000-0000-000000000007","attempt":"1"}}}}"#;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(NOW * 1_000_000)
    }
}

#[derive(Default)]
struct Numbered(AtomicU64);

impl IdSource for Numbered {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

fn webhooks() -> Webhooks {
    // Port 9 discards; nothing here asks.
    let settings = StripeSettings::new("http://127.0.0.1:9", "sk_test_12345").expect("sound");
    let provider = Arc::new(StripeProvider::new(settings).expect("TLS is there"));
    let paying = Paying {
        settlements: Arc::new(MemorySettlementStore::new(Arc::new(Still))),
        provider: provider.clone(),
        guard: Guard::new(GuardRules {
            breaks: false,
            at_once_max: 64,
            slow_after: Duration::from_secs(10),
        }),
        clock: Arc::new(Still),
        ids: Arc::new(Numbered::default()),
    };
    let secret = WebhookSecret::new("whsec_of_this_test").expect("sound");
    Webhooks { secret, provider, paying: Arc::new(paying), clock: Arc::new(Still) }
}

async fn posted(method: Method, path: &str, body: &str, signed_at: Option<i64>) -> u16 {
    let webhooks = webhooks();
    let mut request = Request::builder().method(method).uri(path);
    if let Some(seconds) = signed_at {
        request = request.header(SIGNATURE, webhooks.secret.header(seconds, body.as_bytes()));
    }
    let request = request.body(Bytes::from(body.to_owned())).expect("a request");
    webhooks.receive(request).await.as_u16()
}

#[tokio::test]
async fn r16_a_post_is_answered_by_what_is_to_become_of_it() {
    for (method, path, body, signed_at, expected) in [
        (Method::POST, WEBHOOK_PATH, EVENT, Some(NOW), 200),
        (Method::POST, WEBHOOK_PATH, r#"{"id":"evt_1","data":{"object":{}}}"#, Some(NOW), 200),
        (Method::POST, WEBHOOK_PATH, EVENT, None, 400),
        (Method::POST, WEBHOOK_PATH, EVENT, Some(NOW - 301), 400),
        (Method::POST, WEBHOOK_PATH, "{", Some(NOW), 400),
        (Method::POST, WEBHOOK_PATH, "", Some(NOW), 400),
        (Method::GET, WEBHOOK_PATH, EVENT, Some(NOW), 405),
        (Method::POST, "/", EVENT, Some(NOW), 404),
    ] {
        assert_eq!(
            posted(method, path, body, signed_at).await,
            expected,
            "{path} {body} {signed_at:?}"
        );
    }
}
