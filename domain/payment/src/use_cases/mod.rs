//! The inbound ports of the payment context.

mod charge_payment;
mod get_payment;
mod hear_of;
mod list_payments;
mod reduce_payment;
mod refund_cancelled;
mod refund_payment;
mod retry_refund;
mod settle_refund;
mod sweep;

use std::sync::Arc;

use kernel::{
    BookingId, Cause, Clock, Committed, EventId, Fault, FaultClass, IdSource, OperatorEntry,
    Recorded, RefundId, StoreError, Timestamp,
};

pub use charge_payment::{ChargePayment, ChargePaymentError};
pub use get_payment::GetPaymentError;
pub use list_payments::{ListPayments, ListPaymentsError, PaymentPage};
pub use refund_payment::RefundPaymentError;

use crate::{
    Change, Decision, Guard, NotInReview, PaymentEvent, PaymentProvider, Settlement,
    SettlementStore,
};

/// How often a decision is made anew because somebody else was first.
const COMMIT_TRIES_MAX: u32 = 5;

/// Takes money and gives it back.
pub struct Paying {
    /// The settlements.
    pub settlements: Arc<dyn SettlementStore>,
    /// Moves the money.
    pub provider: Arc<dyn PaymentProvider>,
    /// Keeps charges from it while it does not answer.
    pub guard: Guard,
    /// Dates what happens.
    pub clock: Arc<dyn Clock>,
    /// Names payments, refunds and events.
    pub ids: Arc<dyn IdSource>,
}

/// What operators do about refunds that wait for them. It asks no provider: the servers do, as soon as they see what
/// was decided here.
pub struct RefundDesk {
    /// The settlements.
    pub settlements: Arc<dyn SettlementStore>,
    /// Dates what happens.
    pub clock: Arc<dyn Clock>,
    /// Names events.
    pub ids: Arc<dyn IdSource>,
}

/// Why an operator's wish about a refund was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundReviewError {
    /// There is nothing to do about it.
    #[error(transparent)]
    NotInReview(#[from] NotInReview),
    /// It could not be stored.
    #[error(transparent)]
    Commit(#[from] CommitFailed),
}

/// Decides on settlements and commits what was decided.
struct Decider<'a> {
    settlements: &'a dyn SettlementStore,
    clock: &'a dyn Clock,
    ids: &'a dyn IdSource,
}

/// What a decision is made for, if not for a call.
#[derive(Debug, Clone)]
struct Occasion {
    caused_by: Option<Cause>,
    by_operator: Option<OperatorEntry>,
}

/// How a decision ended.
enum Ending {
    /// The settlement is now so.
    Committed(Settlement),
    /// Nothing had to be written: it is so, or the message was handled before.
    Unchanged(Settlement),
}

/// Why a decision could not be committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitFailed {
    /// Somebody else was first, again and again.
    #[error("the booking's payments are being changed by others; try again")]
    Contended,
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Paying {
    /// The settlement of a booking, a blank one where there is none yet.
    async fn settlement_of(&self, booking_id: BookingId) -> Result<Settlement, StoreError> {
        self.decider().settlement_of(booking_id).await
    }

    async fn decide<E: From<CommitFailed>>(
        &self,
        settlement: Settlement,
        caused_by: Option<Cause>,
        decision: impl Fn(&mut Settlement, Timestamp) -> Result<Decision, E>,
    ) -> Result<Ending, E> {
        let occasion = Occasion { caused_by, by_operator: None };
        self.decider().decide(settlement, occasion, decision).await
    }

    fn decider(&self) -> Decider<'_> {
        let Self { settlements, clock, ids, .. } = self;
        Decider { settlements: &**settlements, clock: &**clock, ids: &**ids }
    }

    fn refund_id(&self) -> RefundId {
        RefundId::new(self.ids.next())
    }
}

impl RefundDesk {
    /// Decides about a refund on an operator's word; without the word's entry nothing changes.
    async fn decide(
        &self,
        booking_id: BookingId,
        entry: OperatorEntry,
        decision: impl Fn(&mut Settlement, Timestamp) -> Result<Decision, NotInReview>,
    ) -> Result<(), RefundReviewError> {
        let Self { settlements, clock, ids } = self;
        let decider = Decider { settlements: &**settlements, clock: &**clock, ids: &**ids };
        let settlement = decider.settlement_of(booking_id).await.map_err(CommitFailed::from)?;
        let occasion = Occasion { caused_by: None, by_operator: Some(entry) };
        let decision = |settlement: &mut Settlement, now| {
            decision(settlement, now).map_err(RefundReviewError::from)
        };
        decider.decide(settlement, occasion, decision).await.map(|_ending| ())
    }
}

impl Decider<'_> {
    async fn settlement_of(&self, booking_id: BookingId) -> Result<Settlement, StoreError> {
        let found = self.settlements.find(booking_id).await?;
        Ok(found.unwrap_or_else(|| Settlement::new(booking_id)))
    }

    /// Decides on a settlement and commits. When somebody else was first, reads it again and decides
    /// again. A cause is marked as handled also when there was nothing left to do.
    async fn decide<E: From<CommitFailed>>(
        &self,
        mut settlement: Settlement,
        occasion: Occasion,
        decision: impl Fn(&mut Settlement, Timestamp) -> Result<Decision, E>,
    ) -> Result<Ending, E> {
        let booking_id = settlement.booking_id;
        for _ in 0..COMMIT_TRIES_MAX {
            let events = match decision(&mut settlement, self.clock.now())? {
                Decision::Happened(events) => events,
                Decision::AlreadyDone if occasion.caused_by.is_none() => {
                    return Ok(Ending::Unchanged(settlement));
                }
                Decision::AlreadyDone => Vec::new(),
            };
            let committed = self.commit(&mut settlement, events, occasion.clone()).await;
            match committed.map_err(CommitFailed::from)? {
                Committed::Done => return Ok(Ending::Committed(settlement)),
                Committed::AlreadyHandled => return Ok(Ending::Unchanged(settlement)),
                Committed::Stale | Committed::KeyTaken => {
                    settlement =
                        self.settlement_of(booking_id).await.map_err(CommitFailed::from)?;
                }
            }
        }
        Err(CommitFailed::Contended.into())
    }

    async fn commit(
        &self,
        settlement: &mut Settlement,
        events: Vec<PaymentEvent>,
        Occasion { caused_by, by_operator }: Occasion,
    ) -> Result<Committed, StoreError> {
        let expected_revision = settlement.revision;
        settlement.revision += 1;
        let causation_id = caused_by.as_ref().map(|cause| cause.event_id.to_string());
        let mut recorded = Vec::with_capacity(events.len());
        for event in events {
            settlement.event_version += 1;
            recorded.push(Recorded {
                id: EventId::new(self.ids.next()),
                at: self.clock.now(),
                version: settlement.event_version,
                correlation_id: settlement.booking_id.to_string(),
                causation_id: causation_id.clone(),
                event,
            });
        }
        let settlement = settlement.clone();
        let events = recorded;
        let change = Change { settlement, expected_revision, events, caused_by, by_operator };
        self.settlements.commit(change).await
    }
}

impl Ending {
    fn into_settlement(self) -> Settlement {
        match self {
            Self::Committed(settlement) | Self::Unchanged(settlement) => settlement,
        }
    }
}

impl Fault for CommitFailed {
    fn class(&self) -> FaultClass {
        match self {
            Self::Contended => FaultClass::Contended,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Contended => "CONTENDED",
            Self::Store(error) => error.reason(),
        }
    }
}
