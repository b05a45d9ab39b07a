//! The consumer `ticket.stock-return`: a cancelled booking's stock comes back.

use std::sync::Arc;

use async_trait::async_trait;
use autometrics::autometrics;
use kernel::{Cause, Envelope, EventHandler, HandlerError, HoldId};
use ticket::Ticketing;

use crate::facts;

const NAME: &str = "ticket.stock-return";

/// Hears of cancellations.
pub struct StockReturnConsumer {
    ticketing: Arc<Ticketing>,
}

impl StockReturnConsumer {
    /// A consumer for this context.
    #[must_use]
    pub const fn new(ticketing: Arc<Ticketing>) -> Self {
        Self { ticketing }
    }
}

#[autometrics]
#[async_trait]
impl EventHandler for StockReturnConsumer {
    #[skip_autometrics]
    fn name(&self) -> &'static str {
        NAME
    }

    #[skip_autometrics]
    fn event_names(&self) -> &'static [&'static str] {
        &["BookingCancellationRequested"]
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        let hold_id = HoldId::of_booking(facts::cancelled_booking(message)?);
        let cause = Cause { consumer: NAME, event_id: message.id };
        let returned = self.ticketing.return_stock(hold_id, &cause).await;
        returned.map(|_now_or_before| ()).map_err(|error| HandlerError::of(&error))
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        let parked = self.ticketing.store.park(NAME, message, reason).await;
        parked.map_err(|error| HandlerError::of(&error))
    }
}
