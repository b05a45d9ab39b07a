//! The rows of the view as they stand, damaged or not, for a rebuild.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kernel::{BuyerId, Committed, StoreError};
use mypage::{BookingView, FoundRow, Repair, ViewRepair};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult,
    IntoActiveModel, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait, SqlErr,
};
use sea_orm_database::{Changes, TxError, unavailable};

use crate::row::{Column, Entity, Model};
use crate::write::write_views;
use crate::{SeaOrmViewStore, feed_row};

#[async_trait]
impl ViewRepair for SeaOrmViewStore {
    async fn keys(&self, after: &str, rows_max: u32) -> Result<Vec<String>, StoreError> {
        Entity::find()
            .select_only()
            .column(Column::BookingId)
            .filter(Column::BookingId.gt(after))
            .order_by_asc(Column::BookingId)
            .limit(u64::from(rows_max))
            .into_tuple()
            .all(self.database().reader())
            .await
            .map_err(unavailable("listing the keys of the view"))
    }

    async fn rows(&self, keys: &[String]) -> Result<Vec<FoundRow>, StoreError> {
        let reader = self.database().reader();
        let query = Entity::find().filter(Column::BookingId.is_in(keys)).into_query();
        let rows = reader.query_all(&query).await;
        let rows = rows.map_err(unavailable("reading rows of the view"))?;
        rows.iter().map(found).collect()
    }

    async fn repair(&self, repair: Repair) -> Result<Committed, StoreError> {
        let watched = self.database().changes().clone();
        self.database()
            .commit("repairing a row of the view", move |tx| {
                let (repair, watched) = (repair.clone(), watched.clone());
                Box::pin(async move { write(tx, &repair, &watched).await })
            })
            .await
    }
}

/// A row of which nothing but its key and its revision need be as we write them.
fn found(row: &QueryResult) -> Result<FoundRow, StoreError> {
    let doing = "reading a row of the view";
    let key: String = row.try_get("", "booking_id").map_err(unavailable(doing))?;
    let revision = row.try_get("", "revision").map_err(unavailable(doing))?;
    let model = Model::from_query_result(row, "").ok();
    let view = model.and_then(|model| BookingView::try_from(model).ok());
    Ok(FoundRow { key, revision, view })
}

async fn write(
    tx: &DatabaseTransaction,
    repair: &Repair,
    watched: &Changes,
) -> Result<(), TxError> {
    match repair {
        Repair::Make(view) => insert(tx, view, watched).await,
        Repair::Replace { found_revision, view } => {
            remove(tx, &view.booking_id.to_string(), *found_revision).await?;
            insert(tx, view, watched).await
        }
        Repair::Remove { key, found_revision } => remove(tx, key, *found_revision).await,
    }
}

async fn remove(tx: &DatabaseTransaction, key: &str, found_revision: i64) -> Result<(), TxError> {
    let removed = Entity::delete_many()
        .filter(Column::BookingId.eq(key))
        .filter(Column::Revision.eq(found_revision))
        .exec(tx)
        .await?;
    if removed.rows_affected == 0 { Err(TxError::Abort(Committed::Stale)) } else { Ok(()) }
}

async fn insert(
    tx: &DatabaseTransaction,
    view: &BookingView,
    watched: &Changes,
) -> Result<(), TxError> {
    if let Some(seen) = &view.booking {
        raise_feed(tx, &seen.booking.buyer_id).await?;
    }
    let written = write_views(tx, vec![view.clone()], &BTreeSet::new(), watched).await;
    written.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => TxError::Abort(Committed::Stale),
        _ => TxError::Db(error),
    })
}

/// Brings the count of a buyer's changes up to the rows' own numbers, where it was lost or they were damaged.
async fn raise_feed(tx: &DatabaseTransaction, buyer_id: &BuyerId) -> Result<(), DbErr> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::ChangeNumber.max(), "last_change")
        .filter(Column::BuyerId.eq(buyer_id.as_str()))
        .into_tuple()
        .one(tx)
        .await?;
    let Some(last) = last.flatten().filter(|last| *last > 0) else { return Ok(()) };
    let raised = feed_row::Entity::update_many()
        .col_expr(feed_row::Column::LastChange, Expr::value(last))
        .filter(feed_row::Column::BuyerId.eq(buyer_id.as_str()))
        .filter(feed_row::Column::LastChange.lt(last))
        .exec(tx)
        .await?;
    let counted = feed_row::Entity::find_by_id(buyer_id.to_string()).one(tx).await?;
    if raised.rows_affected == 0 && counted.is_none() {
        let feed = feed_row::Model { buyer_id: buyer_id.to_string(), last_change: last };
        feed_row::Entity::insert(feed.into_active_model()).exec_without_returning(tx).await?;
    }
    Ok(())
}
