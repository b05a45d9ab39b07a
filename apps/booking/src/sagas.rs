//! Bookings whose process is not at rest, for operators, beside the context's server or without one.

use std::sync::Arc;
use std::time::Duration;

use booking::SagaDesk;
use grpc_booking::{encode_reply, envelope};
use kernel::{BookingId, Instruction, StoreError};
use runtime::{SystemClock, UuidV7Ids};
use sea_orm_booking::{OpenBookings, SeaOrmBookingStore, migrations};
use sea_orm_database::{Batching, Database, DatabaseUrl, LoggedEntry, Schema};

pub use booking::{CompensateSagaError, Process, RetrySagaError};
pub use sea_orm_booking::{FoundBookings, OpenBooking};

/// The booking context's database, as its operators see it.
pub struct Sagas {
    database: Database,
    open: OpenBookings,
    desk: SagaDesk,
}

impl Sagas {
    /// Opens it as it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be used or its schema is older than this version's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let database = Database::open(url, Schema::Expect, migrations()).await?;
        database.check().await?;
        let desk = SagaDesk {
            store: Arc::new(SeaOrmBookingStore::new(database.clone(), envelope, Batching::Off)),
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidV7Ids::default()),
            encode_reply,
        };
        Ok(Self { open: OpenBookings::new(database.clone()), database, desk })
    }

    /// The bookings that something is still to be done about and that have not moved for so long.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(
        &self,
        unmoved_for: Duration,
        rows_max: u32,
    ) -> Result<FoundBookings, StoreError> {
        self.open.list(unmoved_for, rows_max).await
    }

    /// The ids of all of them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn ids(&self, unmoved_for: Duration) -> Result<Vec<BookingId>, StoreError> {
        self.open.ids(unmoved_for).await
    }

    /// Has the servers go on with a booking at once.
    ///
    /// # Errors
    /// [`RetrySagaError`], and nothing has changed.
    pub async fn retry(
        &self,
        booking_id: BookingId,
        instruction: &Instruction,
    ) -> Result<(), RetrySagaError> {
        self.desk.retry_saga(booking_id, instruction).await
    }

    /// Has a booking cancelled.
    ///
    /// # Errors
    /// [`CompensateSagaError`], and nothing has changed.
    pub async fn compensate(
        &self,
        booking_id: BookingId,
        instruction: &Instruction,
    ) -> Result<(), CompensateSagaError> {
        self.desk.compensate_saga(booking_id, instruction).await
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
