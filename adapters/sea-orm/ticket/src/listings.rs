//! Tickets with what is left of them, of one moment: one statement, in which each slot is read once.
//!
//! Nights that are over at the place do not count. No engine knows every time zone, so the statement adds up from each
//! of the [`DAYS`] dates on that it may be somewhere on earth, by the database's clock; which of them it is at the place
//! is told from the row. Nights that are over everywhere are not read at all.
//!
//! All figures are one text, because a value for each would read the slots once for each. Joined instead, they were
//! left to planners: PostgreSQL read the slots of all tickets for a page of 100.

use std::collections::BTreeMap;

use kernel::{CivilDate, StoreError, TicketId, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Select,
};
use sea_orm_database::{Database, filled, now_expr, unavailable, utc_date_expr};
use ticket::{Listing, Ticket, TicketKind};

use crate::rows::ticket::{Column, Entity, Model, broken_stock, read_stock};

/// The dates that it may be somewhere: that of UTC, the one before, the one after.
const DAYS: [i32; 3] = [-1, 0, 1];

/// A night that may not be over yet, or whatever is no night: their names begin with a letter, which comes after every
/// digit, so that one range of the primary key has both.
pub(crate) fn may_be_booked(backend: DbBackend) -> String {
    format!("stock.slot >= {}", utc_date_expr(backend, -1))
}

/// Tickets with their figures, as [`ListingRow`]s.
pub(crate) fn listings(backend: DbBackend) -> Select<Entity> {
    Entity::find()
        .expr_as(now_expr(backend), "now_us")
        .expr_as(Expr::cust(figures(backend)), "figures")
}

/// Those that are there, each as it can be read: what is wrong with one is no other's trouble.
pub(crate) async fn read_by_id(
    db: Database,
    ids: Vec<TicketId>,
) -> Result<BTreeMap<TicketId, Result<Listing, StoreError>>, StoreError> {
    let reader = db.reader();
    let found = listings(reader.get_database_backend())
        .filter(Column::Id.is_in(filled(ids.iter().map(ToString::to_string))))
        .into_model::<ListingRow>()
        .all(reader)
        .await
        .map_err(unavailable("reading a ticket"))?;
    let by_name: BTreeMap<_, _> = ids.into_iter().map(|id| (id.to_string(), id)).collect();
    let listing = |row: ListingRow| {
        let id = by_name.get(&row.ticket.id).copied()?;
        Some((id, Listing::try_from(row)))
    };
    Ok(found.into_iter().filter_map(listing).collect())
}

/// Capacity, held and sold of all; then, of the nights from each day on, the units of the largest and the most that are
/// left of one.
fn figures(backend: DbBackend) -> String {
    let sums = ["capacity", "held", "sold"].map(|column| format!("SUM(stock.{column})"));
    let nights = DAYS.into_iter().flat_map(|day| {
        let from = utc_date_expr(backend, day);
        ["stock.capacity", "stock.capacity - stock.held - stock.sold"]
            .map(|units| format!("MAX(CASE WHEN stock.slot >= {from} THEN {units} END)"))
    });
    let figures = sums.into_iter().chain(nights).map(|figure| format!("COALESCE({figure}, 0)"));
    let figures: Vec<_> = figures.collect();
    format!(
        "(SELECT CONCAT_WS(' ', {}) FROM stock WHERE stock.ticket_id = ticket.id AND {})",
        figures.join(", "),
        may_be_booked(backend)
    )
}

/// A ticket with its figures, read in one statement.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ListingRow {
    #[sea_orm(nested)]
    ticket: Model,
    now_us: i64,
    figures: String,
}

impl TryFrom<ListingRow> for Listing {
    type Error = StoreError;

    fn try_from(row: ListingRow) -> Result<Self, StoreError> {
        let ticket = Ticket::try_from(row.ticket)?;
        let broken = || broken_stock(ticket.id);
        let figures: Vec<i64> = row
            .figures
            .split(' ')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| broken())?;
        let [capacity, held, sold, nights @ ..] = figures.as_slice() else { return Err(broken()) };
        let stock = match ticket.kind {
            TicketKind::Admission | TicketKind::Seated => read_stock(*capacity, *held, *sold),
            TicketKind::Nightly => {
                let now = Timestamp::from_micros(row.now_us);
                let ahead = CivilDate::in_utc(now).days_until(ticket.terms.time_zone.date_of(now));
                let by_day = DAYS.into_iter().zip(nights.chunks_exact(2));
                let today = by_day.filter(|(day, _)| *day == ahead).map(|(_, units)| units).next();
                let Some([largest, left]) = today else { return Err(broken()) };
                // As `Stock::of_nights` has it.
                read_stock(*largest, largest - left, 0)
            }
        };
        Ok(Self { stock: stock.ok_or_else(broken)?, ticket })
    }
}
