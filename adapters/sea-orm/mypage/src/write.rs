//! Writes a row of the view inside a transaction.

use kernel::{BuyerId, Committed};
use mypage::BookingView;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, SqlErr,
};
use sea_orm_database::TxError;

use crate::{feed_row, row};

/// Inserts the row, or overwrites it if it is at the expected revision; else the commit is stale.
pub(crate) async fn write_view(
    tx: &DatabaseTransaction,
    view: &BookingView,
    expected_revision: i64,
) -> Result<(), TxError> {
    let change_number = match &view.booking {
        Some(seen) => next_change(tx, &seen.booking.buyer_id).await?,
        None => 0,
    };
    let row = row::Model::new(view, change_number).into_active_model();
    if expected_revision == 0 {
        let inserted = row::Entity::insert(row).exec_without_returning(tx).await;
        return inserted.map(|_| ()).map_err(stale_if_taken);
    }
    let updated = row::Entity::update_many()
        .set(row.reset_all())
        .filter(row::Column::BookingId.eq(view.booking_id.to_string()))
        .filter(row::Column::Revision.eq(expected_revision))
        .exec(tx)
        .await?;
    if updated.rows_affected == 0 { Err(TxError::Abort(Committed::Stale)) } else { Ok(()) }
}

/// Counts the buyer's changes. The counted row stays locked until the commit, so numbers become visible in
/// their order on every engine, and a watcher who has seen one has seen all below it.
async fn next_change(tx: &DatabaseTransaction, buyer_id: &BuyerId) -> Result<i64, TxError> {
    use feed_row::{Column, Entity, Model};
    let counted = Entity::update_many()
        .col_expr(Column::LastChange, Expr::col(Column::LastChange).add(1))
        .filter(Column::BuyerId.eq(buyer_id.as_str()))
        .exec(tx)
        .await?;
    if counted.rows_affected == 0 {
        // Another first one at the same time fails here and runs again, as the second.
        let first = Model { buyer_id: buyer_id.to_string(), last_change: 1 }.into_active_model();
        Entity::insert(first).exec_without_returning(tx).await?;
        return Ok(1);
    }
    let counter = Entity::find_by_id(buyer_id.to_string()).one(tx).await?;
    counter.map(|row| row.last_change).ok_or(TxError::Abort(Committed::Stale))
}

fn stale_if_taken(error: DbErr) -> TxError {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => TxError::Abort(Committed::Stale),
        _ => TxError::Db(error),
    }
}
