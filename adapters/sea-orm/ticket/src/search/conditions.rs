//! The conditions of a search as queries: which an index tells, and which are looked up in each ticket.

use kernel::{Cursor, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, Condition, DbBackend};
use ticket::{SortKey, TicketOrder, TicketSearch, TicketStatus};

use super::search_text::{contains, full_text};
use crate::listings::may_be_booked;
use crate::rows::ticket::{Column, Entity, kind_name, status_name};

const LEFT: &str = "EXISTS (SELECT 1 FROM stock WHERE stock.ticket_id = ticket.id \
                    AND stock.capacity > stock.held + stock.sold AND ";

/// A condition that an index tells, with those of deleted tickets excepted.
pub(super) struct Narrowed {
    pub(super) condition: Condition,
    /// Whether that index tells how many there are without gathering all of them. MySQL's full-text index does not.
    pub(super) countable: bool,
}

/// What stands in the index that the search's order is walked by.
pub(super) fn of_index(search: &TicketSearch) -> Condition {
    let found = Condition::all().add(Column::Findable.eq(true));
    match search.order.key {
        SortKey::CreateTime => match (&search.organizer_id, &search.category) {
            (Some(id), _) => found.add(Column::OrganizerId.eq(id.as_str())),
            (None, Some(category)) => found.add(Column::Category.eq(category.as_str())),
            (None, None) => found,
        },
        SortKey::StartTime => window(search, sort_column(search.order), found),
        SortKey::UnitPrice => {
            let max = search.max_unit_price.map(|max| Column::UnitPriceMinor.lte(max.minor()));
            found.add_option(max)
        }
    }
}

/// What that index does not tell.
pub(super) fn filters(search: &TicketSearch, backend: DbBackend) -> Vec<Expr> {
    let by_key = |key| search.order.key == key;
    let by_organizer = by_key(SortKey::CreateTime) && search.organizer_id.is_some();
    let by_category = by_key(SortKey::CreateTime) && !by_organizer;
    let mut filters: Vec<_> = search.words.iter().map(contains).collect();
    let organizer = search.organizer_id.as_ref().filter(|_| !by_organizer);
    filters.extend(organizer.map(|id| unindexed(Column::OrganizerId).eq(id.as_str())));
    let category = search.category.as_ref().filter(|_| !by_category);
    filters.extend(category.map(|category| unindexed(Column::Category).eq(category.as_str())));
    filters.extend(search.kind.map(|kind| Column::Kind.eq(kind_name(kind))));
    filters.extend(search.max_unit_price.map(|max| Column::Currency.eq(max.currency().code())));
    let price = search.max_unit_price.filter(|_| !by_key(SortKey::UnitPrice));
    filters.extend(price.map(|max| Column::UnitPriceMinor.lte(max.minor())));
    if !by_key(SortKey::StartTime) {
        filters.extend(search.starts_from.map(|from| Column::StartsAtUs.gte(from.as_micros())));
        filters.extend(search.starts_before.map(|to| Column::StartsAtUs.lt(to.as_micros())));
    }
    // Of nights that are over here and not yet elsewhere, `TicketPage` decides.
    let left = || Expr::cust(format!("{LEFT}{})", may_be_booked(backend)));
    filters.extend(search.available_only.then(left));
    filters
}

/// The condition that leaves the fewest tickets, as far as one can say without looking.
pub(super) fn narrowed(search: &TicketSearch, backend: DbBackend) -> Option<Narrowed> {
    if !search.words.is_empty() {
        // Not by `findable`: planners without statistics take that for the better index.
        let found = [TicketStatus::OnSale, TicketStatus::Paused].map(status_name);
        let condition = Condition::all()
            .add(full_text(&search.words, backend))
            .add(Column::Status.is_in(found));
        return Some(Narrowed { condition, countable: backend != DbBackend::MySql });
    }
    let findable = Condition::all().add(Column::Findable.eq(true));
    let has_window = search.starts_from.is_some() || search.starts_before.is_some();
    let by_key = |key| search.order.key == key;
    let condition = match (&search.organizer_id, &search.category) {
        (Some(id), _) if !by_key(SortKey::CreateTime) => {
            findable.add(Column::OrganizerId.eq(id.as_str()))
        }
        (None, Some(category)) if !by_key(SortKey::CreateTime) => {
            findable.add(Column::Category.eq(category.as_str()))
        }
        _ if has_window && !by_key(SortKey::StartTime) => {
            window(search, Expr::col((Entity, Column::StartsFirstUs)), findable)
        }
        _ => return None,
    };
    Some(Narrowed { condition, countable: true })
}

/// Places of the order after this one.
pub(super) fn beyond(order: TicketOrder, sort: &Expr, place: Cursor, backend: DbBackend) -> Expr {
    let id = place.id.to_string();
    let key = || Expr::col((Entity, Column::Id));
    let (near, further) = if order.descending {
        (sort.clone().lte(place.sort), sort.clone().lt(place.sort))
    } else {
        (sort.clone().gte(place.sort), sort.clone().gt(place.sort))
    };
    match backend {
        // It sees a range of an index in the long form only, the others in the short one only.
        DbBackend::MySql => {
            let after = if order.descending { key().lt(id) } else { key().gt(id) };
            further.or(sort.clone().eq(place.sort).and(after))
        }
        // It estimates pairs by their first part's bounds only where those stand beside: without them it took a look
        // for a quarter of the table and read all of it.
        DbBackend::Postgres => near.and(pair_after(order, sort, place.sort, id)),
        DbBackend::Sqlite | _ => pair_after(order, sort, place.sort, id),
    }
}

/// Places of the order up to this one, and this one.
pub(super) fn up_to(order: TicketOrder, sort: &Expr, place: Cursor, backend: DbBackend) -> Expr {
    let here =
        sort.clone().eq(place.sort).and(Expr::col((Entity, Column::Id)).eq(place.id.to_string()));
    let before = TicketOrder { descending: !order.descending, ..order };
    match backend {
        DbBackend::MySql => beyond(before, sort, place, backend).or(here),
        DbBackend::Postgres | DbBackend::Sqlite | _ => {
            let pair = Expr::tuple([sort.clone(), Expr::col((Entity, Column::Id))]);
            let end = Expr::tuple([Expr::val(place.sort), Expr::val(place.id.to_string())]);
            let (near, until) = if order.descending {
                (sort.clone().gte(place.sort), pair.gte(end))
            } else {
                (sort.clone().lte(place.sort), pair.lte(end))
            };
            if backend == DbBackend::Postgres { near.and(until) } else { until }
        }
    }
}

fn pair_after(order: TicketOrder, sort: &Expr, place: i64, id: String) -> Expr {
    let pair = Expr::tuple([sort.clone(), Expr::col((Entity, Column::Id))]);
    let place = Expr::tuple([Expr::val(place), Expr::val(id)]);
    if order.descending { pair.lt(place) } else { pair.gt(place) }
}

/// What tickets are sorted by. Those without a beginning come last either way, so there is a column for each way.
pub(super) fn sort_column(order: TicketOrder) -> Expr {
    let column = match (order.key, order.descending) {
        (SortKey::CreateTime, _) => Column::CreatedAtUs,
        (SortKey::UnitPrice, _) => Column::UnitPriceMinor,
        (SortKey::StartTime, false) => Column::StartsFirstUs,
        (SortKey::StartTime, true) => Column::StartsLastUs,
    };
    Expr::col((Entity, column))
}

/// A ticket whose beginning nobody knows stands at the first or the last instant, and in no window.
fn window(search: &TicketSearch, starts: Expr, all: Condition) -> Condition {
    if search.starts_from.is_none() && search.starts_before.is_none() {
        return all;
    }
    let from = search.starts_from.map_or(i64::MIN + 1, Timestamp::as_micros);
    let to = search.starts_before.map_or(i64::MAX, Timestamp::as_micros);
    all.add(starts.clone().gte(from)).add(starts.lt(to))
}

/// A column whose own index is not to be taken: it would gather all that stand there.
fn unindexed(column: Column) -> Expr {
    Expr::expr(Func::coalesce([Expr::col((Entity, column)), Expr::val("")]))
}
