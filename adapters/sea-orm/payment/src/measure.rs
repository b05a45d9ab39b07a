//! The payments and refunds that are not at rest, told as numbers.

use kernel::StoreError;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sea_orm_database::{Database, Standings};
use telemetry_metrics::names::{
    NONE, PAYMENTS_OLDEST_AGE, PAYMENTS_OPEN, REFUNDS_IN_MANUAL_REVIEW,
};

use crate::rows::{payment, refund};

const OPEN_PAYMENTS: [(&str, &str); 2] =
    [(payment::PROCESSING, "processing"), (payment::UNKNOWN, "unknown")];
const OPEN_REFUNDS: [(&str, &str); 4] = [
    ("REQUESTED", "refund_requested"),
    ("PENDING", "refund_pending"),
    ("FAILED", "refund_failed"),
    (refund::MANUAL_REVIEW, MANUAL_REVIEW),
];
const MANUAL_REVIEW: &str = "manual_review";

/// Tells how many charges and refunds of each open status there are, and how long ago the oldest was begun: one that is
/// tried in vain changes with each try, so when it changed last says nothing. Of none while the database is away. To be
/// called every few seconds; reads no more than those, by their status.
///
/// # Errors
/// [`StoreError`] when the database failed.
pub async fn measure(db: &Database) -> Result<(), StoreError> {
    let payments = Standings {
        rows: payment::Entity::find()
            .filter(payment::Column::Status.is_in(OPEN_PAYMENTS.map(|(status, _)| status))),
        id: payment::Column::Id,
        status: payment::Column::Status,
        since_us: payment::Column::CreatedAtUs,
        statuses: &OPEN_PAYMENTS,
        count: &PAYMENTS_OPEN,
        oldest_age: &PAYMENTS_OLDEST_AGE,
    };
    let refunds = Standings {
        rows: refund::Entity::find()
            .filter(refund::Column::Status.is_in(OPEN_REFUNDS.map(|(status, _)| status))),
        id: refund::Column::Id,
        status: refund::Column::Status,
        since_us: refund::Column::CreatedAtUs,
        statuses: &OPEN_REFUNDS,
        count: &PAYMENTS_OPEN,
        oldest_age: &PAYMENTS_OLDEST_AGE,
    };
    let payments = db.tell_standings("counting open payments", payments).await;
    let refunds = db.tell_standings("counting open refunds", refunds).await;
    let told = refunds.as_deref().unwrap_or_default();
    let reviewed = told.iter().find(|(label, _)| *label == MANUAL_REVIEW);
    REFUNDS_IN_MANUAL_REVIEW.tell(NONE, reviewed.map(|(_, rows)| *rows));
    payments.and(refunds).map(drop)
}
