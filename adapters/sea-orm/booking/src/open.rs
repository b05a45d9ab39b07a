//! Bookings whose process is not at rest: for operators.

use std::time::Duration;

use booking::{BookingStatus, Stored};
use kernel::{BookingId, StoreError, Timestamp};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sea_orm_database::{Database, unavailable};

use crate::row::{Column, Entity, Model};
use crate::state_row::{UNPINNED, status_name};

/// Reads bookings that are not at rest of a database.
pub struct OpenBookings {
    db: Database,
}

/// A booking that is not at rest, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBooking {
    /// The name of its status.
    pub status: String,
    /// What is being done and what is still to do, in the words of its row: `CHARGING`, `STUCK RETURNED`.
    pub stage: String,
    /// The booking with its process.
    pub stored: Stored,
}

/// Bookings as they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBookings {
    /// Those that can be read, the ones that have stood the longest first.
    pub bookings: Vec<OpenBooking>,
    /// What is wrong with each of the others.
    pub unreadable: Vec<StoreError>,
    /// When that was, by the database's own time.
    pub at: Timestamp,
}

const DOING: &str = "listing open bookings";

impl OpenBookings {
    /// Over a database that [`crate::migrations`] have run on.
    #[must_use]
    pub const fn new(db: Database) -> Self {
        Self { db }
    }

    /// The bookings that something is still to be done about and that have not moved for so long, at most `rows_max`.
    /// One that only waits for its buyer to pay is none of them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(
        &self,
        unmoved_for: Duration,
        rows_max: u32,
    ) -> Result<FoundBookings, StoreError> {
        let at = self.now().await.map_err(unavailable(DOING))?;
        let rows = Entity::find()
            .filter(is_open(at, unmoved_for))
            .order_by_asc(Column::UpdatedAtUs)
            .order_by_asc(Column::Id)
            .limit(u64::from(rows_max))
            .all(self.db.reader())
            .await
            .map_err(unavailable(DOING))?;
        let mut found = FoundBookings { bookings: Vec::new(), unreadable: Vec::new(), at };
        for row in rows {
            let (status, stage) = (row.status.clone(), stage(&row));
            match Stored::try_from(row) {
                Ok(stored) => found.bookings.push(OpenBooking { status, stage, stored }),
                Err(error) => found.unreadable.push(error),
            }
        }
        Ok(found)
    }

    /// The ids of all of them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn ids(&self, unmoved_for: Duration) -> Result<Vec<BookingId>, StoreError> {
        let at = self.now().await.map_err(unavailable(DOING))?;
        let ids: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(is_open(at, unmoved_for))
            .order_by_asc(Column::UpdatedAtUs)
            .order_by_asc(Column::Id)
            .into_tuple()
            .all(self.db.reader())
            .await
            .map_err(unavailable(DOING))?;
        let read = |id: String| {
            id.parse().map_err(|_| StoreError::CorruptRow { table: "booking", id, column: "id" })
        };
        ids.into_iter().map(read).collect()
    }

    async fn now(&self) -> Result<Timestamp, DbErr> {
        self.db.now(self.db.reader()).await
    }
}

/// By the timer, which an index knows: the audit finds what has lost its own.
fn is_open(now: Timestamp, unmoved_for: Duration) -> Condition {
    let unmoved_us = i64::try_from(unmoved_for.as_micros()).unwrap_or(i64::MAX);
    let waits_for_its_buyer = Condition::all()
        .add(Column::Status.eq(status_name(BookingStatus::AwaitingPayment)))
        .add(Column::Stock.eq(UNPINNED))
        .add(Column::PayByUs.gt(now.as_micros()));
    Condition::all()
        .add(Column::NextActionAtUs.is_not_null())
        .add(Column::UpdatedAtUs.lte(now.as_micros().saturating_sub(unmoved_us)))
        // Each of its columns has a value wherever the first of them fits.
        .add(waits_for_its_buyer.not())
}

fn stage(row: &Model) -> String {
    let of_part = [&row.reduction_money, &row.reduction_stock];
    let parts = [&row.stage, &row.money, &row.stock].into_iter().chain(of_part);
    parts.flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}
