//! The provider's three calls.

use std::fmt::Display;
use std::future::Future;

use async_trait::async_trait;
use autometrics::autometrics;
use payment::{
    ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, PROVIDER_TIMEOUT, PaymentProvider,
    RefundAnswer, RefundOrder,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::StripeSettings;
use crate::amount::StripeAmount;
use crate::client::{Answer, Client, NoAnswer};
use crate::failure::{Verdict, verdict};
use crate::form::Form;
use crate::intent::{Intent, Standing, charge_form, is_intent_id, search_form};
use crate::refund::{Refund, Refunds, list_form, refund_form};
use crate::seen::Seen;

const INTENTS: &str = "/v1/payment_intents";
const REFUNDS: &str = "/v1/refunds";
/// The most pages of a charge's refunds that are read.
const REFUND_PAGES_MAX: u32 = 10;
/// What stands for the provider's name where nothing was to be paid: it takes no charge of nothing.
const FREE: &str = "free";

/// A provider that speaks as Stripe does.
pub struct StripeProvider {
    client: Client,
    seen: Seen,
}

/// There is no TLS to ask the provider over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("TLS cannot be used: {0}")]
pub struct NoTls(String);

#[derive(Deserialize)]
struct Found {
    data: Vec<Intent>,
}

impl StripeProvider {
    /// A provider of these settings.
    ///
    /// # Errors
    /// [`NoTls`], which a test rules out.
    pub fn new(settings: StripeSettings) -> Result<Self, NoTls> {
        tracing::info!(?settings, "payments are Stripe's");
        let client = Client::new(settings).map_err(|error| NoTls(error.to_string()))?;
        Ok(Self { client, seen: Seen::default() })
    }

    /// Notes the name of a charge, which spares a search and the index's delay.
    pub(crate) fn note(&self, key: ChargeKey, intent_id: &str) {
        if is_intent_id(intent_id) {
            self.seen.note(key, intent_id);
        }
    }

    async fn take(
        &self,
        order: &ChargeOrder,
        amount: StripeAmount,
    ) -> Result<ChargeAnswer, NoAnswer> {
        let key = order.key.to_string();
        let answer = self.client.post(INTENTS, Some(&key), charge_form(order, amount)).await?;
        if answer.status.is_success() {
            return self.settle(order.key, &read(&answer)?, Some(amount)).await;
        }
        Ok(match verdict(&key, &answer) {
            Verdict::Declined(failure) | Verdict::NotBegun(failure) => {
                ChargeAnswer::Declined { reason: failure.reason() }
            }
            Verdict::NoRoom { retry_after } => ChargeAnswer::NotTried { retry_after },
            Verdict::Unknown => ChargeAnswer::Unknown,
        })
    }

    /// What an intent says of its charge. One that waits for the buyer is given up: nobody would ever come, the money
    /// could be taken at any time, and the booking would wait for it for ever. Should the call that made it still be
    /// under way, Stripe lets one of the two win and says so to both.
    async fn settle(
        &self,
        key: ChargeKey,
        intent: &Intent,
        asked: Option<StripeAmount>,
    ) -> Result<ChargeAnswer, NoAnswer> {
        if intent.key() != Some(key) {
            tracing::error!(%key, intent = intent.id, "the provider answered with another charge");
            self.seen.forget(key);
            return Ok(ChargeAnswer::Unknown);
        }
        let answer = match intent.standing(asked) {
            Standing::Known(answer) => answer,
            Standing::Waiting => {
                self.note(key, &intent.id);
                self.give_up(key, intent, asked).await?
            }
        };
        match answer {
            ChargeAnswer::Approved { .. } | ChargeAnswer::Declined { .. } => self.seen.forget(key),
            ChargeAnswer::UnderWay | ChargeAnswer::NotTried { .. } | ChargeAnswer::Unknown => {
                self.note(key, &intent.id);
            }
        }
        Ok(answer)
    }

    /// Takes no money: either it can never be taken any more, or it has been meanwhile, which the answer says.
    async fn give_up(
        &self,
        key: ChargeKey,
        intent: &Intent,
        asked: Option<StripeAmount>,
    ) -> Result<ChargeAnswer, NoAnswer> {
        if !is_intent_id(&intent.id) {
            return Err(NoAnswer("an intent without a proper name".to_owned()));
        }
        // Without a key: done twice it is done once, and a failure is not kept.
        let path = format!("{INTENTS}/{}/cancel", intent.id);
        let answer = self.client.post(&path, None, Form::new()).await?;
        let after = if answer.status.is_success() {
            Some(read::<Intent>(&answer)?)
        } else {
            match verdict(&key.to_string(), &answer) {
                Verdict::NotBegun(failure) => failure.payment_intent.map(|intent| *intent),
                Verdict::Declined(_) | Verdict::NoRoom { .. } | Verdict::Unknown => None,
            }
        };
        let after = after.filter(|after| after.id == intent.id);
        Ok(match after.map(|after| after.standing(asked)) {
            Some(Standing::Known(answer)) => answer,
            Some(Standing::Waiting) | None => ChargeAnswer::Unknown,
        })
    }

    async fn find(&self, key: ChargeKey) -> Result<ChargeFinding, NoAnswer> {
        let known = match self.seen.of(key) {
            Some(known) => Some(known),
            None => self.search(key).await?,
        };
        let Some(intent_id) = known else { return Ok(ChargeFinding::NotFound) };
        // The index may be behind in what it says of an intent too, so that the intent itself is read.
        let answer = self.client.get(&format!("{INTENTS}/{intent_id}"), None).await?;
        if !answer.status.is_success() {
            self.seen.forget(key);
            return Err(refused(&key, &answer));
        }
        let intent: Intent = read(&answer)?;
        let asked = intent.asked();
        self.settle(key, &intent, asked).await.map(ChargeFinding::Known)
    }

    /// Looks into the index, which is behind: that nothing is found there says that the charge never came, or came not
    /// long ago, when its key still stands. Whoever hears of it may send the same charge again and nothing else.
    async fn search(&self, key: ChargeKey) -> Result<Option<String>, NoAnswer> {
        let answer = self.client.get(&format!("{INTENTS}/search"), Some(search_form(key))).await?;
        if !answer.status.is_success() {
            return Err(refused(&key, &answer));
        }
        let found: Found = read(&answer)?;
        let mut of_key = found.data.into_iter().filter(|intent| intent.key() == Some(key));
        let (first, second) = (of_key.next(), of_key.next());
        if second.is_some() {
            tracing::error!(%key, "the provider has two charges of one key: an operator must look");
            return Err(NoAnswer("two charges of one key".to_owned()));
        }
        let proper = first.map(|intent| intent.id).filter(|id| is_intent_id(id));
        Ok(proper)
    }

    /// Looks first: a key is forgotten after a day, and a refund may be asked for for longer. The list is never behind.
    /// One that has failed stays so for ever: where another may follow, that has a key which says the how manieth it is.
    async fn give_back(
        &self,
        order: &RefundOrder,
        amount: StripeAmount,
    ) -> Result<RefundAnswer, NoAnswer> {
        let key = order.refund_id.to_string();
        let mut known = Vec::new();
        for page in 1.. {
            let answer = self.client.get(REFUNDS, Some(list_form(order, known.last()))).await?;
            if !answer.status.is_success() {
                return Ok(refusal(&key, &answer));
            }
            let Refunds { data, has_more } = read(&answer)?;
            let is_end = !has_more || data.is_empty();
            known.extend(data);
            if is_end {
                break;
            }
            if page == REFUND_PAGES_MAX {
                tracing::error!(
                    key,
                    "a charge with more refunds than are read: an operator must look"
                );
                return Ok(RefundAnswer::Unknown);
            }
        }
        let (failed, others): (Vec<_>, Vec<_>) =
            known.iter().filter(|refund| refund.is(order)).partition(|it| it.has_failed());
        match (others.first(), failed.last()) {
            (Some(known), _) => return Ok(known.answer(amount)),
            (None, Some(failed)) if !order.anew => return Ok(failed.answer(amount)),
            (None, _) => {}
        }
        let key = if failed.is_empty() { key } else { format!("{key}:{}", failed.len()) };
        let answer = self.client.post(REFUNDS, Some(&key), refund_form(order, amount)).await?;
        if !answer.status.is_success() {
            return Ok(refusal(&key, &answer));
        }
        let refund: Refund = read(&answer)?;
        Ok(if refund.is(order) { refund.answer(amount) } else { RefundAnswer::Unknown })
    }
}

#[autometrics]
#[async_trait]
impl PaymentProvider for StripeProvider {
    async fn charge(&self, order: &ChargeOrder) -> ChargeAnswer {
        if order.amount.minor() == 0 {
            return ChargeAnswer::Approved { provider_ref: FREE.to_owned() };
        }
        let amount = match StripeAmount::of(order.amount) {
            Ok(amount) => amount,
            Err(reason) => return ChargeAnswer::Declined { reason },
        };
        if order.payment_method.is_empty() {
            return ChargeAnswer::Declined { reason: "no means of payment was given".to_owned() };
        }
        in_time(&order.key, self.take(order, amount)).await.unwrap_or(ChargeAnswer::Unknown)
    }

    async fn query(&self, key: ChargeKey) -> ChargeFinding {
        let unknown = ChargeFinding::Known(ChargeAnswer::Unknown);
        in_time(&key, self.find(key)).await.unwrap_or(unknown)
    }

    async fn refund(&self, order: &RefundOrder) -> RefundAnswer {
        if order.amount.minor() == 0 {
            return RefundAnswer::Succeeded { provider_ref: FREE.to_owned() };
        }
        let amount = match StripeAmount::of(order.amount) {
            Ok(amount) => amount,
            Err(reason) => return RefundAnswer::Refused { reason },
        };
        in_time(&order.refund_id, self.give_back(order, amount))
            .await
            .unwrap_or(RefundAnswer::Unknown)
    }
}

/// All requests of a call together end in the time that a call has.
async fn in_time<T>(
    key: &impl Display,
    asking: impl Future<Output = Result<T, NoAnswer>>,
) -> Option<T> {
    let answer = timeout(PROVIDER_TIMEOUT, asking).await;
    let late = |_elapsed| Err(NoAnswer(format!("no answer in {PROVIDER_TIMEOUT:?}")));
    match answer.unwrap_or_else(late) {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::warn!(%key, %error, "the provider did not answer");
            None
        }
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, NoAnswer> {
    let not_read =
        |error: serde_json::Error| NoAnswer(format!("an answer that cannot be read: {error}"));
    serde_json::from_slice(&answer.body).map_err(not_read)
}

/// A question that was not answered.
fn refused(key: &ChargeKey, answer: &Answer) -> NoAnswer {
    let _said = verdict(&key.to_string(), answer);
    NoAnswer(format!("answered with {}", answer.status))
}

fn refusal(key: &str, answer: &Answer) -> RefundAnswer {
    match verdict(key, answer) {
        Verdict::Declined(failure) | Verdict::NotBegun(failure) => {
            RefundAnswer::Refused { reason: failure.reason() }
        }
        Verdict::NoRoom { .. } | Verdict::Unknown => RefundAnswer::Unknown,
    }
}

#[cfg(test)]
mod tests;
