//! One return of money.

use std::time::Duration;

use kernel::{Money, RefundId, Timestamp};

use crate::limits::backoff;
use crate::{CALL_LEASE, REFUSALS_MAX, RefundAnswer};

/// Where a refund is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundState {
    /// To be asked of the provider.
    Requested,
    /// The provider is being asked, or did not answer and is asked again.
    Pending,
    /// The provider refused; it is asked again.
    Failed {
        /// Why, in the provider's words.
        reason: String,
    },
    /// The provider refused too often; an operator must look (trap R12).
    ManualReview {
        /// Why, in the provider's words.
        reason: String,
    },
    /// The money is back.
    Succeeded {
        /// The provider's name for the refund.
        provider_ref: String,
    },
}

/// One return of money. Its id is the provider's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Identity.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// Where it is in its life.
    pub state: RefundState,
    /// Calls to the provider that did not end it.
    pub tries: u32,
    /// Those of them that the provider refused.
    pub refusals: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Refund {
    pub(crate) const fn request(id: RefundId, amount: Money, now: Timestamp) -> Self {
        let state = RefundState::Requested;
        Self { id, amount, state, tries: 0, refusals: 0, created_at: now, updated_at: now }
    }

    /// Whether the money is back.
    #[must_use]
    pub const fn has_succeeded(&self) -> bool {
        matches!(self.state, RefundState::Succeeded { .. })
    }

    /// Why the provider refused it last, where its state tells.
    #[must_use]
    pub fn refusal_reason(&self) -> Option<&str> {
        match &self.state {
            RefundState::Failed { reason } | RefundState::ManualReview { reason } => Some(reason),
            RefundState::Requested | RefundState::Pending | RefundState::Succeeded { .. } => None,
        }
    }

    /// Whether the provider is to be asked.
    pub(crate) const fn is_open(&self) -> bool {
        match self.state {
            RefundState::Requested | RefundState::Pending | RefundState::Failed { .. } => true,
            RefundState::ManualReview { .. } | RefundState::Succeeded { .. } => false,
        }
    }

    pub(crate) fn due_in(&self) -> Option<Duration> {
        match self.state {
            RefundState::Requested => Some(Duration::ZERO),
            RefundState::Pending if self.tries == 0 => Some(CALL_LEASE),
            RefundState::Pending | RefundState::Failed { .. } => Some(backoff(self.tries)),
            RefundState::ManualReview { .. } | RefundState::Succeeded { .. } => None,
        }
    }

    /// Takes an answer; says whether it changed anything. That money is back is believed at any
    /// time, a refusal only while an answer is awaited.
    pub(crate) fn answered(&mut self, answer: &RefundAnswer, now: Timestamp) -> bool {
        if self.has_succeeded() {
            return false;
        }
        match answer {
            RefundAnswer::Succeeded { provider_ref } => {
                self.state = RefundState::Succeeded { provider_ref: provider_ref.clone() };
            }
            RefundAnswer::Refused { .. } | RefundAnswer::Unknown if !self.is_open() => {
                return false;
            }
            RefundAnswer::Refused { reason } => {
                self.tries += 1;
                self.refusals += 1;
                let reason = reason.clone();
                self.state = if self.refusals < REFUSALS_MAX {
                    RefundState::Failed { reason }
                } else {
                    RefundState::ManualReview { reason }
                };
            }
            RefundAnswer::Unknown => {
                self.tries += 1;
                self.state = RefundState::Pending;
            }
        }
        self.updated_at = now;
        true
    }
}
