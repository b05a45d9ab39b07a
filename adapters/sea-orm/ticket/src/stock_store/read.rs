//! Reads the rows that stock orders are decided on.
//!
//! On SQLite the transaction has the only write lock there is, so nothing changes meanwhile. Engines
//! with row locks take them here, always in the order holds, tickets, counters, each sorted: the
//! ticket's lock is what puts a deletion before a hold or after it, and a buyer's holds one after the
//! other. Every statement sees what was committed before it (READ COMMITTED), so what is read after a
//! lock is what that lock's last owner left.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{BuyerId, HoldId, StoreError, TicketId};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    JoinType, QueryFilter, QueryOrder, QuerySelect,
};
use sea_orm_database::TxError;
use ticket::{HoldRecord, SlotKey, Stock, StockBook, StockNeeds, StockOrder, Ticket};

use crate::rows::{hold, line, stock, ticket as ticket_row};

/// The working set of these orders.
pub(super) async fn open_book(
    tx: &DatabaseTransaction,
    orders: &[&StockOrder],
) -> Result<StockBook, TxError> {
    let ids = orders.iter().map(|order| order.command.hold_id()).collect();
    let mut known = holds(tx, &ids).await?;
    let mut needs = StockNeeds::of(orders.iter().copied(), &known);
    let mut locked = tickets(tx, &needs).await?;
    let late = appeared(tx, ids, &known, &needs).await?;
    if !late.is_empty() {
        known.extend(late);
        needs = StockNeeds::of(orders.iter().copied(), &known);
        locked = tickets(tx, &needs).await?;
    }
    let stocks = stocks(tx, &needs).await?;
    let owned = owned(tx, &needs, &locked).await?;
    Ok(StockBook::new(locked, stocks, known, owned))
}

/// The lines of these holds.
pub(super) async fn lines(
    conn: &impl ConnectionTrait,
    holds: &[hold::Model],
) -> Result<Vec<line::Model>, DbErr> {
    let ids = holds.iter().map(|hold| hold.id.as_str());
    line::Entity::find().filter(line::Column::HoldId.is_in(ids)).all(conn).await
}

/// Holds that others began while this transaction waited for the ticket. Without them, who asks for one
/// hold twice at once would be refused for what the first call has taken.
async fn appeared(
    tx: &DatabaseTransaction,
    ids: BTreeSet<HoldId>,
    known: &[HoldRecord],
    needs: &StockNeeds,
) -> Result<Vec<HoldRecord>, TxError> {
    if needs.tickets.is_empty() || tx.get_database_backend() == DbBackend::Sqlite {
        return Ok(Vec::new());
    }
    let known: BTreeSet<_> = known.iter().map(HoldRecord::id).collect();
    holds(tx, &ids.difference(&known).copied().collect()).await
}

async fn holds(
    tx: &DatabaseTransaction,
    ids: &BTreeSet<HoldId>,
) -> Result<Vec<HoldRecord>, TxError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = hold::Entity::find()
        .filter(hold::Column::Id.is_in(ids.iter().map(ToString::to_string)))
        .order_by_asc(hold::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let lines = lines(tx, &rows).await?;
    let records = rows.iter().map(|row| row.read(&lines)).collect::<Result<_, StoreError>>()?;
    Ok(records)
}

async fn tickets(tx: &DatabaseTransaction, needs: &StockNeeds) -> Result<Vec<Ticket>, TxError> {
    let rows = ticket_row::Entity::find()
        .filter(ticket_row::Column::Id.is_in(needs.tickets.iter().map(ToString::to_string)))
        .order_by_asc(ticket_row::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    let tickets = rows.into_iter().map(Ticket::try_from).collect::<Result<_, StoreError>>()?;
    Ok(tickets)
}

/// Every slot of these names in every one of these tickets: may be more than is needed, never less.
async fn stocks(
    tx: &DatabaseTransaction,
    needs: &StockNeeds,
) -> Result<Vec<(SlotKey, Stock)>, TxError> {
    let slots = needs.slots.iter().map(|(_, slot)| slot.to_string());
    let rows = stock::Entity::find()
        .filter(stock::Column::TicketId.is_in(needs.tickets.iter().map(ToString::to_string)))
        .filter(stock::Column::Slot.is_in(slots))
        .order_by_asc(stock::Column::TicketId)
        .order_by_asc(stock::Column::Slot)
        .lock_exclusive()
        .all(tx)
        .await?;
    let stocks = rows.iter().map(stock::Model::read).collect::<Result<_, StoreError>>()?;
    Ok(stocks)
}

/// Units of ACTIVE and COMMITTED holds, of those buyers whose ticket has a limit.
async fn owned(
    tx: &DatabaseTransaction,
    needs: &StockNeeds,
    tickets: &[Ticket],
) -> Result<Vec<((TicketId, BuyerId), u64)>, TxError> {
    let limited = |id: TicketId| {
        tickets.iter().any(|ticket| ticket.id == id && ticket.terms.max_per_buyer.is_some())
    };
    let owners: BTreeMap<_, _> = needs
        .buyers
        .iter()
        .filter(|(ticket_id, _)| limited(*ticket_id))
        .map(|owner| ((owner.0.to_string(), owner.1.to_string()), owner))
        .collect();
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let any = owners.keys().fold(Condition::any(), |any, (ticket_id, buyer_id)| {
        let theirs = hold::Column::TicketId.eq(ticket_id.as_str());
        any.add(theirs.and(hold::Column::BuyerId.eq(buyer_id.as_str())))
    });
    let join = hold::Entity::belongs_to(line::Entity)
        .from(hold::Column::Id)
        .to(line::Column::HoldId)
        .into();
    let rows: Vec<(String, String, i64)> = hold::Entity::find()
        .select_only()
        .columns([hold::Column::TicketId, hold::Column::BuyerId])
        .column_as(Expr::col((line::Entity, line::Column::Quantity)), "quantity")
        .join(JoinType::InnerJoin, join)
        .filter(hold::Column::State.is_in([hold::ACTIVE, hold::COMMITTED]))
        .filter(any)
        .into_tuple()
        .all(tx)
        .await?;
    let mut owned = BTreeMap::<(TicketId, BuyerId), u64>::new();
    for (ticket_id, buyer_id, quantity) in rows {
        if let Some((ticket_id, buyer_id)) = owners.get(&(ticket_id, buyer_id)) {
            let units = owned.entry((*ticket_id, buyer_id.clone())).or_default();
            *units = units.saturating_add_signed(quantity);
        }
    }
    Ok(owned.into_iter().collect())
}
