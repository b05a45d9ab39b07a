//! The consumer `mypage.views`: every event of a booking and its money becomes part of one row.

use std::sync::Arc;

use async_trait::async_trait;
use autometrics::autometrics;
use kernel::{Cause, Envelope, EventHandler, HandlerError};
use mypage::MyPage;

use crate::facts;

const NAME: &str = "mypage.views";

/// Folds events into the view.
pub struct ViewsConsumer {
    my_page: Arc<MyPage>,
}

impl ViewsConsumer {
    /// A consumer for this context.
    #[must_use]
    pub const fn new(my_page: Arc<MyPage>) -> Self {
        Self { my_page }
    }
}

#[autometrics]
#[async_trait]
impl EventHandler for ViewsConsumer {
    #[skip_autometrics]
    fn name(&self) -> &'static str {
        NAME
    }

    #[skip_autometrics]
    fn event_names(&self) -> &'static [&'static str] {
        &facts::EVENT_NAMES
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        let fact = facts::read(message)?;
        let cause = Cause { consumer: NAME, event_id: message.id };
        self.my_page.fold_fact(&fact, cause).await.map_err(|error| HandlerError::of(&error))
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        let parked = self.my_page.store.park(NAME, message, reason).await;
        parked.map_err(|error| HandlerError::of(&error))
    }
}
