//! The bookings that are not at rest, told as numbers.

use booking::BookingStatus;
use kernel::{StoreError, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use sea_orm_database::{Database, database_now, unavailable};
use telemetry_metrics::names::{BOOKING_PROCESS_OLDEST_AGE, BOOKING_PROCESSES};

use crate::row::{Column, Entity};
use crate::state_row::status_name;

const OPEN: [BookingStatus; 3] =
    [BookingStatus::Pending, BookingStatus::AwaitingPayment, BookingStatus::Cancelling];

/// Tells how many bookings of each open status there are, and how long the oldest has not moved. To be
/// called every few seconds; reads those that have a timer, which an index knows.
///
/// # Errors
/// [`StoreError`] when the database failed.
#[expect(clippy::cast_precision_loss, reason = "counts for a dashboard")]
pub async fn measure(db: &Database) -> Result<(), StoreError> {
    let failed = unavailable("counting open bookings");
    let rows: Vec<(String, i64, Option<i64>)> = Entity::find()
        .select_only()
        .column(Column::Status)
        .column_as(Column::Id.count(), "bookings")
        .column_as(Column::UpdatedAtUs.min(), "oldest_us")
        .filter(Column::NextActionAtUs.is_not_null())
        .group_by(Column::Status)
        .into_tuple()
        .all(db.reader())
        .await
        .map_err(&failed)?;
    let now = database_now(db.reader()).await.map_err(failed)?;
    for status in OPEN.map(status_name) {
        let found = rows.iter().find(|(of, ..)| of == status);
        let count = found.map_or(0, |(_, count, _)| *count);
        let oldest = found.and_then(|(.., oldest)| *oldest).map(Timestamp::from_micros);
        let age = oldest.map(|oldest| now.since(oldest)).unwrap_or_default();
        let label = status.to_lowercase();
        BOOKING_PROCESSES.set([label.clone()], count as f64);
        BOOKING_PROCESS_OLDEST_AGE.set([label], age.as_secs_f64());
    }
    Ok(())
}
