//! The money of bookings as its newest event tells it, for a rebuild of what others make of these events. Reads only.

use grpc_payment::newest;
use kernel::{BookingId, Envelope, StoreError};
use sea_orm_database::{Database, DatabaseUrl, Schema};
use sea_orm_payment::{AllSettlements, migrations};

/// The settlements of a database, told anew.
pub struct Snapshots {
    database: Database,
    settlements: AllSettlements,
}

impl Snapshots {
    /// Opens the payment context's database beside its server.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be read or its schema is older than this version's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let database = Database::open(url, Schema::Expect, migrations()).await?;
        database.check().await?;
        Ok(Self { settlements: AllSettlements::new(database.clone()), database })
    }

    /// Those of these bookings of whose money something was told, each with the newest event.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn told(&self, ids: &[BookingId]) -> Result<Vec<(BookingId, Envelope)>, StoreError> {
        let settlements = self.settlements.of(ids).await?;
        let told = settlements.iter().filter_map(|of| Some((of.booking_id, newest(of)?)));
        Ok(told.collect())
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
