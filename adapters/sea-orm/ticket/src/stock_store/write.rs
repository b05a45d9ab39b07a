//! Writes what the book changed. Counters move by differences, under the CHECK of their table.

use kernel::StoreError;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
};
use sea_orm_database::TxError;
use ticket::{HoldChange, HoldRecord, SlotCounts, SlotKey, StockChanges};

use crate::rows::{entry, hold, line, stock};

/// Writes all of it, or the transaction fails.
pub(super) async fn changes(
    tx: &DatabaseTransaction,
    changes: &StockChanges,
) -> Result<(), TxError> {
    let (begun, changed): (Vec<_>, Vec<_>) =
        changes.holds.iter().partition(|change| change.expected_revision == 0);
    insert_holds(tx, &begun).await?;
    for change in changed {
        update_hold(tx, change).await?;
    }
    if !changes.entries.is_empty() {
        let rows = changes.entries.iter().map(entry::new);
        entry::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    // The hottest rows last, so that engines with row locks hold them for the shortest time.
    for (key, counts) in &changes.counters {
        move_counters(tx, key, *counts).await?;
    }
    Ok(())
}

async fn insert_holds(tx: &DatabaseTransaction, begun: &[&HoldChange]) -> Result<(), TxError> {
    if begun.is_empty() {
        return Ok(());
    }
    let rows = begun.iter().map(|change| hold::Model::from(&change.record).into_active_model());
    hold::Entity::insert_many(rows).exec_without_returning(tx).await?;
    let mut lines = Vec::new();
    for change in begun {
        match &change.record {
            HoldRecord::Hold(hold) => lines.extend(line::rows(hold.id, &hold.lines)),
            HoldRecord::Tombstone(_) => {}
        }
    }
    if !lines.is_empty() {
        let rows = lines.into_iter().map(IntoActiveModel::into_active_model);
        line::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn update_hold(tx: &DatabaseTransaction, change: &HoldChange) -> Result<(), TxError> {
    let row = hold::Model::from(&change.record);
    let updated = hold::Entity::update_many()
        .filter(hold::Column::Id.eq(row.id.as_str()))
        .filter(hold::Column::Revision.eq(change.expected_revision))
        .set(row.into_active_model().reset_all())
        .exec(tx)
        .await?;
    one_row("settling a hold", updated.rows_affected)
}

async fn move_counters(
    tx: &DatabaseTransaction,
    (ticket_id, slot): &SlotKey,
    counts: SlotCounts,
) -> Result<(), TxError> {
    if counts == SlotCounts::default() {
        return Ok(());
    }
    let moved = stock::Entity::update_many()
        .col_expr(stock::Column::Held, Expr::col(stock::Column::Held).add(counts.held))
        .col_expr(stock::Column::Sold, Expr::col(stock::Column::Sold).add(counts.sold))
        .filter(stock::Column::TicketId.eq(ticket_id.to_string()))
        .filter(stock::Column::Slot.eq(slot.to_string()))
        .exec(tx)
        .await?;
    one_row("moving stock", moved.rows_affected)
}

/// The row was read and locked in this transaction, so it must be there.
fn one_row(doing: &'static str, rows: u64) -> Result<(), TxError> {
    if rows == 1 {
        return Ok(());
    }
    Err(StoreError::Unavailable { doing, cause: format!("{rows} rows changed instead of one") }
        .into())
}
