//! Tickets in a database.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use kernel::{Committed, Envelope, KeyedReply, ReplyKey, StoreError, TicketId};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, SqlErr,
};
use sea_orm_database::{Marks, TxError, at_commit, find_reply, unavailable, write_marks};
use ticket::{
    Listing, SlotCapacity, TicketChange, TicketPage, TicketSearch, TicketStatus, TicketStore,
};

use crate::SeaOrmTicketStore;
use crate::rows::ticket::{ListingRow, status_name};
use crate::rows::{stock, ticket as row};
use crate::search::{listings, page};
use crate::sold_out;

#[async_trait]
impl TicketStore for SeaOrmTicketStore {
    async fn find(&self, id: TicketId) -> Result<Option<Listing>, StoreError> {
        let reader = self.db.reader();
        let found = listings(reader.get_database_backend())
            .filter(row::Column::Id.eq(id.to_string()))
            .into_model::<ListingRow>()
            .one(reader)
            .await
            .map_err(unavailable("reading a ticket"))?;
        found.map(Listing::try_from).transpose()
    }

    async fn search(&self, search: &TicketSearch) -> Result<TicketPage, StoreError> {
        page(self.db.reader(), search).await
    }

    async fn commit(&self, change: TicketChange) -> Result<Committed, StoreError> {
        let messages: Vec<_> = change.events.iter().map(self.envelope).collect();
        let sold_out = self.sold_out.marks();
        self.db
            .commit("committing a ticket", move |tx| {
                let (change, messages) = (change.clone(), messages.clone());
                tell_of_more(&change, Arc::clone(&sold_out));
                Box::pin(write(tx, change, messages))
            })
            .await
    }

    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError> {
        find_reply(&self.db, key).await
    }

    async fn find_retirable(&self, limit: u32) -> Result<Vec<TicketId>, StoreError> {
        let keeps_stock = "EXISTS (SELECT 1 FROM hold WHERE hold.ticket_id = ticket.id \
                           AND hold.state IN ('ACTIVE', 'COMMITTED'))";
        let ids: Vec<String> = row::Entity::find()
            .select_only()
            .column(row::Column::Id)
            .filter(row::Column::Status.eq(status_name(TicketStatus::Retiring)))
            .filter(Expr::cust(keeps_stock).not())
            .order_by_asc(row::Column::Id)
            .limit(u64::from(limit))
            .into_tuple()
            .all(self.db.reader())
            .await
            .map_err(unavailable("finding deleted tickets"))?;
        let parse = |id: String| {
            id.parse().map_err(|_| StoreError::CorruptRow { table: "ticket", id, column: "id" })
        };
        ids.into_iter().map(parse).collect()
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError> {
        sea_orm_database::park(&self.db, consumer, message, reason).await
    }
}

/// Once a capacity is set, whoever asks for a unit of it must be let through.
fn tell_of_more(change: &TicketChange, sold_out: Arc<sold_out::Marks>) {
    let ticket_id = change.ticket.id;
    let slots: Vec<_> =
        change.capacities.iter().map(|wish| (ticket_id, wish.slot.clone())).collect();
    at_commit(move || {
        slots.iter().for_each(|slot| sold_out.something_left(slot, Instant::now()));
    });
}

async fn write(
    tx: &DatabaseTransaction,
    change: TicketChange,
    messages: Vec<Envelope>,
) -> Result<(), TxError> {
    write_ticket(tx, &change).await?;
    for wish in &change.capacities {
        write_capacity(tx, change.ticket.id, wish).await?;
    }
    let (caused_by, reply) = (change.caused_by, change.reply);
    write_marks(tx, Marks { caused_by, reply, messages }).await
}

async fn write_ticket(tx: &DatabaseTransaction, change: &TicketChange) -> Result<(), TxError> {
    let ticket = row::Model::from(&change.ticket).into_active_model();
    if change.expected_revision == 0 {
        return insert(tx, ticket).await;
    }
    let updated = row::Entity::update_many()
        .set(ticket.reset_all())
        .filter(row::Column::Id.eq(change.ticket.id.to_string()))
        .filter(row::Column::Revision.eq(change.expected_revision))
        .exec(tx)
        .await?;
    if updated.rows_affected == 0 { Err(TxError::Abort(Committed::Stale)) } else { Ok(()) }
}

/// Never below what is held and sold at this moment.
async fn write_capacity(
    tx: &DatabaseTransaction,
    ticket_id: TicketId,
    wish: &SlotCapacity,
) -> Result<(), TxError> {
    let capacity = i64::try_from(wish.capacity).unwrap_or(i64::MAX);
    let (ticket_id, slot) = (ticket_id.to_string(), wish.slot.to_string());
    let taken = Expr::col(stock::Column::Held).add(Expr::col(stock::Column::Sold));
    let updated = stock::Entity::update_many()
        .col_expr(stock::Column::Capacity, Expr::val(capacity))
        .filter(stock::Column::TicketId.eq(ticket_id.as_str()))
        .filter(stock::Column::Slot.eq(slot.as_str()))
        .filter(taken.lte(capacity))
        .exec(tx)
        .await?;
    if updated.rows_affected > 0 {
        return Ok(());
    }
    // Either there is no such slot yet, or more of it is taken; then the insert finds it there.
    let row = stock::Model { ticket_id, slot, capacity, held: 0, sold: 0 };
    insert(tx, row.into_active_model()).await
}

async fn insert<A>(tx: &DatabaseTransaction, row: A) -> Result<(), TxError>
where
    A: ActiveModelTrait,
{
    match <A::Entity as EntityTrait>::insert(row).exec_without_returning(tx).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(TxError::Abort(Committed::Stale))
        }
        Err(error) => Err(error.into()),
    }
}
