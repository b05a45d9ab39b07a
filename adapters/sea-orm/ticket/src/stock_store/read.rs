//! Reads the rows that stock orders are decided on.
//!
//! On SQLite the transaction has the only write lock there is, so nothing changes meanwhile. Engines
//! with row locks take them here: holds, tickets, counters. The tickets' locks, taken in one order, are what puts
//! everything about a ticket in a sequence: a deletion before a hold or after it, a buyer's holds one after the
//! other. A hold that is surely new is not read, and one that appeared meanwhile is read after its ticket. Every
//! statement sees what was committed before it (READ COMMITTED), so what is read after a
//! lock is what that lock's last owner left.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{BuyerId, Cursor, HoldId, StoreError, TicketId};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use sea_orm_database::{Job, Run, TxError, filled};
use ticket::{
    Hold, HoldRecord, Nights, SlotKey, SlotRecord, StockBook, StockNeeds, StockOrder, Ticket,
    TicketKind, TicketStatus,
};

use super::seat_maps::{self, Work};
use crate::rows::ticket::status_name;
use crate::rows::{hold, line, stock, ticket as ticket_row};

/// Slots of a ticket that one part of a statement names.
const SLOTS_AT_ONCE: usize = 1_000;
/// Such parts of one statement: a batch has one, unless its holds have very many lines.
const STATEMENT_PARTS_MAX: usize = 16;
/// A server that knew of admission alone wrote no quantity, and one line.
const QUANTITY: &str = "COALESCE(hold.quantity, (SELECT MAX(hold_line.quantity) FROM hold_line \
                        WHERE hold_line.hold_id = hold.id))";

/// The working set of these jobs, and which of them are put off.
pub(super) async fn open_book(
    tx: &DatabaseTransaction,
    jobs: &[Job<Work>],
    run: Run,
) -> Result<(StockBook, BTreeSet<usize>), TxError> {
    let orders: Vec<_> = jobs.iter().flat_map(|job| job.work.orders.iter()).collect();
    // A hold that is surely new is not looked for. Where it is there all the same, its key is taken, and the next run
    // looks for it.
    let looked_for = |order: &&&StockOrder| run == Run::Again || !order.command.is_surely_new();
    let ids = orders.iter().filter(looked_for).map(|order| order.command.hold_id()).collect();
    let mut known = holds(tx, &ids).await?;
    let mut needs = StockNeeds::of(orders.iter().copied(), &known);
    let mut locked = tickets(tx, &needs).await?;
    let late = appeared(tx, ids, &known, &needs).await?;
    if !late.is_empty() {
        known.extend(late);
        needs = StockNeeds::of(orders.iter().copied(), &known);
        locked = tickets(tx, &needs).await?;
    }
    let put_off = seat_maps::put_off(jobs, &needs.all_seats_of(&locked).collect());
    if !put_off.is_empty() {
        let decided = jobs.iter().enumerate().filter(|(place, _)| !put_off.contains(place));
        needs = StockNeeds::of(decided.flat_map(|(_, job)| job.work.orders.iter()), &known);
    }
    let mut stocks = stocks(tx, &needs).await?;
    stocks.extend(free_seats(tx, &needs, &locked).await?);
    let owned = owned(tx, &needs, &locked).await?;
    Ok((StockBook::new(locked, stocks, known, owned), put_off))
}

/// The lines of these holds.
pub(super) async fn lines(
    conn: &impl ConnectionTrait,
    holds: &[hold::Model],
) -> Result<Vec<line::Model>, DbErr> {
    let ids = holds.iter().map(|hold| hold.id.as_str());
    line::Entity::find().filter(line::Column::HoldId.is_in(filled(ids))).all(conn).await
}

/// What is set aside for the house of a ticket, the newest first.
pub(super) async fn house_holds(
    conn: &impl ConnectionTrait,
    ticket_id: TicketId,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Result<Vec<Hold>, StoreError>, DbErr> {
    let beyond = |after: Cursor| {
        let same = hold::Column::HouseSinceUs.eq(after.sort);
        Condition::any()
            .add(hold::Column::HouseSinceUs.lt(after.sort))
            .add(same.and(hold::Column::Id.lt(after.id.to_string())))
    };
    let rows = hold::Entity::find()
        .filter(hold::Column::TicketId.eq(ticket_id.to_string()))
        .filter(hold::Column::BuyerId.eq(hold::HOUSE))
        .filter(hold::Column::State.eq(hold::ACTIVE))
        .filter(Condition::all().add_option(after.map(beyond)))
        .order_by_desc(hold::Column::HouseSinceUs)
        .order_by_desc(hold::Column::Id)
        .limit(u64::from(limit))
        .all(conn)
        .await?;
    let lines = lines(conn, &rows).await?;
    let read = |row: &hold::Model| match row.read(&lines) {
        Ok(HoldRecord::Hold(hold)) => Some(Ok(hold)),
        Ok(HoldRecord::Tombstone(_)) => None,
        Err(error) => Some(Err(error)),
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// What is still set aside for the house of tickets that are RETIRING.
pub(super) async fn forsaken(
    conn: &impl ConnectionTrait,
    limit: u32,
) -> Result<Vec<String>, DbErr> {
    let retiring = Query::select()
        .column(ticket_row::Column::Id)
        .from(ticket_row::Entity)
        .and_where(ticket_row::Column::Status.eq(status_name(TicketStatus::Retiring)))
        .to_owned();
    let ids = hold::Entity::find()
        .select_only()
        .column(hold::Column::Id)
        .filter(hold::Column::TicketId.in_subquery(retiring))
        .filter(hold::Column::BuyerId.eq(hold::HOUSE))
        .filter(hold::Column::State.eq(hold::ACTIVE))
        .limit(u64::from(limit));
    ids.into_tuple().all(conn).await
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
        .filter(hold::Column::Id.is_in(filled(ids.iter().map(ToString::to_string))))
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
        .filter(ticket_row::Column::Id.is_in(filled(needs.tickets.iter().map(ToString::to_string))))
        .order_by_asc(ticket_row::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    let tickets = rows.into_iter().map(Ticket::try_from).collect::<Result<_, StoreError>>()?;
    Ok(tickets)
}

async fn stocks(
    tx: &DatabaseTransaction,
    needs: &StockNeeds,
) -> Result<Vec<(SlotKey, SlotRecord)>, TxError> {
    let mut stocks = Vec::new();
    for names in named(needs).chunks(STATEMENT_PARTS_MAX) {
        let any = names.iter().fold(Condition::any(), |any, (tickets, slots)| {
            let named = stock::Column::Slot.is_in(filled(slots.iter().map(String::as_str)));
            any.add(
                stock::Column::TicketId
                    .is_in(filled(tickets.iter().map(String::as_str)))
                    .and(named),
            )
        });
        let rows = stock::Entity::find()
            .filter(any)
            .order_by_asc(stock::Column::TicketId)
            .order_by_asc(stock::Column::Slot)
            .lock_exclusive()
            .all(tx)
            .await?;
        let read = rows.iter().map(stock::Model::read).collect::<Result<Vec<_>, StoreError>>()?;
        stocks.extend(read);
    }
    Ok(stocks)
}

/// The names of the slots, those together that the same tickets have, such as the one of every admission; never more
/// in one place than a statement may name.
fn named(needs: &StockNeeds) -> Vec<(Vec<String>, Vec<String>)> {
    let mut by_ticket = BTreeMap::<String, Vec<String>>::new();
    for (ticket_id, slot) in &needs.slots {
        by_ticket.entry(ticket_id.to_string()).or_default().push(slot.to_string());
    }
    let mut by_slots = BTreeMap::<Vec<String>, Vec<String>>::new();
    for (ticket_id, slots) in by_ticket {
        by_slots.entry(slots).or_default().push(ticket_id);
    }
    let parts = by_slots.into_iter().flat_map(|(slots, tickets)| {
        let parts: Vec<_> = slots.chunks(SLOTS_AT_ONCE).map(<[String]>::to_vec).collect();
        parts.into_iter().map(move |part| (tickets.clone(), part))
    });
    parts.collect()
}

/// The free seats of tickets of which the best are asked for. They are not locked one by one: whoever takes one locks
/// its ticket first.
async fn free_seats(
    tx: &DatabaseTransaction,
    needs: &StockNeeds,
    locked: &[Ticket],
) -> Result<Vec<(SlotKey, SlotRecord)>, TxError> {
    let tickets: Vec<_> = needs.all_seats_of(locked).map(|id| id.to_string()).collect();
    if tickets.is_empty() {
        return Ok(Vec::new());
    }
    let taken = Expr::col(stock::Column::Held).add(Expr::col(stock::Column::Sold));
    let rows = stock::Entity::find()
        .filter(stock::Column::TicketId.is_in(tickets))
        .filter(Expr::col(stock::Column::Capacity).gt(taken))
        .all(tx)
        .await?;
    Ok(rows.iter().map(stock::Model::read).collect::<Result<_, StoreError>>()?)
}

/// The slots of these tickets; of those sold by the night only these nights.
pub(super) fn slots_of(tickets: &[Ticket], nights: Option<Nights>) -> Condition {
    let (nightly, others): (Vec<_>, Vec<_>) =
        tickets.iter().partition(|ticket| ticket.kind == TicketKind::Nightly);
    let of = |tickets: Vec<&Ticket>| {
        stock::Column::TicketId.is_in(tickets.into_iter().map(|ticket| ticket.id.to_string()))
    };
    let mut of_nightly = Condition::all().add(of(nightly));
    if let Some(nights) = nights {
        of_nightly = of_nightly
            .add(stock::Column::Slot.gte(nights.from().to_string()))
            .add(stock::Column::Slot.lt(nights.until().to_string()));
    }
    Condition::any().add(of(others)).add(of_nightly)
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
    let any =
        filled(owners.keys()).into_iter().fold(Condition::any(), |any, (ticket_id, buyer_id)| {
            let theirs = hold::Column::TicketId.eq(ticket_id.as_str());
            any.add(theirs.and(hold::Column::BuyerId.eq(buyer_id.as_str())))
        });
    let rows: Vec<(String, String, i64)> = hold::Entity::find()
        .select_only()
        .columns([hold::Column::TicketId, hold::Column::BuyerId])
        .column_as(Expr::cust(QUANTITY), "units")
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
