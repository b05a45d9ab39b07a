//! The consumer `payment.refund`: a cancelled booking's money goes back, or can no more be taken.

use std::sync::Arc;

use async_trait::async_trait;
use autometrics::autometrics;
use kernel::{Cause, Envelope, EventHandler, HandlerError};
use payment::Paying;

use crate::facts;

const NAME: &str = "payment.refund";

/// Hears of cancellations.
pub struct RefundConsumer {
    paying: Arc<Paying>,
}

impl RefundConsumer {
    /// A consumer for this context.
    #[must_use]
    pub const fn new(paying: Arc<Paying>) -> Self {
        Self { paying }
    }
}

#[autometrics]
#[async_trait]
impl EventHandler for RefundConsumer {
    #[skip_autometrics]
    fn name(&self) -> &'static str {
        NAME
    }

    #[skip_autometrics]
    fn event_names(&self) -> &'static [&'static str] {
        &["BookingCancellationRequested"]
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        let (booking_id, fee) = facts::cancelled_booking(message)?;
        let cause = Cause { consumer: NAME, event_id: message.id };
        let refunded = self.paying.refund_cancelled(booking_id, fee, cause).await;
        refunded.map_err(|error| HandlerError::of(&error))
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        let parked = self.paying.settlements.park(NAME, message, reason).await;
        parked.map_err(|error| HandlerError::of(&error))
    }
}
