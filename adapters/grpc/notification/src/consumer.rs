//! The consumer `notification.letters`: every event becomes the letters it leads to.

use std::sync::Arc;

use async_trait::async_trait;
use autometrics::autometrics;
use kernel::{Cause, Envelope, EventHandler, HandlerError};
use notification::{Fact, Notifying};

use crate::facts;

const NAME: &str = "notification.letters";

/// Tells people what happened.
pub struct LettersConsumer {
    notifying: Arc<Notifying>,
}

impl LettersConsumer {
    /// A consumer for this context.
    #[must_use]
    pub const fn new(notifying: Arc<Notifying>) -> Self {
        Self { notifying }
    }
}

#[autometrics]
#[async_trait]
impl EventHandler for LettersConsumer {
    #[skip_autometrics]
    fn name(&self) -> &'static str {
        NAME
    }

    #[skip_autometrics]
    fn event_names(&self) -> &'static [&'static str] {
        &facts::EVENT_NAMES
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        let fact = Fact { at: message.occurred_at, news: facts::read(message)? };
        let cause = Cause { consumer: NAME, event_id: message.id };
        self.notifying.tell(&fact, cause).await.map_err(|error| HandlerError::of(&error))
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        let parked = self.notifying.store.park(NAME, message, reason).await;
        parked.map_err(|error| HandlerError::of(&error))
    }
}
