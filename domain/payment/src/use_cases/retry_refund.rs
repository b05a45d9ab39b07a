//! An operator has the provider asked again for a refund that it refused too often (trap R12).

use kernel::{BookingId, Instruction, RefundId};

use super::{RefundDesk, RefundReviewError};

impl RefundDesk {
    /// Makes a refund in review due at once, its refusals counted anew; the servers' sweep asks the provider.
    ///
    /// # Errors
    /// [`RefundReviewError`], and nothing has changed.
    pub async fn retry_refund(
        &self,
        booking_id: BookingId,
        refund_id: RefundId,
        instruction: &Instruction,
    ) -> Result<(), RefundReviewError> {
        let entry = instruction.entry("refunds retry", refund_id, "REQUESTED");
        let decided = self
            .decide(booking_id, entry, |settlement, now| settlement.retry_refund(refund_id, now));
        decided.await
    }
}
