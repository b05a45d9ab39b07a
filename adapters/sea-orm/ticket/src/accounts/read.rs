//! What the rows of a slot say: the database adds up, and a bounded number of rows comes over.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, Select,
};
use sea_orm_database::whole_number;
use ticket::{CountersFound, SlotAccounts, SlotCounts};

use super::{HoldApart, LedgerLine, SlotName};
use crate::rows::{entry, hold, line, stock};

/// Holds that are named at most.
const HOLDS_MAX: u64 = 20;
/// Entries that are named at most, of a hold or of the slot.
const ENTRIES_MAX: u64 = 20;

/// The counters as they were read, and what ledger and holds add up to.
pub(super) async fn accounts(
    conn: &impl ConnectionTrait,
    slot: &SlotName,
    counters: Option<stock::Model>,
) -> Result<SlotAccounts, DbErr> {
    let backend = conn.get_database_backend();
    let apart = "CASE WHEN row_held <> fold_held OR row_sold <> fold_sold THEN 1 ELSE 0 END";
    let query = Query::select()
        .expr_as(sum("row_held", backend), "row_held")
        .expr_as(sum("row_sold", backend), "row_sold")
        .expr_as(sum("fold_held", backend), "fold_held")
        .expr_as(sum("fold_sold", backend), "fold_sold")
        .expr_as(sum(apart, backend), "apart")
        .from_subquery(by_hold(slot, backend), "each_hold")
        .to_owned();
    let row = conn.query_one(&query).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("sums".to_owned()))?;
    let apart: i64 = row.try_get("", "apart")?;
    let found = |row: stock::Model| CountersFound {
        capacity: row.capacity,
        counts: SlotCounts { held: row.held, sold: row.sold },
    };
    Ok(SlotAccounts {
        counters: counters.map(found),
        ledger: counts(&row, "fold_held", "fold_sold")?,
        holds: counts(&row, "row_held", "row_sold")?,
        holds_apart: apart.unsigned_abs(),
    })
}

/// Holds that differ from their entries.
pub(super) async fn apart(
    conn: &impl ConnectionTrait,
    slot: &SlotName,
) -> Result<Vec<HoldApart>, DbErr> {
    let query = Query::select()
        .columns(["hold_id", "row_held", "row_sold", "fold_held", "fold_sold"])
        .from_subquery(by_hold(slot, conn.get_database_backend()), "each_hold")
        .and_where(Expr::cust("row_held <> fold_held OR row_sold <> fold_sold"))
        .order_by("hold_id", Order::Asc)
        .limit(HOLDS_MAX)
        .to_owned();
    let mut holds = Vec::new();
    for row in conn.query_all(&query).await? {
        let hold_id: String = row.try_get("", "hold_id")?;
        let found = hold::Entity::find_by_id(hold_id.clone()).select_only();
        let state = found.column(hold::Column::State).into_tuple().one(conn).await?;
        let entries = entries(slot).filter(entry::Column::HoldId.eq(hold_id.as_str()));
        holds.push(HoldApart {
            state,
            row: counts(&row, "row_held", "row_sold")?,
            ledger: counts(&row, "fold_held", "fold_sold")?,
            entries: entries.all(conn).await?.into_iter().map(LedgerLine::from).collect(),
            hold_id,
        });
    }
    Ok(holds)
}

/// The last entries of the slot.
pub(super) async fn last(
    conn: &impl ConnectionTrait,
    slot: &SlotName,
) -> Result<Vec<LedgerLine>, DbErr> {
    Ok(entries(slot).all(conn).await?.into_iter().map(LedgerLine::from).collect())
}

fn entries(slot: &SlotName) -> Select<entry::Entity> {
    entry::Entity::find()
        .filter(entry::Column::TicketId.eq(slot.ticket_id.as_str()))
        .filter(entry::Column::Slot.eq(slot.slot.as_str()))
        .order_by_desc(entry::Column::Seq)
        .limit(ENTRIES_MAX)
}

/// What each hold of the slot says by its row, and what by its entries.
fn by_hold(slot: &SlotName, backend: DbBackend) -> SelectStatement {
    let while_in = |state: &str| {
        Expr::cust(format!("CASE hold.state WHEN '{state}' THEN hold_line.quantity ELSE 0 END"))
    };
    let of_hold =
        Expr::col((hold::Entity, hold::Column::Id)).equals((line::Entity, line::Column::HoldId));
    let mut rows = Query::select();
    rows.expr_as(Expr::col((line::Entity, line::Column::HoldId)), "hold_id")
        .expr_as(while_in(hold::ACTIVE), "row_held")
        .expr_as(while_in(hold::COMMITTED), "row_sold")
        .expr_as(Expr::cust("0"), "fold_held")
        .expr_as(Expr::cust("0"), "fold_sold")
        .from(line::Entity)
        .inner_join(hold::Entity, of_hold)
        .and_where(Expr::col((hold::Entity, hold::Column::TicketId)).eq(slot.ticket_id.as_str()))
        .and_where(Expr::col((line::Entity, line::Column::Slot)).eq(slot.slot.as_str()));
    let folds = Query::select()
        .column(entry::Column::HoldId)
        .expr(Expr::cust("0"))
        .expr(Expr::cust("0"))
        .column(entry::Column::DHeld)
        .column(entry::Column::DSold)
        .from(entry::Entity)
        .and_where(entry::Column::TicketId.eq(slot.ticket_id.as_str()))
        .and_where(entry::Column::Slot.eq(slot.slot.as_str()))
        .to_owned();
    rows.union(UnionType::All, folds);
    Query::select()
        .column("hold_id")
        .expr_as(sum("row_held", backend), "row_held")
        .expr_as(sum("row_sold", backend), "row_sold")
        .expr_as(sum("fold_held", backend), "fold_held")
        .expr_as(sum("fold_sold", backend), "fold_sold")
        .from_subquery(rows, "said")
        .group_by_col("hold_id")
        .to_owned()
}

fn sum(of: &'static str, backend: DbBackend) -> Expr {
    let sum = format!("COALESCE(SUM({of}), 0)");
    Expr::cust(sum).cast_as(Alias::new(whole_number(backend)))
}

fn counts(row: &QueryResult, held: &str, sold: &str) -> Result<SlotCounts, DbErr> {
    Ok(SlotCounts { held: row.try_get("", held)?, sold: row.try_get("", sold)? })
}

impl From<entry::Model> for LedgerLine {
    fn from(row: entry::Model) -> Self {
        let entry::Model { seq, hold_id, kind, d_held, d_sold, at_us, .. } = row;
        Self { seq, hold_id, kind, d_held, d_sold, at_us }
    }
}
