//! What operators changed by hand, kept beside what they changed.

use kernel::{OperatorEntry, StoreError, Timestamp};
use sea_orm::sea_query::{InsertStatement, Order, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};

use crate::Database;
use crate::engine::now_expr;
use crate::marks::malformed;
use crate::tables::OperatorLog;
use crate::unit_of_work::unavailable;

/// A change by hand as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEntry {
    /// When, by the database's own time.
    pub at: Timestamp,
    /// Who.
    pub operator: String,
    /// The command: `refunds settle`.
    pub command: String,
    /// The id of what it was given for.
    pub subject_id: String,
    /// Why.
    pub reason: String,
    /// What that became.
    pub outcome: String,
}

impl Database {
    /// The operators' log of this database, the newest entries first, at most `rows_max`.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn operator_log(&self, rows_max: u32) -> Result<Vec<LoggedEntry>, StoreError> {
        let failed = unavailable("reading the operators' log");
        let query = Query::select()
            .columns([
                OperatorLog::AtUs,
                OperatorLog::Operator,
                OperatorLog::Command,
                OperatorLog::SubjectId,
                OperatorLog::Reason,
                OperatorLog::Outcome,
            ])
            .from(OperatorLog::Table)
            .order_by(OperatorLog::Seq, Order::Desc)
            .limit(u64::from(rows_max))
            .to_owned();
        let rows = self.reader().query_all(&query).await.map_err(&failed)?;
        rows.iter().map(logged).collect::<Result<_, _>>().map_err(failed)
    }
}

fn logged(row: &QueryResult) -> Result<LoggedEntry, DbErr> {
    Ok(LoggedEntry {
        at: Timestamp::from_micros(row.try_get("", "at_us")?),
        operator: row.try_get("", "operator")?,
        command: row.try_get("", "command")?,
        subject_id: row.try_get("", "subject_id")?,
        reason: row.try_get("", "reason")?,
        outcome: row.try_get("", "outcome")?,
    })
}

/// The entries as rows.
pub(crate) fn operator_rows(
    tx: &DatabaseTransaction,
    entries: &[&OperatorEntry],
) -> Result<InsertStatement, DbErr> {
    let mut insert = Query::insert();
    insert.into_table(OperatorLog::Table).columns([
        OperatorLog::AtUs,
        OperatorLog::Operator,
        OperatorLog::Command,
        OperatorLog::SubjectId,
        OperatorLog::Reason,
        OperatorLog::Outcome,
    ]);
    for OperatorEntry { instruction, command, subject_id, outcome } in entries {
        let row = [
            now_expr(tx.get_database_backend()),
            instruction.operator().into(),
            (*command).into(),
            subject_id.as_str().into(),
            instruction.reason().into(),
            (*outcome).into(),
        ];
        insert.values(row).map_err(malformed)?;
    }
    Ok(insert)
}
