//! Voids or refunds the money of a booking (row T10, reliability.md 7.5, R4 and R5).

use kernel::{AccessDenied, BookingId, Caller, Cause, Fault, FaultClass, Money, RefundId};

use super::{CommitFailed, Ending, Paying};
use crate::{Ask, Decision, RefundAnswer, RefundOrder, Settlement};

/// Why nothing was voided or refunded. The same call may be made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundPaymentError {
    /// The caller is not one of our servers.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The wish could not be stored; the provider was not called.
    #[error(transparent)]
    Commit(#[from] CommitFailed),
}

impl Paying {
    /// Gives back what was taken for a booking, but for what is kept, and sees to it that nothing more is taken, also
    /// when nothing is known of the booking. Repeats change nothing and answer how far it has come.
    ///
    /// # Errors
    /// [`RefundPaymentError`]. Once the wish is stored there is none: the sweep carries it out.
    pub async fn refund_payment(
        &self,
        caller: &Caller,
        booking_id: BookingId,
        keep: Option<Money>,
    ) -> Result<Settlement, RefundPaymentError> {
        caller.service()?;
        let settlement = self.settlement_of(booking_id).await.map_err(CommitFailed::from)?;
        let refund_id = self.refund_id();
        let ending = self.decide(settlement, None, |settlement, now| {
            let voided = settlement.void(refund_id, keep, now);
            Ok::<_, CommitFailed>(voided.and(settlement.begin_refund(now)))
        });
        Ok(self.carry_out(ending.await?).await)
    }

    /// Asks the provider for a refund that this call has begun.
    pub(super) async fn carry_out(&self, ending: Ending) -> Settlement {
        match ending {
            Ending::Unchanged(settlement) => settlement,
            Ending::Committed(settlement) => match settlement.next_ask() {
                Some(Ask::Refund(order)) => {
                    self.give_back(settlement.clone(), &order).await.unwrap_or(settlement)
                }
                Some(Ask::Outcome(_)) | None => settlement,
            },
        }
    }

    /// Calls the provider for a refund that is stored. No transaction is open meanwhile.
    pub(super) async fn give_back(
        &self,
        settlement: Settlement,
        order: &RefundOrder,
    ) -> Result<Settlement, CommitFailed> {
        let answer = self.provider.refund(order).await;
        self.record_refund(settlement, order.refund_id, &answer, None).await
    }

    pub(super) async fn record_refund(
        &self,
        settlement: Settlement,
        refund_id: RefundId,
        answer: &RefundAnswer,
        caused_by: Option<Cause>,
    ) -> Result<Settlement, CommitFailed> {
        let ending = self.decide(settlement, caused_by, |settlement, now| {
            Ok::<_, CommitFailed>(settlement.refund_answered(refund_id, answer, now))
        });
        Ok(ending.await?.into_settlement())
    }
}

impl Decision {
    /// Both decisions as one.
    pub(super) fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::AlreadyDone, other) | (other, Self::AlreadyDone) => other,
            (Self::Happened(mut events), Self::Happened(more)) => {
                events.extend(more);
                Self::Happened(events)
            }
        }
    }
}

impl Fault for RefundPaymentError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(error) => error.class(),
            Self::Commit(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(error) => error.reason(),
            Self::Commit(error) => error.reason(),
        }
    }
}
