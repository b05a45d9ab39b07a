//! The bookings that are not at rest, told as numbers.

use booking::BookingStatus;
use kernel::StoreError;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sea_orm_database::{Database, Standings};
use telemetry_metrics::names::{BOOKING_PROCESS_OLDEST_AGE, BOOKING_PROCESSES};

use crate::row::{Column, Entity};
use crate::state_row::status_name;

const OPEN: [(&str, &str); 6] = [
    (status_name(BookingStatus::Pending), "pending"),
    (status_name(BookingStatus::AwaitingPayment), "awaiting_payment"),
    (status_name(BookingStatus::Cancelling), "cancelling"),
    // Its hold is yet to be sold, or a part of it is on its way back; of the next two the hold is yet to be given up.
    (status_name(BookingStatus::Confirmed), "confirmed"),
    (status_name(BookingStatus::Rejected), "rejected"),
    (status_name(BookingStatus::Expired), "expired"),
];

/// Tells how many bookings of each status are not at rest, and how long the oldest has not moved; of none
/// while the database is away. To be called every few seconds; reads those that have a timer, which an
/// index knows.
///
/// # Errors
/// [`StoreError`] when the database failed.
pub async fn measure(db: &Database) -> Result<(), StoreError> {
    let open = Standings {
        rows: Entity::find().filter(Column::NextActionAtUs.is_not_null()),
        id: Column::Id,
        status: Column::Status,
        since_us: Column::UpdatedAtUs,
        statuses: &OPEN,
        count: &BOOKING_PROCESSES,
        oldest_age: &BOOKING_PROCESS_OLDEST_AGE,
    };
    db.tell_standings("counting open bookings", open).await.map(drop)
}
