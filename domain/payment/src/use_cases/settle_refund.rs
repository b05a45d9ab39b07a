//! An operator has given the money of a refund back by other means than the provider's call (trap R12).

use kernel::{BookingId, Instruction, RefundId};

use super::{RefundDesk, RefundReviewError};

impl RefundDesk {
    /// Makes a refund in review SUCCEEDED, with the events of one that the provider has made: its booking, my page and
    /// the buyer's letters go on from them. `provider_ref` is a name to find the money by, [`crate::OUTSIDE`] where
    /// there is none.
    ///
    /// # Errors
    /// [`RefundReviewError`], and nothing has changed.
    pub async fn settle_refund(
        &self,
        booking_id: BookingId,
        refund_id: RefundId,
        provider_ref: &str,
        instruction: &Instruction,
    ) -> Result<(), RefundReviewError> {
        let entry = instruction.entry("refunds settle", refund_id, "SUCCEEDED");
        let decided = self.decide(booking_id, entry, |settlement, now| {
            settlement.settle_refund(refund_id, provider_ref, now)
        });
        decided.await
    }
}
