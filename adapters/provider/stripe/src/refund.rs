//! A refund as far as it is read, and what it says of the money.

use std::collections::HashMap;

use payment::{RefundAnswer, RefundOrder};
use serde::Deserialize;

use crate::amount::StripeAmount;
use crate::form::Form;

const REFUND_ID: &str = "refund_id";
/// As many as Stripe gives at once. A charge has one or a few, or one for each part that was cancelled.
const REFUNDS_MAX: &str = "100";

/// A return of money, as Stripe keeps it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    status: Option<String>,
    amount: i64,
    currency: String,
    #[serde(default)]
    metadata: Option<HashMap<String, String>>,
    #[serde(default)]
    failure_reason: Option<String>,
}

/// The refunds of one charge.
#[derive(Debug, Deserialize)]
pub(crate) struct Refunds {
    pub(crate) data: Vec<Refund>,
    #[serde(default)]
    pub(crate) has_more: bool,
}

/// How all refunds of the charge are asked for, a page at a time.
pub(crate) fn list_form(order: &RefundOrder, after: Option<&Refund>) -> Form {
    let form = Form::new().with("payment_intent", &order.provider_ref).with("limit", REFUNDS_MAX);
    match after {
        Some(after) => form.with("starting_after", &after.id),
        None => form,
    }
}

/// What is sent for a refund: each time the same.
pub(crate) fn refund_form(order: &RefundOrder, amount: StripeAmount) -> Form {
    Form::new()
        .with("payment_intent", &order.provider_ref)
        .with("amount", &amount.units())
        .with("metadata[refund_id]", &order.refund_id.to_string())
        .with("metadata[booking_id]", &order.charge.booking_id.to_string())
        .with("metadata[attempt]", &order.charge.attempt.to_string())
}

impl Refund {
    /// Whether it is this one of ours.
    pub(crate) fn is(&self, order: &RefundOrder) -> bool {
        let named = self.metadata.as_ref().and_then(|metadata| metadata.get(REFUND_ID));
        named.is_some_and(|id| *id == order.refund_id.to_string())
    }

    /// Whether it has come to nothing, so that its money can be given back by another one alone.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }

    /// What it says, if `asked` is what was asked for.
    pub(crate) fn answer(&self, asked: StripeAmount) -> RefundAnswer {
        match self.status.as_deref() {
            Some("succeeded") if asked.is(self.amount, &self.currency) => {
                RefundAnswer::Succeeded { provider_ref: self.id.clone() }
            }
            Some("succeeded") => {
                tracing::error!(
                    refund = self.id,
                    "the provider gave back another amount than it was asked for"
                );
                RefundAnswer::Unknown
            }
            _ if self.has_failed() => {
                let reason = self.failure_reason.as_deref().unwrap_or("the refund failed");
                RefundAnswer::Refused { reason: reason.to_owned() }
            }
            // `pending`, `requires_action`, and whatever Stripe may come to say.
            _ => RefundAnswer::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money};

    use super::*;

    fn told(status: &str, amount: i64, currency: &str) -> &'static str {
        let text = format!(
            r#"{{"id":"re_1","status":{status},"amount":{amount},"currency":"{currency}"}}"#
        );
        let refund: Refund = serde_json::from_str(&text).expect("sound");
        let asked = Money::from_minor(500, Currency::from_code("USD").expect("known"));
        match refund.answer(StripeAmount::of(asked).expect("possible")) {
            RefundAnswer::Succeeded { .. } => "succeeded",
            RefundAnswer::Refused { .. } => "refused",
            RefundAnswer::Unknown => "unknown",
        }
    }

    #[test]
    fn p01_a_refund_is_what_its_status_and_its_amount_say() {
        for (status, amount, currency, expected) in [
            (r#""succeeded""#, 500, "usd", "succeeded"),
            (r#""succeeded""#, 499, "usd", "unknown"),
            (r#""succeeded""#, 500, "eur", "unknown"),
            (r#""pending""#, 500, "usd", "unknown"),
            (r#""requires_action""#, 500, "usd", "unknown"),
            (r#""failed""#, 500, "usd", "refused"),
            (r#""canceled""#, 500, "usd", "refused"),
            ("null", 500, "usd", "unknown"),
        ] {
            assert_eq!(told(status, amount, currency), expected, "{status} {amount} {currency}");
        }
    }
}
