//! Refunds that are not back yet, for operators, beside the context's server or without one.

use std::sync::Arc;

use grpc_payment::envelope;
use kernel::{BookingId, Instruction, RefundId, StoreError};
use payment::RefundDesk;
use runtime::{SystemClock, UuidV7Ids};
use sea_orm_database::{Batching, Database, DatabaseUrl, LoggedEntry, Schema};
use sea_orm_payment::{OpenRefunds, SeaOrmSettlementStore, migrations};

pub use payment::{NotInReview, OUTSIDE, PROVIDER_REF_CHARS_MAX, RefundReviewError};
pub use sea_orm_payment::{FoundRefunds, OpenRefund};

/// The payment context's database, as its operators see it.
pub struct Refunds {
    database: Database,
    open: OpenRefunds,
    desk: RefundDesk,
}

impl Refunds {
    /// Opens it as it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be used or its schema is older than this version's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let database = Database::open(url, Schema::Expect, migrations()).await?;
        database.check().await?;
        let store = SeaOrmSettlementStore::new(database.clone(), envelope, Batching::Off);
        let desk = RefundDesk {
            settlements: Arc::new(store),
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidV7Ids::default()),
        };
        Ok(Self { open: OpenRefunds::new(database.clone()), database, desk })
    }

    /// The refunds whose money is not back, those that wait for an operator first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(&self, rows_max: u32) -> Result<FoundRefunds, StoreError> {
        self.open.list(rows_max).await
    }

    /// All that wait for an operator, each with its booking.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn in_review(&self) -> Result<Vec<(RefundId, BookingId)>, StoreError> {
        self.open.in_review().await
    }

    /// The booking of a refund in whatever state; `None` for an unknown one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn booking_of(&self, refund_id: RefundId) -> Result<Option<BookingId>, StoreError> {
        self.open.booking_of(refund_id).await
    }

    /// Has the servers ask the provider again.
    ///
    /// # Errors
    /// [`RefundReviewError`], and nothing has changed.
    pub async fn retry(
        &self,
        booking_id: BookingId,
        refund_id: RefundId,
        instruction: &Instruction,
    ) -> Result<(), RefundReviewError> {
        self.desk.retry_refund(booking_id, refund_id, instruction).await
    }

    /// Takes the operator's word that the money is back, by `provider_ref` or by [`OUTSIDE`].
    ///
    /// # Errors
    /// [`RefundReviewError`], and nothing has changed.
    pub async fn settle(
        &self,
        booking_id: BookingId,
        refund_id: RefundId,
        provider_ref: &str,
        instruction: &Instruction,
    ) -> Result<(), RefundReviewError> {
        self.desk.settle_refund(booking_id, refund_id, provider_ref, instruction).await
    }

    /// What operators have changed by hand in this database, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn log(&self, rows_max: u32) -> Result<Vec<LoggedEntry>, StoreError> {
        self.database.operator_log(rows_max).await
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
