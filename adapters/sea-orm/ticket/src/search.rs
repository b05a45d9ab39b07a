//! Searches: pages whose work is bounded, however many tickets there are and whatever is asked for.
//!
//! Tickets are looked at in the order asked for, along that order's index, [`WALKED`] at a time. Conditions
//! that many tickets meet fill a page with the first look. Where that falls short, few meet them, and those few
//! are gathered by another index and sorted: by the engine's full-text index where words are asked for, else by
//! that of the organizer, the category or the beginning, unless more than [`GATHERED_MAX`] stand there. What no
//! index tells, or too slowly, is walked for up to [`LOOKS_MAX`] looks; then the page ends as it is, and tells where to go on.
//!
//! The end of a look is read before the look. What is written in between is then in this look or was never in
//! the way, so that pages have no gap and no double (T03).
//!
//! Neither is left to the engines' planners, which cannot tell how common the beginning of a word is: among
//! 1,000,000 tickets PostgreSQL walked the whole order of prices for a word of 14, in 51 s, where gathering takes
//! 1 ms. Nor is there a table of words of our own: it took 30 times the room of PostgreSQL's index.

mod conditions;
pub(crate) mod search_text;

use kernel::{Cursor, StoreError};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    Condition, ConnectionTrait, DbBackend, DbErr, FromQueryResult, JoinType, Order, QuerySelect,
    QueryTrait, Select,
};
use sea_orm_database::{Reader, is_out_of_time, unavailable};
use ticket::{Listing, TicketOrder, TicketPage, TicketSearch};

use crate::listings::{ListingRow, listings};
use crate::rows::ticket::{Column, Entity};
use conditions::{Narrowed, beyond, filters, narrowed, of_index, sort_column, up_to};

/// How many tickets one look goes over: of a condition that one ticket in a hundred meets it finds a page.
const WALKED: u64 = 2_000;
/// How many looks one page takes.
const LOOKS_MAX: usize = 10;
/// How many tickets are gathered to be sorted, where the index can be asked how many there are.
const GATHERED_MAX: u64 = 50_000;
/// How long they are gathered where it cannot: MariaDB's full-text index took 15 s for 200,000 of 1,000,000
/// tickets, only to count them. MySQL skips the comment, and ends the statement as any other.
const GATHERED_IN_TIME: &str = "/*M!100100 SET STATEMENT max_statement_time = 1 FOR */ ";

/// A page and where the next one begins.
pub(crate) async fn page(reader: &Reader, search: &TicketSearch) -> Result<TicketPage, StoreError> {
    let looking = Looking { reader, search, backend: reader.get_database_backend() };
    if filters(search, looking.backend).is_empty() {
        return Ok(TicketPage::cut(
            looking.along(search.after, None, looking.wanted()).await?,
            search,
        ));
    }
    let mut found = Vec::new();
    let mut after = search.after;
    for look in 0..LOOKS_MAX {
        let end = looking.end_of_look(after).await?;
        let missing = looking.wanted() - found.len() as u64;
        found.extend(looking.along(after, end, missing).await?);
        if found.len() as u64 == looking.wanted() || end.is_none() {
            return Ok(TicketPage::cut(found, search));
        }
        if look == 0
            && let Some(all) = looking.gathered().await?
        {
            return Ok(TicketPage::cut(all, search));
        }
        after = end;
    }
    Ok(TicketPage::of(found, after, search))
}

struct Looking<'a> {
    reader: &'a Reader,
    search: &'a TicketSearch,
    backend: DbBackend,
}

impl Looking<'_> {
    /// The rows of a page and one more, to know whether it is the last.
    fn wanted(&self) -> u64 {
        u64::from(self.search.page_size.get()) + 1
    }

    /// The key of the last ticket of a look; none where fewer are left.
    async fn end_of_look(&self, after: Option<Cursor>) -> Result<Option<Cursor>, StoreError> {
        let sort = sort_column(self.search.order);
        let mut keys = keys(self.search.order, of_index(self.search), sort.clone());
        keys.cond_where(self.after(&sort, after)).offset(WALKED - 1).limit(1);
        let row = self.reader.query_one(&keys).await.map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let sort = row.try_get("", "sort").map_err(failed)?;
        let id: String = row.try_get("", "id").map_err(failed)?;
        let parsed = id.parse::<kernel::TicketId>();
        let id =
            parsed.map_err(|_| StoreError::CorruptRow { table: "ticket", id, column: "id" })?;
        Ok(Some(Cursor { sort, id: id.as_uuid() }))
    }

    /// What meets the conditions between two places of the order's index.
    async fn along(
        &self,
        after: Option<Cursor>,
        end: Option<Cursor>,
        rows: u64,
    ) -> Result<Vec<Listing>, StoreError> {
        let sort = sort_column(self.search.order);
        let until = end.map(|end| up_to(self.search.order, &sort, end, self.backend));
        let all = filters(self.search, self.backend)
            .into_iter()
            .fold(of_index(self.search), Condition::add);
        let mut keys = keys(self.search.order, all, sort.clone());
        keys.cond_where(self.after(&sort, after).add_option(until)).limit(rows);
        self.listed(keys).await
    }

    /// What meets the conditions, gathered by an index that few stand in; none where there is no such index.
    async fn gathered(&self) -> Result<Option<Vec<Listing>>, StoreError> {
        let Some(Narrowed { condition, countable }) = narrowed(self.search, self.backend) else {
            return Ok(None);
        };
        if countable && self.count(condition.clone()).await? > GATHERED_MAX {
            return Ok(None);
        }
        // An expression is in no index, so the order cannot lure the planner into walking it.
        let sort = sort_column(self.search.order).add(0);
        let all = filters(self.search, self.backend).into_iter().fold(condition, Condition::add);
        let mut keys = keys(self.search.order, all, sort.clone());
        keys.cond_where(self.after(&sort, self.search.after)).limit(self.wanted());
        if countable { self.listed(keys).await.map(Some) } else { self.listed_in_time(keys).await }
    }

    /// How many there are; one more than may be gathered stands for all that are more.
    async fn count(&self, condition: Condition) -> Result<u64, StoreError> {
        let some = Query::select()
            .expr_as(Expr::val(1), "one")
            .from(Entity)
            .cond_where(condition)
            .limit(GATHERED_MAX + 1)
            .take();
        let count = Query::select()
            .expr_as(Expr::cust("COUNT(*)"), "many")
            .from_subquery(some, Alias::new("some"))
            .take();
        let row = self.reader.query_one(&count).await.map_err(failed)?;
        let many: i64 = row.map_or(Ok(0), |row| row.try_get("", "many")).map_err(failed)?;
        Ok(u64::try_from(many).unwrap_or(u64::MAX))
    }

    async fn listed(&self, keys: SelectStatement) -> Result<Vec<Listing>, StoreError> {
        let rows = self.tickets(keys).into_model::<ListingRow>().all(self.reader).await;
        rows.map_err(failed)?.into_iter().map(Listing::try_from).collect()
    }

    /// The same; none where it takes too long.
    async fn listed_in_time(
        &self,
        keys: SelectStatement,
    ) -> Result<Option<Vec<Listing>>, StoreError> {
        let mut statement = self.tickets(keys).build(self.backend);
        statement.sql.insert_str(0, GATHERED_IN_TIME);
        match ListingRow::find_by_statement(statement).all(self.reader).await {
            Err(error) if is_out_of_time(&error) => Ok(None),
            rows => rows
                .map_err(failed)?
                .into_iter()
                .map(Listing::try_from)
                .collect::<Result<_, _>>()
                .map(Some),
        }
    }

    /// The tickets of these keys. Counters are summed for them alone.
    fn tickets(&self, keys: SelectStatement) -> Select<Entity> {
        let (found, direction) = (Alias::new("found"), direction(self.search.order));
        let same = Expr::col((found.clone(), Alias::new("id"))).equals((Entity, Column::Id));
        let mut tickets = listings(self.backend);
        QuerySelect::query(&mut tickets)
            .join_subquery(JoinType::InnerJoin, keys, found.clone(), same)
            .order_by((found.clone(), Alias::new("sort")), direction.clone())
            .order_by((found, Alias::new("id")), direction);
        tickets
    }

    fn after(&self, sort: &Expr, after: Option<Cursor>) -> Condition {
        let beyond = |after| beyond(self.search.order, sort, after, self.backend);
        Condition::all().add_option(after.map(beyond))
    }
}

/// Identifiers of tickets and what they are sorted by, in order.
fn keys(order: TicketOrder, condition: Condition, sort: Expr) -> SelectStatement {
    let direction = direction(order);
    Query::select()
        .expr_as(Expr::col((Entity, Column::Id)), "id")
        .expr_as(sort.clone(), "sort")
        .from(Entity)
        .cond_where(condition)
        .order_by_expr(sort, direction.clone())
        .order_by((Entity, Column::Id), direction)
        .take()
}

const fn direction(order: TicketOrder) -> Order {
    if order.descending { Order::Desc } else { Order::Asc }
}

fn failed(error: DbErr) -> StoreError {
    unavailable("searching tickets")(error)
}
