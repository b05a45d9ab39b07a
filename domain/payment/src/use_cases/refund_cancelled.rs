//! Voids or refunds the money of a booking that says it was cancelled, but for its fee (row T10, trap R11).

use kernel::{BookingId, Cause, Money};

use super::{CommitFailed, Paying};

impl Paying {
    /// Stores that everything but what is kept is to be given back and nothing more taken, together with the mark of
    /// the message. The sweep, woken by the commit, carries it out.
    ///
    /// # Errors
    /// [`CommitFailed`]; the message is to come again.
    pub async fn refund_cancelled(
        &self,
        booking_id: BookingId,
        keep: Option<Money>,
        cause: Cause,
    ) -> Result<(), CommitFailed> {
        let settlement = self.settlement_of(booking_id).await?;
        let refund_id = self.refund_id();
        let ending = self.decide(settlement, Some(cause), |settlement, now| {
            Ok::<_, CommitFailed>(settlement.void(refund_id, keep, now))
        });
        ending.await.map(|_| ())
    }
}
