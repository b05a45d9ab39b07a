//! An envelope as columns: the same in the outbox and among the dead letters.

use kernel::{Envelope, EventId, Timestamp};
use sea_orm::sea_query::Alias;
use sea_orm::{DbErr, QueryResult};

/// All of them but the id, which has a name of its own in each table.
pub(crate) fn envelope_columns() -> [Alias; 10] {
    [
        "event_type",
        "source",
        "aggregate_type",
        "aggregate_id",
        "version",
        "correlation_id",
        "causation_id",
        "traceparent",
        "occurred_at_us",
        "payload",
    ]
    .map(Alias::new)
}

/// The envelope of a row that was read with [`envelope_columns`].
pub(crate) fn envelope(row: &QueryResult, id: EventId) -> Result<Envelope, DbErr> {
    Ok(Envelope {
        id,
        event_type: row.try_get("", "event_type")?,
        source: row.try_get("", "source")?,
        occurred_at: Timestamp::from_micros(row.try_get("", "occurred_at_us")?),
        aggregate_type: row.try_get("", "aggregate_type")?,
        aggregate_id: row.try_get("", "aggregate_id")?,
        aggregate_version: row.try_get("", "version")?,
        correlation_id: row.try_get("", "correlation_id")?,
        causation_id: row.try_get("", "causation_id")?,
        traceparent: row.try_get("", "traceparent")?,
        payload: row.try_get("", "payload")?,
    })
}
