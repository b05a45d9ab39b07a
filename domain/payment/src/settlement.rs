//! All money of one booking: its attempts, their refunds, and whether anything may still be taken.
//!
//! The process, whose state is this row; `due_in` is its timer, `next_ask` its next call:
//!
//! | state | ask | wait | when nobody answers |
//! | --- | --- | --- | --- |
//! | PROCESSING | charge, by whoever began it; no room for it: the attempt is taken back | `CALL_LEASE` | UNKNOWN |
//! | UNKNOWN, or under way | what became of the charge; never heard of it: the same charge again | 1 s to 60 s | UNKNOWN |
//! | APPROVED and voided | a refund of all but what is kept | at once | |
//! | APPROVED, a part cancelled | a refund above what stays | at once | |
//! | refund REQUESTED | refund | at once | |
//! | refund PENDING | the same refund | `CALL_LEASE`, then 1 s to 60 s | PENDING |
//! | refund FAILED | the same refund | 1 s to 60 s | PENDING; refused 8 times: MANUAL_REVIEW |
//! | refund MANUAL_REVIEW | nothing: an operator looks (`review.rs`) | | |
//!
//! Of several refunds under way each has its turn (`Payment::in_turn`). An attempt is never declined because nobody
//! answered, and never sent with another key (R04, R05).

use std::time::Duration;

use kernel::{BookingId, Money, PaymentId, RefundId, Timestamp};

use crate::refund::RefundState;
use crate::{
    ChargeAnswer, ChargeOrder, ChargePayment, Payment, PaymentEvent, PaymentState, Refund,
    RefundAnswer, RefundOrder,
};

/// All money of one booking. Committed as one, so that one live attempt, no charge after a void, and
/// no more refunds than money are each decided in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The booking.
    pub booking_id: BookingId,
    /// Everything is to be given back and nothing may be taken any more: a tombstone, which stands
    /// also where no attempt was ever made (reliability.md 7.5, R4).
    pub voided: bool,
    /// The attempts 1, 2, 3 … All but the last are declined.
    pub payments: Vec<Payment>,
    /// Rises by one with every commit; 0 before the first.
    pub revision: i64,
    /// Number of its last event.
    pub event_version: i64,
}

/// What a transition did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The settlement changed; it is to be committed with these events.
    Happened(Vec<PaymentEvent>),
    /// It is so already, or cannot be any more; nothing is to be written.
    AlreadyDone,
}

/// What the provider is to be asked next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What became of this charge.
    Outcome(ChargeOrder),
    /// This refund.
    Refund(RefundOrder),
}

/// Why an attempt cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChargeRefused {
    /// The attempt was made before, with another amount or by another buyer.
    #[error("attempt {attempt} was made with another amount or for another buyer")]
    AmountMismatch {
        /// The attempt.
        attempt: u32,
    },
    /// The attempt before is undecided, or has taken the money.
    #[error("attempt {attempt} is not declined; a new one may follow only a definite decline")]
    AttemptLive {
        /// The attempt that stands in the way.
        attempt: u32,
    },
    /// The number does not follow the last attempt's.
    #[error("the next attempt is number {next}")]
    OutOfTurn {
        /// The number that would be right.
        next: u32,
    },
    /// Nothing may be taken for the booking any more.
    #[error("the booking was refunded or voided; nothing can be taken for it any more")]
    Voided,
}

impl Settlement {
    /// The settlement of a booking of which nothing is known yet.
    #[must_use]
    pub const fn new(booking_id: BookingId) -> Self {
        let payments = Vec::new();
        Self { booking_id, voided: false, payments, revision: 0, event_version: 0 }
    }

    /// Begins an attempt, to be committed before the provider is called. The same attempt again
    /// changes nothing: its outcome stands.
    ///
    /// # Errors
    /// [`ChargeRefused`].
    pub fn begin_charge(
        &mut self,
        asked: &ChargePayment,
        id: PaymentId,
        now: Timestamp,
    ) -> Result<Decision, ChargeRefused> {
        if let Some(known) = self.attempt(asked.attempt) {
            let same = known.amount == asked.amount && known.payer.buyer_id == asked.payer.buyer_id;
            return match same {
                true => Ok(Decision::AlreadyDone),
                false => Err(ChargeRefused::AmountMismatch { attempt: known.attempt }),
            };
        }
        self.may_begin(asked.attempt)?;
        self.payments.push(Payment {
            id,
            booking_id: self.booking_id,
            attempt: asked.attempt,
            payer: asked.payer.clone(),
            amount: asked.amount,
            payment_method: asked.payment_method.clone(),
            state: PaymentState::Processing,
            tries: 0,
            refunds: Vec::new(),
            created_at: now,
            updated_at: now,
        });
        Ok(Decision::Happened(Vec::new()))
    }

    /// Unmakes an attempt that the provider had no room for, if nobody has gone on with it since the commit that began
    /// it, which led to this revision: then it was never made. A void alone does not go on with it.
    pub(crate) fn take_back(&mut self, attempt: u32, begun_at_revision: i64) -> Decision {
        // What was voided before was not begun.
        if self.revision != begun_at_revision + i64::from(self.voided) {
            return Decision::AlreadyDone;
        }
        self.payments.retain(|payment| payment.attempt != attempt);
        Decision::Happened(self.nothing_left().into_iter().collect())
    }

    /// Takes the provider's answer to an attempt. Money that was taken for a voided settlement is
    /// asked back at once, as the refund `refund_id` (reliability.md 7.5, R5).
    pub fn charge_answered(
        &mut self,
        attempt: u32,
        answer: &ChargeAnswer,
        refund_id: RefundId,
        now: Timestamp,
    ) -> Decision {
        let Some(payment) = self.payments.iter_mut().find(|payment| payment.attempt == attempt)
        else {
            return Decision::AlreadyDone;
        };
        if !payment.answered(answer, now) {
            return Decision::AlreadyDone;
        }
        let after = Box::new(payment.clone());
        let mut events = match answer {
            ChargeAnswer::UnderWay | ChargeAnswer::NotTried { .. } | ChargeAnswer::Unknown => {
                Vec::new()
            }
            ChargeAnswer::Approved { .. } => vec![PaymentEvent::Approved(after)],
            ChargeAnswer::Declined { .. } => vec![PaymentEvent::Declined(after)],
        };
        if self.voided {
            events.extend(self.give_back(refund_id, None, now));
        }
        Decision::Happened(events)
    }

    /// Voids or refunds: gives back what was taken but for what is kept, as the refund `refund_id`, refuses what might
    /// still be asked for, and leaves an undecided attempt to the resolver: of that one nothing is kept. What is kept
    /// the first one says.
    pub fn void(&mut self, refund_id: RefundId, keep: Option<Money>, now: Timestamp) -> Decision {
        if self.voided {
            return Decision::AlreadyDone;
        }
        self.voided = true;
        Decision::Happened(self.give_back(refund_id, keep, now).into_iter().collect())
    }

    /// Gives back what was taken above an amount, as the refund `refund_id`, and voids nothing: a part of the booking was
    /// cancelled. It says what stays, so the same again, however late, gives back nothing.
    pub fn reduce(&mut self, refund_id: RefundId, keep: Money, now: Timestamp) -> Decision {
        if self.voided {
            return Decision::AlreadyDone;
        }
        let Some(payment) = self.payments.last_mut() else { return Decision::AlreadyDone };
        let Some(part) = payment.above(keep) else { return Decision::AlreadyDone };
        payment.refunds.push(Refund::request(refund_id, part, now));
        payment.updated_at = now;
        Decision::Happened(Vec::new())
    }

    /// Notes, before the provider is asked, that it is being asked for a requested refund. The commit
    /// of it keeps others from asking at the same time.
    pub fn begin_refund(&mut self, now: Timestamp) -> Decision {
        if self.payments.iter_mut().any(|payment| payment.begin_refund(now)) {
            Decision::Happened(Vec::new())
        } else {
            Decision::AlreadyDone
        }
    }

    /// Takes the provider's answer to a refund.
    pub fn refund_answered(
        &mut self,
        refund_id: RefundId,
        answer: &RefundAnswer,
        now: Timestamp,
    ) -> Decision {
        for payment in &mut self.payments {
            let Some(refund) = payment.refunds.iter_mut().find(|refund| refund.id == refund_id)
            else {
                continue;
            };
            if !refund.answered(answer, now) {
                return Decision::AlreadyDone;
            }
            let refund = Box::new(refund.clone());
            payment.updated_at = now;
            let payment = Box::new(payment.clone());
            return Decision::Happened(self.refund_news(payment, refund).into_iter().collect());
        }
        Decision::AlreadyDone
    }

    /// Whether all money that goes back is back and nothing more can be taken. What goes back is asked for together with
    /// the void, or with the approval after it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.voided
            && self.payments.iter().all(|payment| match payment.state {
                PaymentState::Processing | PaymentState::Unknown => false,
                PaymentState::Declined { .. } => true,
                PaymentState::Approved { .. } => payment.refunds.iter().all(Refund::has_succeeded),
            })
    }

    /// What the provider is to be asked next; nothing when the settlement is at rest.
    #[must_use]
    pub fn next_ask(&self) -> Option<Ask> {
        if let Some(undecided) = self.payments.iter().find(|payment| payment.is_undecided()) {
            return Some(Ask::Outcome(undecided.charge_order()));
        }
        self.payments.iter().find_map(Payment::refund_order).map(Ask::Refund)
    }

    /// How long after the present commit the sweep is to look at it; never when at rest. While a
    /// call is under way this is its lease.
    #[must_use]
    pub fn due_in(&self) -> Option<Duration> {
        self.payments.iter().filter_map(Payment::due_in).min()
    }

    /// One attempt.
    #[must_use]
    pub fn attempt(&self, attempt: u32) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.attempt == attempt)
    }

    fn may_begin(&self, attempt: u32) -> Result<(), ChargeRefused> {
        if self.voided {
            return Err(ChargeRefused::Voided);
        }
        if let Some(last) = self.payments.last().filter(|last| !last.is_declined()) {
            return Err(ChargeRefused::AttemptLive { attempt: last.attempt });
        }
        let next = self.payments.last().map_or(1, |last| last.attempt + 1);
        if attempt == next { Ok(()) } else { Err(ChargeRefused::OutOfTurn { next }) }
    }

    /// Of a voided settlement: asks for what can be had back, or tells that there is nothing.
    fn give_back(
        &mut self,
        refund_id: RefundId,
        keep: Option<Money>,
        now: Timestamp,
    ) -> Option<PaymentEvent> {
        // All attempts but the last are declined, so one refund is enough.
        if let Some(last) = self.payments.last_mut()
            && let Some(left) = last.left_to_refund(keep)
        {
            last.refunds.push(Refund::request(refund_id, left, now));
            last.updated_at = now;
            return None;
        }
        self.nothing_left()
    }

    /// What is told of a void that has nothing to give back.
    fn nothing_left(&self) -> Option<PaymentEvent> {
        self.is_settled().then_some(PaymentEvent::Voided { booking_id: self.booking_id })
    }

    fn refund_news(&self, payment: Box<Payment>, refund: Box<Refund>) -> Option<PaymentEvent> {
        match refund.state {
            RefundState::Succeeded { .. } => {
                let settled = self.is_settled();
                Some(PaymentEvent::RefundSucceeded { payment, refund, settled })
            }
            RefundState::ManualReview { .. } => {
                Some(PaymentEvent::RefundFailed { payment, refund })
            }
            RefundState::Requested | RefundState::Pending | RefundState::Failed { .. } => None,
        }
    }
}
