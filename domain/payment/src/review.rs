//! Refunds that the provider has refused too often: what an operator may do about them (trap R12).
//!
//! | state | retry | settle |
//! | --- | --- | --- |
//! | MANUAL_REVIEW | REQUESTED, its calls and refusals counted anew | SUCCEEDED, and told of as if the provider had done it |
//! | REQUESTED, PENDING, FAILED | refused: it is tried anyway | refused: the provider may yet give the money back as well |
//! | SUCCEEDED | refused | refused |

use kernel::{RefundId, Timestamp};

use crate::{Decision, RefundAnswer, RefundState, Settlement};

/// Stands for the provider's name of a refund that nobody has a name for: the money went back another way.
pub const OUTSIDE: &str = "outside";

/// Why there is nothing for an operator to do about a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotInReview {
    /// The booking has no such refund.
    #[error("no refund has this id")]
    Unknown,
    /// The provider is being asked, and may say yes at any moment.
    #[error(
        "it is not in manual review: the provider is still asked for it, and may give the money back yet"
    )]
    StillAsked,
    /// There is nothing left to give back.
    #[error("it is not in manual review: its money is back")]
    MoneyIsBack,
}

impl Settlement {
    /// Has the provider asked again for a refund in review, as for a new one, and at once. Its id, the provider's key,
    /// stays: should an earlier call have moved the money after all, this one moves none.
    ///
    /// # Errors
    /// [`NotInReview`], and nothing has changed.
    pub fn retry_refund(
        &mut self,
        refund_id: RefundId,
        now: Timestamp,
    ) -> Result<Decision, NotInReview> {
        self.require_review(refund_id)?;
        for payment in &mut self.payments {
            for refund in payment.refunds.iter_mut().filter(|refund| refund.id == refund_id) {
                refund.state = RefundState::Requested;
                refund.tries = 0;
                refund.refusals = 0;
                refund.updated_at = now;
                payment.updated_at = now;
            }
        }
        Ok(Decision::Happened(Vec::new()))
    }

    /// Takes an operator's word that the money of a refund in review is back: by `provider_ref`, or by [`OUTSIDE`].
    ///
    /// # Errors
    /// [`NotInReview`], and nothing has changed.
    pub fn settle_refund(
        &mut self,
        refund_id: RefundId,
        provider_ref: &str,
        now: Timestamp,
    ) -> Result<Decision, NotInReview> {
        self.require_review(refund_id)?;
        let back = RefundAnswer::Succeeded { provider_ref: provider_ref.to_owned() };
        Ok(self.refund_answered(refund_id, &back, now))
    }

    fn require_review(&self, refund_id: RefundId) -> Result<(), NotInReview> {
        let mut refunds = self.payments.iter().flat_map(|payment| &payment.refunds);
        let refund = refunds.find(|refund| refund.id == refund_id).ok_or(NotInReview::Unknown)?;
        match refund.state {
            RefundState::ManualReview { .. } => Ok(()),
            RefundState::Succeeded { .. } => Err(NotInReview::MoneyIsBack),
            RefundState::Requested | RefundState::Pending | RefundState::Failed { .. } => {
                Err(NotInReview::StillAsked)
            }
        }
    }
}
