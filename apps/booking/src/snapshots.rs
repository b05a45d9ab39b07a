//! Every booking as its newest event tells it, for a rebuild of what others make of these events. Reads only.

use grpc_booking::newest;
use kernel::{BookingId, Envelope, StoreError};
use sea_orm_booking::{AllBookings, migrations};
use sea_orm_database::{Database, DatabaseUrl, Schema};

/// The bookings of a database, told anew.
pub struct Snapshots {
    database: Database,
    bookings: AllBookings,
}

impl Snapshots {
    /// Opens the booking context's database beside its server.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be read or its schema is older than this version's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let database = Database::open(url, Schema::Expect, migrations()).await?;
        database.check().await?;
        Ok(Self { bookings: AllBookings::new(database.clone()), database })
    }

    /// Bookings above `after`, at most `rows_max`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn ids(
        &self,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        self.bookings.ids(after, rows_max).await
    }

    /// Those of these bookings that there are, each with its newest event.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn told(
        &self,
        ids: &[BookingId],
    ) -> Result<Vec<(BookingId, Option<Envelope>)>, StoreError> {
        let bookings = self.bookings.of(ids).await?;
        Ok(bookings.iter().map(|booking| (booking.id, newest(booking))).collect())
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
