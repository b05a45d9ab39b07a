//! Gives back a part of the money of a booking that goes on without it (row T09, trap R11).

use kernel::{BookingId, Caller, Money};

use super::refund_payment::RefundPaymentError;
use super::{CommitFailed, Paying};
use crate::Settlement;

impl Paying {
    /// Gives back what was taken for a booking above what stays; nothing is voided. Repeats change nothing and answer how
    /// far it has come.
    ///
    /// # Errors
    /// [`RefundPaymentError`]. Once the wish is stored there is none: the sweep carries it out.
    pub async fn reduce_payment(
        &self,
        caller: &Caller,
        booking_id: BookingId,
        keep: Money,
    ) -> Result<Settlement, RefundPaymentError> {
        caller.service()?;
        let settlement = self.settlement_of(booking_id).await.map_err(CommitFailed::from)?;
        let refund_id = self.refund_id();
        let ending = self.decide(settlement, None, |settlement, now| {
            let reduced = settlement.reduce(refund_id, keep, now);
            Ok::<_, CommitFailed>(reduced.and(settlement.begin_refund(now)))
        });
        Ok(self.carry_out(ending.await?).await)
    }
}
