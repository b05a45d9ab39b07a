//! An operator has a booking's process go on at once.

use kernel::{BookingId, Committed, Instruction, StoreError};

use super::SagaDesk;
use super::booking_change::Moved;
use crate::limits::DECISIONS_MAX;
use crate::{NotRetried, Stored};

/// Why a booking's process does not go on at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetrySagaError {
    /// There is none.
    #[error("no booking has this id")]
    NotFound,
    /// There is nothing to retry.
    #[error(transparent)]
    NotRetried(#[from] NotRetried),
    /// Others kept changing it.
    #[error("others are changing this booking; try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SagaDesk {
    /// Makes a booking due at once, its tries forgotten; the servers' sweep drives it. How long it has stood where it
    /// stands does not change.
    ///
    /// # Errors
    /// [`RetrySagaError`], and nothing has changed.
    pub async fn retry_saga(
        &self,
        booking_id: BookingId,
        instruction: &Instruction,
    ) -> Result<(), RetrySagaError> {
        for _ in 0..DECISIONS_MAX {
            let found = self.store.find(booking_id).await?;
            let Stored { booking, process } = found.ok_or(RetrySagaError::NotFound)?;
            let now = self.clock.now();
            let timer = booking.retry_timer(&process, now)?;
            let mut moved = Moved { timer, ..Moved::new(booking, None) };
            moved.by_operator = Some(instruction.entry("sagas retry", booking_id, "DUE"));
            match moved.commit(&*self.store, &*self.ids, now).await?.0 {
                Committed::Done => return Ok(()),
                Committed::Stale | Committed::KeyTaken | Committed::AlreadyHandled => {}
            }
        }
        Err(RetrySagaError::Contended)
    }
}
