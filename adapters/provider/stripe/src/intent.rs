//! A PaymentIntent as far as it is read, and what it says of the money.

use std::collections::HashMap;

use kernel::{Currency, Money};
use payment::{ChargeAnswer, ChargeKey, ChargeOrder};
use serde::Deserialize;

use crate::amount::StripeAmount;
use crate::failure::Failure;
use crate::form::Form;

/// Our own words at an intent: which charge it is, and what was asked for in our own units.
const BOOKING_ID: &str = "booking_id";
const ATTEMPT: &str = "attempt";
const AMOUNT_MINOR: &str = "amount_minor";
const CURRENCY: &str = "currency";

const GIVEN_UP: &str = "a step of the buyer's was needed that cannot be made here";

/// An attempt to take money, as Stripe keeps it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    status: String,
    amount: i64,
    /// Left out by some who speak as Stripe does.
    #[serde(default)]
    amount_received: Option<i64>,
    currency: String,
    #[serde(default)]
    metadata: Option<HashMap<String, String>>,
    #[serde(default)]
    last_payment_error: Option<Failure>,
}

/// What an intent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// This, for good or for now.
    Known(ChargeAnswer),
    /// It waits for somebody who never comes, and would wait for ever.
    Waiting,
}

/// What is sent for a charge: each time the same, as its key demands.
pub(crate) fn charge_form(order: &ChargeOrder, amount: StripeAmount) -> Form {
    Form::new()
        .with("amount", &amount.units())
        .with("currency", &amount.currency())
        .with("payment_method", &order.payment_method)
        .with("payment_method_types[]", "card")
        .with("confirm", "true")
        // The buyer is not there to prove anything to the bank: what needs that is declined.
        .with("off_session", "true")
        .with(&metadata(BOOKING_ID), &order.key.booking_id.to_string())
        .with(&metadata(ATTEMPT), &order.key.attempt.to_string())
        .with(&metadata(AMOUNT_MINOR), &order.amount.minor().to_string())
        .with(&metadata(CURRENCY), order.amount.currency().code())
}

/// How an intent of a charge is searched for. Nothing in it needs quoting.
pub(crate) fn search_form(key: ChargeKey) -> Form {
    let query = format!(
        "metadata['{BOOKING_ID}']:'{}' AND metadata['{ATTEMPT}']:'{}'",
        key.booking_id, key.attempt
    );
    Form::new().with("query", &query).with("limit", "10")
}

/// Which charge metadata speaks of.
pub(crate) fn charge_key(metadata: &HashMap<String, String>) -> Option<ChargeKey> {
    let booking_id = metadata.get(BOOKING_ID)?.parse().ok()?;
    let attempt = metadata.get(ATTEMPT)?.parse().ok()?;
    Some(ChargeKey { booking_id, attempt })
}

/// Whether a text may be the name of an intent, which becomes a part of a path.
pub(crate) fn is_intent_id(text: &str) -> bool {
    let name = text.strip_prefix("pi_");
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

impl Intent {
    /// Which charge it is of.
    pub(crate) fn key(&self) -> Option<ChargeKey> {
        self.metadata.as_ref().and_then(charge_key)
    }

    /// What was asked for, by our own words at it.
    pub(crate) fn asked(&self) -> Option<StripeAmount> {
        let metadata = self.metadata.as_ref()?;
        let minor = metadata.get(AMOUNT_MINOR)?.parse().ok()?;
        let currency = Currency::from_code(metadata.get(CURRENCY)?).ok()?;
        StripeAmount::of(Money::from_minor(minor, currency)).ok()
    }

    /// What it says, if `asked` is what was asked for.
    pub(crate) fn standing(&self, asked: Option<StripeAmount>) -> Standing {
        Standing::Known(match (self.status.as_str(), &self.last_payment_error) {
            ("succeeded", _) if self.is_of(asked) => {
                ChargeAnswer::Approved { provider_ref: self.id.clone() }
            }
            ("succeeded", _) => {
                tracing::error!(
                    intent = self.id,
                    "the provider took another amount than it was asked for"
                );
                ChargeAnswer::Unknown
            }
            ("canceled", _) => ChargeAnswer::Declined { reason: GIVEN_UP.to_owned() },
            // Only our own key could have it tried once more, and does not.
            ("requires_payment_method", Some(failure)) => {
                ChargeAnswer::Declined { reason: failure.reason() }
            }
            ("requires_payment_method" | "requires_confirmation" | "requires_action", _) => {
                return Standing::Waiting;
            }
            ("processing", _) => ChargeAnswer::UnderWay,
            // Whatever Stripe may come to say.
            _ => ChargeAnswer::Unknown,
        })
    }

    fn is_of(&self, asked: Option<StripeAmount>) -> bool {
        let received = self.amount_received.unwrap_or(self.amount);
        asked.is_some_and(|asked| {
            asked.is(self.amount, &self.currency) && asked.is(received, &self.currency)
        })
    }
}

fn metadata(name: &str) -> String {
    format!("metadata[{name}]")
}

#[cfg(test)]
mod tests {
    use kernel::{BookingId, Uuid};

    use super::*;

    fn order() -> ChargeOrder {
        ChargeOrder {
            key: ChargeKey { booking_id: BookingId::new(Uuid::from_u128(7)), attempt: 2 },
            amount: Money::from_minor(5, Currency::from_code("ISK").expect("known")),
            payment_method: "pm_card & more".to_owned(),
        }
    }

    fn intent(status: &str, more: &str) -> Intent {
        let text = format!(
            r#"{{"id":"pi_1","object":"payment_intent","status":"{status}","amount":500,"currency":"isk",
                "metadata":{{"booking_id":"00000000-0000-0000-0000-000000000007","attempt":"2",
                "amount_minor":"5","currency":"ISK"}}{more}}}"#
        );
        serde_json::from_str(&text).expect("sound")
    }

    fn told(intent: &Intent) -> &'static str {
        match intent.standing(intent.asked()) {
            Standing::Known(ChargeAnswer::Approved { .. }) => "approved",
            Standing::Known(ChargeAnswer::Declined { .. }) => "declined",
            Standing::Known(ChargeAnswer::UnderWay) => "under way",
            Standing::Known(ChargeAnswer::NotTried { .. } | ChargeAnswer::Unknown) => "unknown",
            Standing::Waiting => "waiting",
        }
    }

    #[test]
    fn p01_an_intent_is_what_its_status_and_its_amount_say() {
        let failed = r#","last_payment_error":{"code":"card_declined","message":"No."}"#;
        for (status, more, expected) in [
            ("succeeded", "", "approved"),
            ("succeeded", r#","amount_received":500"#, "approved"),
            ("succeeded", r#","amount_received":499"#, "unknown"),
            ("canceled", "", "declined"),
            ("requires_payment_method", failed, "declined"),
            ("requires_payment_method", "", "waiting"),
            ("requires_confirmation", "", "waiting"),
            ("requires_action", "", "waiting"),
            ("requires_action", failed, "waiting"),
            ("requires_capture", "", "unknown"),
            ("processing", "", "under way"),
            ("something_new", "", "unknown"),
        ] {
            assert_eq!(told(&intent(status, more)), expected, "{status} {more}");
        }
    }

    #[test]
    fn r04_another_amount_or_currency_is_not_believed() {
        let taken = intent("succeeded", "");
        let amount = |minor, code| {
            StripeAmount::of(Money::from_minor(minor, Currency::from_code(code).expect("known")))
                .ok()
        };
        let unknown = Standing::Known(ChargeAnswer::Unknown);
        assert_eq!(taken.standing(amount(6, "ISK")), unknown);
        assert_eq!(taken.standing(amount(500, "USD")), unknown);
        assert_eq!(taken.standing(None), unknown);
        assert_ne!(taken.standing(amount(5, "ISK")), unknown);
    }

    #[test]
    fn r05_the_same_order_is_the_same_text_and_says_whose_it_is() {
        let order = order();
        let amount = StripeAmount::of(order.amount).expect("possible");
        let text = charge_form(&order, amount).encoded();
        assert_eq!(text, charge_form(&order, amount).encoded());
        let sent: HashMap<_, _> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        assert_eq!(sent["amount"], "500");
        assert_eq!(sent["payment_method"], "pm_card & more");
        let booking = "00000000-0000-0000-0000-000000000007";
        assert_eq!(
            (sent["metadata[booking_id]"].as_str(), sent["metadata[attempt]"].as_str()),
            (booking, "2")
        );
        let found = intent("processing", "");
        assert_eq!((found.key(), found.asked()), (Some(order.key), Some(amount)));
    }

    #[test]
    fn a_name_is_no_path() {
        for (text, is) in [
            ("pi_3Mtw", true),
            ("pi_", false),
            ("pi_/../refunds", false),
            ("ch_1", false),
            ("pi_1?a", false),
        ] {
            assert_eq!(is_intent_id(text), is, "{text}");
        }
    }
}
