//! The payments and refunds that are not at rest, told as numbers.

use kernel::{StoreError, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use sea_orm_database::{Database, database_now, unavailable};
use telemetry_metrics::names::{
    NONE, PAYMENTS_OLDEST_AGE, PAYMENTS_OPEN, REFUNDS_IN_MANUAL_REVIEW,
};

use crate::rows::{payment, refund};

const OPEN_PAYMENTS: [&str; 2] = ["PROCESSING", "UNKNOWN"];
const OPEN_REFUNDS: [&str; 4] = ["REQUESTED", "PENDING", "FAILED", MANUAL_REVIEW];
const MANUAL_REVIEW: &str = "MANUAL_REVIEW";

/// A status, how many have it, and when the oldest of them moved last.
type Row = (String, i64, Option<i64>);

/// Tells how many charges and refunds of each open status there are, and how long the oldest has not
/// moved. To be called every few seconds; reads no more than those, by their status.
///
/// # Errors
/// [`StoreError`] when the database failed.
pub async fn measure(db: &Database) -> Result<(), StoreError> {
    let failed = unavailable("counting open payments");
    let payments: Vec<Row> = payment::Entity::find()
        .select_only()
        .column(payment::Column::Status)
        .column_as(payment::Column::Id.count(), "rows")
        .column_as(payment::Column::UpdatedAtUs.min(), "oldest_us")
        .filter(payment::Column::Status.is_in(OPEN_PAYMENTS))
        .group_by(payment::Column::Status)
        .into_tuple()
        .all(db.reader())
        .await
        .map_err(&failed)?;
    let refunds: Vec<Row> = refund::Entity::find()
        .select_only()
        .column(refund::Column::Status)
        .column_as(refund::Column::Id.count(), "rows")
        .column_as(refund::Column::UpdatedAtUs.min(), "oldest_us")
        .filter(refund::Column::Status.is_in(OPEN_REFUNDS))
        .group_by(refund::Column::Status)
        .into_tuple()
        .all(db.reader())
        .await
        .map_err(&failed)?;
    let now = database_now(db.reader()).await.map_err(failed)?;
    OPEN_PAYMENTS.iter().for_each(|status| tell("charge", status, &payments, now));
    OPEN_REFUNDS.iter().for_each(|status| tell("refund", status, &refunds, now));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts for a dashboard")]
fn tell(what: &str, status: &str, rows: &[Row], now: Timestamp) {
    let found = rows.iter().find(|(of, ..)| of == status);
    let count = found.map_or(0, |(_, count, _)| *count) as f64;
    let oldest = found.and_then(|(.., oldest)| *oldest).map(Timestamp::from_micros);
    let age = oldest.map(|oldest| now.since(oldest)).unwrap_or_default();
    if status == MANUAL_REVIEW {
        REFUNDS_IN_MANUAL_REVIEW.set(NONE, count);
    }
    let label = match (what, status) {
        (_, MANUAL_REVIEW) => "manual_review".to_owned(),
        ("charge", status) => status.to_lowercase(),
        (_, status) => format!("refund_{}", status.to_lowercase()),
    };
    PAYMENTS_OPEN.set([label.clone()], count);
    PAYMENTS_OLDEST_AGE.set([label], age.as_secs_f64());
}
