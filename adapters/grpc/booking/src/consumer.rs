//! The consumer `booking.process`: what ticket and payment tell moves bookings on.

use std::sync::Arc;

use async_trait::async_trait;
use autometrics::autometrics;
use booking::Bookings;
use kernel::{Cause, Envelope, EventHandler, HandlerError};

use crate::facts::{self, News};

const NAME: &str = "booking.process";

/// Hears of stock, money and deleted tickets.
pub struct ProcessConsumer {
    bookings: Arc<Bookings>,
}

impl ProcessConsumer {
    /// A consumer for this context.
    #[must_use]
    pub const fn new(bookings: Arc<Bookings>) -> Self {
        Self { bookings }
    }
}

#[autometrics]
#[async_trait]
impl EventHandler for ProcessConsumer {
    #[skip_autometrics]
    fn name(&self) -> &'static str {
        NAME
    }

    #[skip_autometrics]
    fn event_names(&self) -> &'static [&'static str] {
        &facts::EVENT_NAMES
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        let cause = Cause { consumer: NAME, event_id: message.id };
        let handled = match facts::read(message)? {
            News::TicketDeleted(ticket_id) => {
                let cancelled = self.bookings.cancel_bookings_of_ticket(ticket_id, &cause).await;
                cancelled.map(|bookings| {
                    tracing::info!(%ticket_id, bookings, "cancelled the bookings of a deleted ticket");
                })
            }
            News::About(booking_id, fact) => {
                self.bookings.record_fact(booking_id, &fact, cause).await
            }
        };
        handled.map_err(|error| HandlerError::of(&error))
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        let parked = self.bookings.store.park(NAME, message, reason).await;
        parked.map_err(|error| HandlerError::of(&error))
    }
}
