//! One attempt to take the money for a booking, with the refunds of it.

use std::cmp::Reverse;
use std::time::Duration;

use kernel::{BookingId, BuyerId, Cursor, Locale, Money, PaymentId, RefundId, Timestamp};

use crate::limits::backoff;
use crate::refund::RefundState;
use crate::{CALL_LEASE, ChargeAnswer, ChargeKey, ChargeOrder, Refund, RefundOrder};

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payer {
    /// The buyer.
    pub buyer_id: BuyerId,
    /// The language the buyer is written to in.
    pub locale: Locale,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentState {
    /// The provider is being asked.
    Processing,
    /// The provider did not answer, or tells later; what became of it is being found out (trap R04).
    Unknown,
    /// The money was taken.
    Approved {
        /// The provider's name for the charge.
        provider_ref: String,
    },
    /// No money was taken, and with this attempt none will be.
    Declined {
        /// Why, in the provider's words.
        reason: String,
    },
}

/// What a caller sees of an attempt and its refunds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentStatus {
    /// The provider is being asked.
    Processing,
    /// The provider did not answer, or tells later; what became of it is being found out.
    Unknown,
    /// The money was taken.
    Approved,
    /// No money was taken.
    Declined,
    /// Some of the money is back.
    PartiallyRefunded,
    /// All of the money is back.
    Refunded,
}

/// One attempt to take the money for a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Identity.
    pub id: PaymentId,
    /// The booking.
    pub booking_id: BookingId,
    /// Which attempt for the booking, from 1.
    pub attempt: u32,
    /// Who pays.
    pub payer: Payer,
    /// How much.
    pub amount: Money,
    /// The provider's token for the means of payment: kept, because the same charge may have to be
    /// sent again.
    pub payment_method: String,
    /// What became of it.
    pub state: PaymentState,
    /// Calls to the provider that decided nothing.
    pub tries: u32,
    /// Every return of its money.
    pub refunds: Vec<Refund>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Payment {
    /// What a caller sees of it.
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        match self.state {
            PaymentState::Processing => PaymentStatus::Processing,
            PaymentState::Unknown => PaymentStatus::Unknown,
            PaymentState::Declined { .. } => PaymentStatus::Declined,
            PaymentState::Approved { .. } => {
                if !self.refunds.iter().any(Refund::has_succeeded) {
                    PaymentStatus::Approved
                } else if self.refunded() == self.amount {
                    PaymentStatus::Refunded
                } else {
                    PaymentStatus::PartiallyRefunded
                }
            }
        }
    }

    /// Money that is back.
    #[must_use]
    pub fn refunded(&self) -> Money {
        self.sum(|refund| refund.has_succeeded())
    }

    /// Money that is back or asked back. Never more than the amount.
    #[must_use]
    pub fn refunds_total(&self) -> Money {
        self.sum(|_| true)
    }

    /// Its idempotency key at the provider.
    #[must_use]
    pub const fn key(&self) -> ChargeKey {
        ChargeKey { booking_id: self.booking_id, attempt: self.attempt }
    }

    /// Its place in a list, the newest first.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { sort: self.created_at.as_micros(), id: self.id.as_uuid() }
    }

    /// What the provider is asked for it, each time the same.
    #[must_use]
    pub fn charge_order(&self) -> ChargeOrder {
        ChargeOrder {
            key: self.key(),
            amount: self.amount,
            payment_method: self.payment_method.clone(),
        }
    }

    /// Whether the provider may take or has taken money with it.
    #[must_use]
    pub(crate) const fn is_undecided(&self) -> bool {
        match self.state {
            PaymentState::Processing | PaymentState::Unknown => true,
            PaymentState::Approved { .. } | PaymentState::Declined { .. } => false,
        }
    }

    pub(crate) const fn is_declined(&self) -> bool {
        matches!(self.state, PaymentState::Declined { .. })
    }

    /// What is still to be asked back of it but for what is kept: nothing unless it was approved.
    pub(crate) fn left_to_refund(&self, keep: Option<Money>) -> Option<Money> {
        let PaymentState::Approved { .. } = self.state else { return None };
        // Nothing of another currency can be kept of it, nor less than nothing.
        let of_it = |keep: &Money| keep.minor() > 0 && keep.currency() == self.amount.currency();
        let keep = keep.filter(of_it).unwrap_or(Money::zero(self.amount.currency()));
        // A free booking is refunded too, once: its buyer is told the same way.
        let is_free = self.amount.minor() == 0 && self.refunds.is_empty();
        if is_free { Some(self.amount) } else { self.above(keep) }
    }

    /// What was taken of it and is neither back nor asked back, above an amount.
    pub(crate) fn above(&self, keep: Money) -> Option<Money> {
        let PaymentState::Approved { .. } = self.state else { return None };
        let left = self.amount.checked_sub(self.refunds_total()).ok()?.checked_sub(keep).ok()?;
        (left.minor() > 0).then_some(left)
    }

    /// The refund that the provider is to be asked for, and what to ask.
    pub(crate) fn refund_order(&self) -> Option<RefundOrder> {
        let PaymentState::Approved { provider_ref } = &self.state else { return None };
        let refund = self.refunds.iter().find(|refund| Some(refund.id) == self.in_turn())?;
        Some(RefundOrder {
            refund_id: refund.id,
            charge: self.key(),
            provider_ref: provider_ref.clone(),
            amount: refund.amount,
            anew: refund.tries == 0,
        })
    }

    /// Notes that the provider is being asked for the refund whose turn it is; says whether nobody had asked before.
    pub(crate) fn begin_refund(&mut self, now: Timestamp) -> bool {
        let in_turn = self.in_turn();
        let refund = self.refunds.iter_mut().find(|refund| Some(refund.id) == in_turn);
        let Some(refund) = refund.filter(|refund| refund.state == RefundState::Requested) else {
            return false;
        };
        refund.state = RefundState::Pending;
        refund.updated_at = now;
        true
    }

    /// Of several open refunds the one that was asked for least often, so that none waits for another's end; of those
    /// the one that was begun last.
    fn in_turn(&self) -> Option<RefundId> {
        let open = self.refunds.iter().filter(|refund| refund.is_open());
        open.min_by_key(|refund| (refund.tries, Reverse(refund.updated_at))).map(|refund| refund.id)
    }

    pub(crate) fn due_in(&self) -> Option<Duration> {
        match self.state {
            PaymentState::Processing => Some(CALL_LEASE),
            PaymentState::Unknown => Some(backoff(self.tries)),
            PaymentState::Declined { .. } => None,
            PaymentState::Approved { .. } => self.refunds.iter().filter_map(Refund::due_in).min(),
        }
    }

    /// Takes an answer; says whether it changed anything. The first definite one stands.
    pub(crate) fn answered(&mut self, answer: &ChargeAnswer, now: Timestamp) -> bool {
        if !self.is_undecided() {
            return false;
        }
        self.state = match answer {
            ChargeAnswer::Approved { provider_ref } => {
                PaymentState::Approved { provider_ref: provider_ref.clone() }
            }
            ChargeAnswer::Declined { reason } => PaymentState::Declined { reason: reason.clone() },
            ChargeAnswer::UnderWay | ChargeAnswer::NotTried { .. } | ChargeAnswer::Unknown => {
                self.tries += 1;
                PaymentState::Unknown
            }
        };
        self.updated_at = now;
        true
    }

    fn sum(&self, counts: impl Fn(&Refund) -> bool) -> Money {
        let minor = self
            .refunds
            .iter()
            .filter(|refund| counts(refund))
            .fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()));
        Money::from_minor(minor, self.amount.currency())
    }
}
