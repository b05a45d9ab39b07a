//! Stock and holds in a database: rows are read and locked, the pure book decides, changes are written.

mod keys;
mod read;
mod seat_maps;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use kernel::{Cursor, Envelope, HoldId, Recorded, StoreError, TicketId, Timestamp, Uuid};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use sea_orm_database::{
    Batching, Database, Group, Job, Marks, Run, TxError, at_commit, count_at_commit, now_expr,
    tell_at_commit, unavailable, write_admitted,
};
use telemetry_metrics::names::HOLDS;
use ticket::{
    DueHolds, Hold, HoldChange, HoldRecord, HoldState, Nights, PIN_MAX, StockChanges, StockCommand,
    StockOrder, StockRefusal, StockStore, StockVerdict, Ticket, TicketEvent, TicketKind,
    TicketSlots,
};

use crate::SeaOrmTicketStore;
use crate::rows::ticket::TimedRow;
use crate::rows::{hold, stock, ticket as ticket_row};
use crate::sold_out;
use keys::Keys;
use seat_maps::{PUT_OFF_MAX, Work};

#[async_trait]
impl StockStore for SeaOrmTicketStore {
    async fn execute(&self, orders: Vec<StockOrder>) -> Result<Vec<StockVerdict>, StoreError> {
        let Some(first) = orders.first() else { return Ok(Vec::new()) };
        if let [StockOrder { command: StockCommand::Hold(request), .. }] = orders.as_slice()
            && self.sold_out.refuses(request).await
        {
            return Ok(vec![Err(StockRefusal::SoldOut)]);
        }
        let weight = orders.iter().map(|order| weight(&order.command)).sum();
        let turn = turn(&first.command);
        let orders = Arc::from(orders);
        for put_off in 0..=PUT_OFF_MAX {
            let work = Work { orders: Arc::clone(&orders), put_off };
            if let Some(verdicts) = self.stock.submit(turn, weight, work).await? {
                return Ok(verdicts);
            }
        }
        Err(StoreError::Overloaded { doing: DECIDING })
    }

    async fn find_hold(&self, id: HoldId) -> Result<Option<HoldRecord>, StoreError> {
        let failed = unavailable("reading a hold");
        let reader = self.db.reader();
        let found = hold::Entity::find_by_id(id.to_string()).one(reader).await.map_err(&failed)?;
        let Some(row) = found else { return Ok(None) };
        // Lines of places become fewer at most, and those of seats and nights never change, so that they are read a moment
        // later does not matter: their number stands in the row.
        let lines = read::lines(reader, std::slice::from_ref(&row)).await.map_err(&failed)?;
        row.read(&lines).map(Some)
    }

    async fn due_holds(&self, skipped: usize, limit: u32) -> Result<DueHolds, StoreError> {
        let failed = unavailable("finding due holds");
        let reader = self.db.reader();
        let now = self.db.now(reader).await.map_err(&failed)?;
        let active = hold::Entity::find().filter(hold::Column::State.eq(hold::ACTIVE));
        let ids: Vec<String> = active
            .clone()
            .select_only()
            .column(hold::Column::Id)
            .filter(hold::Column::PinnedSinceUs.is_null())
            .filter(hold::Column::ExpiresAtUs.lte(now.as_micros()))
            .order_by_asc(hold::Column::ExpiresAtUs)
            .order_by_asc(hold::Column::Id)
            .offset(skipped as u64)
            .limit(u64::from(limit))
            .into_tuple()
            .all(reader)
            .await
            .map_err(&failed)?;
        let pin_us = i64::try_from(PIN_MAX.as_micros()).unwrap_or(i64::MAX);
        let overdue_pins = active
            .filter(hold::Column::PinnedSinceUs.lt(now.as_micros() - pin_us))
            .count(reader)
            .await
            .map_err(&failed)?;
        let found = ids.len();
        let due: Vec<_> = ids.into_iter().filter_map(readable).collect();
        Ok(DueHolds { unreadable: found - due.len(), due, overdue_pins })
    }

    async fn house_holds(
        &self,
        ticket_id: TicketId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<Hold>, StoreError> {
        let failed = unavailable("listing what is set aside for the house");
        read::house_holds(self.db.reader(), ticket_id, after, limit).await.map_err(failed)?
    }

    async fn forsaken_house_holds(&self, limit: u32) -> Result<Vec<HoldId>, StoreError> {
        let failed = unavailable("finding what is set aside of deleted tickets");
        let ids = read::forsaken(self.db.reader(), limit).await.map_err(failed)?;
        Ok(ids.into_iter().filter_map(readable).collect())
    }

    async fn slots(
        &self,
        tickets: &[TicketId],
        kind: Option<TicketKind>,
        nights: Option<Nights>,
    ) -> Result<Vec<TicketSlots>, StoreError> {
        let failed = unavailable("reading what is left of tickets");
        let reader = self.db.reader();
        let ids = tickets.iter().map(ToString::to_string);
        let found = ticket_row::Entity::find().filter(ticket_row::Column::Id.is_in(ids));
        let found = match kind {
            Some(kind) => found.filter(ticket_row::Column::Kind.eq(ticket_row::kind_name(kind))),
            None => found,
        };
        let found = found.expr_as(now_expr(reader.get_database_backend()), "now_us");
        let found = found.into_model::<TimedRow>().all(reader).await.map_err(&failed)?;
        let read_at = found.iter().map(|row| row.now_us).max().unwrap_or_default();
        let read_at = Timestamp::from_micros(read_at);
        let tickets = found.into_iter().map(|row| Ticket::try_from(row.ticket));
        let tickets: Vec<Ticket> = tickets.collect::<Result<_, _>>()?;
        let rows = stock::Entity::find().filter(read::slots_of(&tickets, nights)).all(reader);
        let mut slots = BTreeMap::<_, Vec<_>>::new();
        for row in rows.await.map_err(&failed)? {
            let ((ticket_id, slot), record) = row.read()?;
            slots.entry(ticket_id).or_default().push((slot, record));
        }
        let of = |ticket: Ticket| {
            let slots = slots.remove(&ticket.id).unwrap_or_default();
            TicketSlots { ticket, slots, read_at }
        };
        Ok(tickets.into_iter().map(of).collect())
    }
}

/// An identifier that cannot be read is told of: it must not keep the other holds from expiring.
fn readable(id: String) -> Option<HoldId> {
    let read = id.parse();
    let read = read.map_err(|_| StoreError::CorruptRow { table: "hold", id, column: "id" });
    read.inspect_err(|error| tracing::error!(%error, "a hold cannot be let go")).ok()
}

/// What is counted of a hold that has changed. That it expired or came back is counted by its event.
fn became(change: &HoldChange) -> impl Iterator<Item = &'static str> {
    let (is_new, state) = match &change.record {
        HoldRecord::Hold(hold) => (change.expected_revision == 0, Some(hold.state)),
        HoldRecord::Tombstone(_) => (false, None),
    };
    // One that is reduced was counted when it came to its state.
    let settled = match state.filter(|_| !change.reduced) {
        Some(HoldState::Committed) => Some("committed"),
        Some(HoldState::Released { told: false }) => Some("released"),
        Some(HoldState::Active { .. } | HoldState::Returned | HoldState::Expired)
        | Some(HoldState::Released { told: true })
        | None => None,
    };
    is_new.then_some("held").into_iter().chain(settled)
}

/// What waits to be decided together; no verdicts of orders that are put off.
pub(crate) type Orders = Group<Work, Option<Vec<StockVerdict>>>;

const DECIDING: &str = "deciding stock orders";

/// Orders that are decided together, each with its own verdict.
pub(crate) fn group(
    db: Database,
    envelope: fn(&Recorded<TicketEvent>) -> Envelope,
    batching: Batching,
    sold_out: Arc<sold_out::Marks>,
) -> Orders {
    let clock = db.clone();
    Group::new(db, DECIDING, batching, move |tx, jobs, run| {
        let (clock, sold_out) = (clock.clone(), Arc::clone(&sold_out));
        Box::pin(async move { decide((tx, &clock), (&jobs, run), envelope, sold_out).await })
    })
}

/// Whose turn an order waits for: a ticket's, so that no ticket waits for another one's crowd. A step knows its hold
/// alone.
fn turn(command: &StockCommand) -> Uuid {
    match command {
        StockCommand::Hold(request) => request.ticket_id.as_uuid(),
        StockCommand::Step(hold_id, _) | StockCommand::Reduce(hold_id, _) => hold_id.as_uuid(),
    }
}

/// The slots that a hold names, as far as a batch can be filled with them. What a step moves is known by its hold alone,
/// and what choosing seats takes is known with the ticket (`seat_maps.rs`).
fn weight(command: &StockCommand) -> usize {
    match command {
        StockCommand::Hold(request) => request.wanted.slots(),
        StockCommand::Step(..) | StockCommand::Reduce(..) => 1,
    }
}

async fn decide(
    (tx, db): (&DatabaseTransaction, &Database),
    (jobs, run): (&[Job<Work>], Run),
    envelope: fn(&Recorded<TicketEvent>) -> Envelope,
    sold_out: Arc<sold_out::Marks>,
) -> Result<Vec<Option<Vec<StockVerdict>>>, TxError> {
    let (mut book, put_off) = read::open_book(tx, jobs, run).await?;
    let mut keys = Keys::of(tx, jobs, run).await?;
    // Read after the locks: a wait for them must not make a hold look younger than it is.
    let now = db.now(tx).await?;
    let read_at = Instant::now();
    book.sold_out().for_each(|slot| sold_out.nothing_left(slot, read_at));
    let mut decided = |(place, job): (usize, &Job<Work>)| {
        let orders = job.work.orders.iter();
        let verdict = |order| keys.decide(order, || book.execute(order, now));
        (!put_off.contains(&place)).then(|| orders.map(verdict).collect())
    };
    let verdicts = jobs.iter().enumerate().map(&mut decided).collect();
    let changes = book.into_changes();
    tell_what_comes_back(&changes, sold_out);
    let moved = changes.counters.keys().map(|(ticket_id, _)| ticket_id.to_string()).collect();
    tell_at_commit(db.changes(), moved);
    write::changes(tx, &changes).await?;
    for outcome in changes.holds.iter().flat_map(became) {
        count_at_commit(&HOLDS, outcome);
    }
    let messages = changes.events.iter().map(|event| Envelope {
        traceparent: jobs
            .iter()
            .find(|job| leads_to(job, event))
            .and_then(|job| job.traceparent.clone()),
        ..envelope(event)
    });
    let messages = Marks { messages: messages.collect(), ..Marks::default() };
    write_admitted(tx, keys.into_marks().into_iter().chain([messages]).collect()).await?;
    Ok(verdicts)
}

/// Once it is committed, whoever asks for it must be let through.
fn tell_what_comes_back(changes: &StockChanges, sold_out: Arc<sold_out::Marks>) {
    let comes_back = changes.counters.iter().filter(|(_, moved)| moved.held + moved.sold < 0);
    let slots: Vec<_> = comes_back.map(|(slot, _)| slot.clone()).collect();
    if !slots.is_empty() {
        at_commit(move || {
            slots.iter().for_each(|slot| sold_out.something_left(slot, Instant::now()));
        });
    }
}

/// An event has the trace of the call that led to it, whoever shares its transaction.
fn leads_to(job: &Job<Work>, event: &Recorded<TicketEvent>) -> bool {
    job.work.orders.iter().any(|order| order.event_id == event.id)
}
