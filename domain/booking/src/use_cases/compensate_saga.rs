//! An operator has a booking cancelled.

use kernel::{BookingId, Committed, Instruction, StoreError};

use super::SagaDesk;
use super::booking_change::{Moved, reply_after};
use crate::NotCompensated;
use crate::limits::DECISIONS_MAX;

/// Why a booking is not cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompensateSagaError {
    /// There is none.
    #[error("no booking has this id")]
    NotFound,
    /// There is nothing to give back, or it is being given back.
    #[error(transparent)]
    NotCompensated(#[from] NotCompensated),
    /// Others kept changing it.
    #[error("others are changing this booking; try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SagaDesk {
    /// Cancels a booking for sure, whoever drives it meanwhile; money and stock follow by the servers.
    ///
    /// # Errors
    /// [`CompensateSagaError`], and nothing has changed.
    pub async fn compensate_saga(
        &self,
        booking_id: BookingId,
        instruction: &Instruction,
    ) -> Result<(), CompensateSagaError> {
        for _ in 0..DECISIONS_MAX {
            let found = self.store.find(booking_id).await?;
            let mut booking = found.ok_or(CompensateSagaError::NotFound)?.booking;
            let (was_pending, now) = (booking.is_pending(), self.clock.now());
            let told = booking.compensate(now)?;
            let mut moved = Moved::new(booking, told);
            moved.reply = reply_after(self.encode_reply, was_pending, &moved);
            moved.by_operator =
                Some(instruction.entry("sagas compensate", booking_id, "CANCELLING"));
            match moved.commit(&*self.store, &*self.ids, now).await?.0 {
                Committed::Done => return Ok(()),
                Committed::Stale | Committed::KeyTaken | Committed::AlreadyHandled => {}
            }
        }
        Err(CompensateSagaError::Contended)
    }
}
