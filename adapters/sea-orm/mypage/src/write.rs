//! Writes rows of the view inside a transaction.

use std::collections::{BTreeMap, BTreeSet};

use kernel::BuyerId;
use mypage::BookingView;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use sea_orm_database::{Changes, filled, insert_all, overwrite_all, tell_at_commit};

use crate::{feed_row, row};

/// Writes rows, each as its buyer's next change: over those of `stored`, which MUST be locked by this transaction,
/// and the others anew. Once they are committed, whoever watches the bookings of these buyers is told.
pub(crate) async fn write_views(
    tx: &DatabaseTransaction,
    views: Vec<BookingView>,
    stored: &BTreeSet<String>,
    watched: &Changes,
) -> Result<(), DbErr> {
    tell_at_commit(watched, views.iter().filter_map(buyer).map(ToString::to_string).collect());
    let buyers = views.iter().filter_map(buyer).collect();
    let mut last_changes = count(tx, buyers).await?;
    let row = |view: &BookingView| {
        // A row without a buyer yet is no change that anybody watches.
        let number = buyer(view).and_then(|buyer| last_changes.get_mut(buyer.as_str()));
        let change_number = number.map_or(0, |number| {
            *number += 1;
            *number
        });
        row::Model::new(view, change_number)
    };
    let rows: Vec<_> = views.iter().map(row).collect();
    let (changed, new): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| stored.contains(&row.booking_id));
    let active = |rows: Vec<row::Model>| rows.into_iter().map(IntoActiveModel::into_active_model);
    insert_all::<row::ActiveModel>(tx, active(new).collect()).await?;
    overwrite_all::<row::ActiveModel>(tx, active(changed).collect()).await
}

fn buyer(view: &BookingView) -> Option<&BuyerId> {
    view.booking.as_ref().map(|seen| &seen.booking.buyer_id)
}

/// Counts changes of these buyers' rows, one for each time that a buyer is named, and gives the numbers of their last
/// changes before. The counted rows stay locked until the commit, so numbers become visible in their order on every
/// engine, and a watcher who has seen one has seen all below it.
async fn count(
    tx: &DatabaseTransaction,
    buyers: Vec<&BuyerId>,
) -> Result<BTreeMap<String, i64>, DbErr> {
    use feed_row::{ActiveModel, Column, Entity, Model};
    let mut changes = BTreeMap::new();
    for buyer in buyers {
        *changes.entry(buyer.to_string()).or_insert(0_i64) += 1;
    }
    if changes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let counted = Entity::find()
        .filter(Column::BuyerId.is_in(filled(changes.keys().cloned())))
        .order_by_asc(Column::BuyerId)
        .lock_exclusive()
        .all(tx)
        .await?;
    let before: BTreeMap<_, _> =
        counted.into_iter().map(|feed| (feed.buyer_id, feed.last_change)).collect();
    let after = changes.iter().map(|(buyer, changes)| {
        let last_change = before.get(buyer).copied().unwrap_or(0) + changes;
        Model { buyer_id: buyer.clone(), last_change }
    });
    let (changed, new): (Vec<_>, Vec<_>) =
        after.partition(|feed| before.contains_key(&feed.buyer_id));
    let active = |feeds: Vec<Model>| feeds.into_iter().map(IntoActiveModel::into_active_model);
    // Another first one of the same buyer at the same time fails here: a fold runs again, a repair looks again.
    insert_all::<ActiveModel>(tx, active(new).collect()).await?;
    overwrite_all::<ActiveModel>(tx, active(changed).collect()).await?;
    let last = |buyer: String| (before.get(&buyer).copied().unwrap_or(0), buyer);
    Ok(changes.into_keys().map(last).map(|(last, buyer)| (buyer, last)).collect())
}
