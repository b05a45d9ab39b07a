//! The payment provider's contract over two servers of others that speak as Stripe does, each for what it does
//! faithfully (reliability.md 4.1; rows 12 and 39; traps R04, R05, R16).
//!
//! `stateful` is stripe-stateful-mock: keys, declines, failures, refunds within what was taken, and the charges that it
//! can be asked for afterwards. It has no PaymentIntents; `tests/servers/stripe/stateful.js` gives its charges that
//! name and nothing else, so that all that is said here of money and keys is said by the mock. `local` is localstripe:
//! PaymentIntents in all their states, and events as they are signed and posted; it knows neither keys nor limits.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set up its scene has failed"
)]

mod local;
mod stateful;

use boxoffice::http::HttpClient;
use kernel::{BookingId, Currency, Money, RefundId, Uuid};
use payment::{ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, RefundAnswer, RefundOrder};
use provider_stripe::{StripeProvider, StripeSettings};
use servers::{Life, Scratch, Server};

/// Both want keys of Stripe's test mode.
const KEY: &str = "sk_test_boxoffice";
/// In US cents: both know dollars best.
const PRICE: i64 = 55_000;

/// A server, and what asks it. Dropped in this order.
struct Stripe {
    provider: StripeProvider,
    http: HttpClient,
    server: Server,
    _scratch: Scratch,
}

impl Stripe {
    fn start(start: fn(&std::path::Path, Life) -> Result<Server, String>) -> Self {
        let scratch = Scratch::fresh("stripe").unwrap();
        let server = start(scratch.path(), Life::WithStarter).unwrap();
        let http = HttpClient::new(server.url());
        Self { provider: provider(server.url()), http, server, _scratch: scratch }
    }

    /// Another process of ours, which remembers nothing.
    fn another(&self) -> StripeProvider {
        provider(self.server.url())
    }
}

fn provider(url: &str) -> StripeProvider {
    StripeProvider::new(StripeSettings::new(url, KEY).unwrap()).unwrap()
}

fn key(booking: u128) -> ChargeKey {
    ChargeKey { booking_id: BookingId::new(Uuid::from_u128(booking)), attempt: 1 }
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("USD").unwrap())
}

fn order(booking: u128, payment_method: &str) -> ChargeOrder {
    ChargeOrder { key: key(booking), amount: usd(PRICE), payment_method: payment_method.to_owned() }
}

fn refund(n: u128, charge: ChargeKey, provider_ref: &str, minor: i64) -> RefundOrder {
    RefundOrder {
        refund_id: RefundId::new(Uuid::from_u128(n)),
        charge,
        provider_ref: provider_ref.to_owned(),
        amount: usd(minor),
        anew: true,
    }
}

/// The provider's name of a charge that was approved.
fn approved(answer: ChargeAnswer) -> String {
    let ChargeAnswer::Approved { provider_ref } = answer else {
        unreachable!("{answer:?} is no approval")
    };
    provider_ref
}

fn is_declined(answer: &ChargeAnswer) -> bool {
    matches!(answer, ChargeAnswer::Declined { .. })
}

fn known(finding: ChargeFinding) -> ChargeAnswer {
    let ChargeFinding::Known(answer) = finding else { unreachable!("nothing was found") };
    answer
}

fn is_back(answer: &RefundAnswer) -> bool {
    matches!(answer, RefundAnswer::Succeeded { .. })
}

fn is_refused(answer: &RefundAnswer) -> bool {
    matches!(answer, RefundAnswer::Refused { .. })
}

/// Nobody listens there.
#[tokio::test]
async fn r04_a_provider_that_is_not_there_says_nothing() {
    use payment::PaymentProvider;
    let nowhere = servers::free_address().unwrap();
    let provider = provider(&format!("http://{nowhere}"));
    assert_eq!(provider.charge(&order(1, "tok_visa")).await, ChargeAnswer::Unknown);
    assert_eq!(provider.query(key(1)).await, ChargeFinding::Known(ChargeAnswer::Unknown));
    let back = provider.refund(&refund(1, key(1), "pi_1", PRICE)).await;
    assert_eq!(back, RefundAnswer::Unknown);
}
