//! What Stripe posts to us of its own accord: checked, and then no more than a reason to ask.

mod event;
mod signature;

use std::sync::Arc;

use autometrics::autometrics;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use kernel::{Cause, Clock};
use payment::Paying;

use crate::StripeProvider;
use event::Event;
pub use signature::WebhookSecret;

/// Where events are posted to.
pub const WEBHOOK_PATH: &str = "/webhooks/stripe";
/// Whose inbox has the marks of events.
const CONSUMER: &str = "payment.stripe";
const SIGNATURE: &str = "stripe-signature";

/// Hears Stripe's events.
pub struct Webhooks {
    /// The secret of the endpoint.
    pub secret: WebhookSecret,
    /// Who is asked after an event.
    pub provider: Arc<StripeProvider>,
    /// What an event is a hint for. Its provider MUST be the one above.
    pub paying: Arc<Paying>,
    /// Tells how old an event is.
    pub clock: Arc<dyn Clock>,
}

#[autometrics]
impl Webhooks {
    /// Takes a post. 2xx says that it need not come again: it was stored, or there was nothing to store. What is forged,
    /// old or no event is 400; what could not be stored is 503, so that it comes again (trap R16).
    pub async fn receive(&self, request: Request<Bytes>) -> StatusCode {
        if request.uri().path() != WEBHOOK_PATH {
            return StatusCode::NOT_FOUND;
        }
        if request.method() != Method::POST {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        let signature = request.headers().get(SIGNATURE).and_then(|header| header.to_str().ok());
        let signed =
            self.secret.check(signature.unwrap_or_default(), request.body(), self.clock.now());
        if let Err(refused) = signed {
            tracing::warn!(%refused, "a message in the provider's name was refused");
            return StatusCode::BAD_REQUEST;
        }
        let event = match Event::read(request.body()) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "an event of the provider's cannot be read");
                return StatusCode::BAD_REQUEST;
            }
        };
        self.hear(&event).await
    }

    #[skip_autometrics]
    async fn hear(&self, event: &Event) -> StatusCode {
        // Of something else, or of another platform's.
        let Some(key) = event.charge() else { return StatusCode::OK };
        if let Some(intent_id) = event.intent_id() {
            self.provider.note(key, intent_id);
        }
        if !event.may_be_news() {
            return StatusCode::OK;
        }
        if event.tells_of_a_failed_refund() {
            tracing::error!(%key, "a refund has failed at the provider's: if it counts as made, an operator must look");
        }
        let cause = Cause { consumer: CONSUMER, event_id: event.id() };
        match self.paying.hear_of(key.booking_id, cause).await {
            Ok(()) => StatusCode::OK,
            Err(error) => {
                tracing::warn!(%key, %error, "an event of the provider's was not stored and is to come again");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

#[cfg(test)]
mod tests;
