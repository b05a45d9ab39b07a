//! Tickets in a database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use kernel::{Committed, Envelope, KeyedReply, ReplyKey, StoreError, TicketId};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use sea_orm_database::{
    Marks, TxError, at_commit, find_reply, insert_all, tell_at_commit, unavailable, write_marks,
};
use ticket::{
    Listing, NightChange, SlotCapacity, TicketChange, TicketPage, TicketSearch, TicketStatus,
    TicketStore,
};

use crate::SeaOrmTicketStore;
use crate::rows::ticket::status_name;
use crate::rows::{stock, ticket as row};
use crate::search::page;
use crate::sold_out;

/// Slots that one statement names.
const SLOTS_AT_ONCE: usize = 1_000;

#[async_trait]
impl TicketStore for SeaOrmTicketStore {
    async fn find(&self, id: TicketId) -> Result<Option<Listing>, StoreError> {
        self.tickets.find(id.as_uuid(), id).await?.transpose()
    }

    async fn search(&self, search: &TicketSearch) -> Result<TicketPage, StoreError> {
        page(self.db.reader(), search).await
    }

    async fn commit(&self, change: TicketChange) -> Result<Committed, StoreError> {
        let messages: Vec<_> = change.events.iter().map(self.envelope).collect();
        let (sold_out, watched) = (self.sold_out.marks(), self.db.changes().clone());
        self.db
            .commit("committing a ticket", move |tx| {
                let (change, messages) = (change.clone(), messages.clone());
                tell_of_more(&change, Arc::clone(&sold_out));
                tell_at_commit(&watched, BTreeSet::from([change.ticket.id.to_string()]));
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
    write_capacities(tx, &change).await?;
    if let Some(nights) = &change.nights {
        write_nights(tx, change.ticket.id, nights).await?;
    }
    let (caused_by, reply) = (change.caused_by, change.reply);
    write_marks(tx, Marks { caused_by, reply, messages, ..Marks::default() }).await
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

/// Never below what is held and sold. The ticket's row was written before, and whoever moves its counters locks it
/// first, so they stand still.
async fn write_capacities(tx: &DatabaseTransaction, change: &TicketChange) -> Result<(), TxError> {
    let id = change.ticket.id;
    let begin = |begun: &[&SlotCapacity]| {
        let row = |begun: &&SlotCapacity| stock::untouched(id, begun).into_active_model();
        begun.iter().map(row).collect::<Vec<_>>()
    };
    if change.expected_revision == 0 {
        let begun: Vec<_> = change.capacities.iter().collect();
        return Ok(insert_all(tx, begin(&begun)).await?);
    }
    for wishes in change.capacities.chunks(SLOTS_AT_ONCE) {
        let names: Vec<_> = wishes.iter().map(|wish| wish.slot.to_string()).collect();
        let of_ticket = Condition::all()
            .add(stock::Column::TicketId.eq(id.to_string()))
            .add(stock::Column::Slot.is_in(names));
        let there = stock::Entity::find().filter(of_ticket).all(tx).await?;
        let there: BTreeSet<_> = there.into_iter().map(|row| row.slot).collect();
        let is_there = |wish: &&SlotCapacity| there.contains(&wish.slot.to_string());
        let (known, begun): (Vec<_>, Vec<_>) = wishes.iter().partition(is_there);
        insert_all(tx, begin(&begun)).await?;
        let mut by_capacity = BTreeMap::<_, Vec<_>>::new();
        for wish in known {
            by_capacity.entry(stock::capacity(wish)).or_default().push(wish.slot.to_string());
        }
        for (capacity, slots) in by_capacity {
            resize(tx, id, capacity, slots).await?;
        }
    }
    Ok(())
}

async fn resize(
    tx: &DatabaseTransaction,
    id: TicketId,
    capacity: i64,
    slots: Vec<String>,
) -> Result<(), TxError> {
    let taken = Expr::col(stock::Column::Held).add(Expr::col(stock::Column::Sold));
    let wanted = slots.len() as u64;
    let updated = stock::Entity::update_many()
        .col_expr(stock::Column::Capacity, Expr::val(capacity))
        .filter(stock::Column::TicketId.eq(id.to_string()))
        .filter(stock::Column::Slot.is_in(slots))
        .filter(taken.lte(capacity))
        .exec(tx)
        .await?;
    if updated.rows_affected == wanted { Ok(()) } else { Err(TxError::Abort(Committed::Stale)) }
}

/// All of them are there by now.
async fn write_nights(
    tx: &DatabaseTransaction,
    id: TicketId,
    change: &NightChange,
) -> Result<(), TxError> {
    let mut update = stock::Entity::update_many()
        .filter(stock::Column::TicketId.eq(id.to_string()))
        .filter(stock::Column::Slot.gte(change.nights.from().to_string()))
        .filter(stock::Column::Slot.lt(change.nights.until().to_string()))
        // A statement must set something, and this changes nothing.
        .col_expr(stock::Column::Position, Expr::col(stock::Column::Position));
    if let Some(price) = change.unit_price {
        let minor = price.own_minor();
        update = update.col_expr(stock::Column::UnitPriceMinor, Expr::val(minor));
    }
    for (column, closed) in [
        (stock::Column::ClosedToArrival, change.closed_to_arrival),
        (stock::Column::ClosedToDeparture, change.closed_to_departure),
    ] {
        if let Some(closed) = closed {
            update = update.col_expr(column, Expr::val(closed));
        }
    }
    update.exec(tx).await?;
    Ok(())
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
