//! What this context needs from outside: the settlements, and a provider that moves the money.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Cursor, Envelope, OperatorEntry, PaymentId, Recorded,
    StoreError,
};

use crate::{
    ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, Payment, PaymentEvent, RefundAnswer,
    RefundOrder, Settlement,
};

/// All that one decision leads to, durable together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The settlement after it, at its new revision.
    pub settlement: Settlement,
    /// The revision it was decided on; 0 for a new one.
    pub expected_revision: i64,
    /// What happened.
    pub events: Vec<Recorded<PaymentEvent>>,
    /// The message that led to it.
    pub caused_by: Option<Cause>,
    /// Who has it done by hand, if somebody has.
    pub by_operator: Option<OperatorEntry>,
}

/// Whose payments to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Payments of this buyer and of nobody else.
    pub buyer_id: BuyerId,
    /// Only those of this booking.
    pub booking_id: Option<BookingId>,
}

/// The settlements.
#[async_trait]
pub trait SettlementStore: Send + Sync {
    /// Reads the settlement of a booking.
    async fn find(&self, booking_id: BookingId) -> Result<Option<Settlement>, StoreError>;

    /// Reads one attempt, with its refunds.
    async fn find_payment(&self, payment_id: PaymentId) -> Result<Option<Payment>, StoreError>;

    /// Payments by `(created_at, id)`, the newest first, from after the cursor, at most `rows_max`.
    async fn list(
        &self,
        filter: &PaymentFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Payment>, StoreError>;

    /// Stores a change with its events, the mark of its cause and the operator's entry. MUST be all or nothing, MUST answer
    /// `Stale` unless the stored revision is the expected one, and `AlreadyHandled` when the cause
    /// was handled before. MUST make the settlement due at the store's own time plus
    /// `settlement.due_in()`, or not at all.
    async fn commit(&self, change: Change) -> Result<Committed, StoreError>;

    /// Takes settlements that are due by the store's own time, at most `rows_max`, and puts each off
    /// by `lease`. MUST give one settlement to one claimer until it is due again, and raise its revision by one, so that
    /// whoever was at it before finds that somebody else is.
    async fn claim_due(&self, lease: Duration, rows_max: u32)
    -> Result<Vec<BookingId>, StoreError>;

    /// Sets a message aside that cannot be handled, with the mark that it was, for an operator.
    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError>;
}

/// Moves money. Every call MUST end within [`crate::PROVIDER_TIMEOUT`]; one that ends without a
/// definite answer is `Unknown`, whatever went wrong.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Takes money. The same key again MUST have the same outcome and MUST NOT take money twice.
    async fn charge(&self, order: &ChargeOrder) -> ChargeAnswer;

    /// Tells what became of a charge, without taking money.
    async fn query(&self, key: ChargeKey) -> ChargeFinding;

    /// Gives money back. The same refund id again MUST NOT give back twice.
    async fn refund(&self, order: &RefundOrder) -> RefundAnswer;
}
