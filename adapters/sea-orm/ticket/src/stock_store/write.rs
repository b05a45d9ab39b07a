//! Writes what the book changed. Counters move by differences, under the CHECK of their table.

use kernel::StoreError;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
};
use sea_orm_database::{TxError, insert_all, overwrite_all, parts};
use ticket::{HoldChange, HoldRecord, SlotCounts, SlotKey, StockChanges};

use crate::rows::{entry, hold, line, stock};

/// Each row compares itself with all that move: more of them than these cost more than another statement.
const COUNTERS_AT_ONCE: usize = 32;

/// Writes all of it, or the transaction fails.
pub(super) async fn changes(
    tx: &DatabaseTransaction,
    changes: &StockChanges,
) -> Result<(), TxError> {
    let (begun, changed): (Vec<_>, Vec<_>) =
        changes.holds.iter().partition(|change| change.expected_revision == 0);
    insert_holds(tx, &begun).await?;
    // They were read and locked in this transaction, so they stand at the revisions that were read.
    let row = |change: &HoldChange| hold::Model::from(&change.record).into_active_model();
    let reduced: Vec<_> = changed.iter().copied().filter(|change| change.reduced).collect();
    overwrite_all(tx, changed.into_iter().map(row).collect()).await?;
    overwrite_all(tx, lines(&reduced)).await?;
    insert_all(tx, changes.entries.iter().map(entry::new).collect()).await?;
    // The hottest rows last, so that engines with row locks hold them for the shortest time.
    let moved = changes.counters.iter().filter(|(_, counts)| **counts != SlotCounts::default());
    let moved: Vec<_> = moved.map(|(key, counts)| (key, *counts)).collect();
    for counters in parts(moved, COUNTERS_AT_ONCE) {
        move_counters(tx, &counters).await?;
    }
    Ok(())
}

async fn insert_holds(tx: &DatabaseTransaction, begun: &[&HoldChange]) -> Result<(), DbErr> {
    let row = |change: &&HoldChange| hold::Model::from(&change.record).into_active_model();
    insert_all(tx, begun.iter().map(row).collect()).await?;
    insert_all(tx, lines(begun)).await
}

fn lines(of: &[&HoldChange]) -> Vec<line::ActiveModel> {
    let mut lines = Vec::new();
    for change in of {
        match &change.record {
            HoldRecord::Hold(hold) => lines.extend(line::rows(hold.id, &hold.lines)),
            HoldRecord::Tombstone(_) => {}
        }
    }
    lines.into_iter().map(IntoActiveModel::into_active_model).collect()
}

/// Each by its own difference, in one statement.
async fn move_counters(
    tx: &DatabaseTransaction,
    counters: &[(&SlotKey, SlotCounts)],
) -> Result<(), TxError> {
    let this = |(ticket_id, slot): &SlotKey| {
        let of_ticket = stock::Column::TicketId.eq(ticket_id.to_string());
        of_ticket.and(stock::Column::Slot.eq(slot.to_string()))
    };
    let by = |count: fn(&SlotCounts) -> i64| match counters {
        [(_, counts)] => Expr::val(count(counts)),
        _ => {
            let cases = counters.iter().fold(CaseStatement::new(), |cases, (key, counts)| {
                cases.case(this(key), count(counts))
            });
            cases.finally(0_i64).into()
        }
    };
    let these = counters.iter().fold(Condition::any(), |any, (key, _)| any.add(this(key)));
    let moved = stock::Entity::update_many()
        .col_expr(stock::Column::Held, Expr::col(stock::Column::Held).add(by(|counts| counts.held)))
        .col_expr(stock::Column::Sold, Expr::col(stock::Column::Sold).add(by(|counts| counts.sold)))
        .filter(these)
        .exec(tx)
        .await?;
    // The rows were read and locked in this transaction, so they must be there.
    if moved.rows_affected == counters.len() as u64 {
        return Ok(());
    }
    let cause = format!("{} rows changed instead of {}", moved.rows_affected, counters.len());
    Err(StoreError::Unavailable { doing: "moving stock", cause }.into())
}
