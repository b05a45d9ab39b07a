//! Tickets with the sums of their counters, and the conditions of a search, as queries.

use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use ticket::{SortKey, TicketOrder, TicketSearch, TicketStatus};

use crate::rows::ticket::{Column, Entity, kind_name, status_name};

/// Escapes what has a meaning in a LIKE pattern. Not the backslash: engines differ about it.
const ESCAPE: char = '!';

/// Tickets with what is left of them, of one moment.
pub(crate) fn listings(backend: DbBackend) -> Select<Entity> {
    ["capacity", "held", "sold"]
        .into_iter()
        .fold(Entity::find(), |select, column| select.expr_as(total_of(column, backend), column))
}

/// The rows of a page and one more.
pub(crate) fn page(search: &TicketSearch, backend: DbBackend) -> Select<Entity> {
    let direction = if search.order.descending { Order::Desc } else { Order::Asc };
    let after = search.after.map(|cursor| {
        let id = cursor.id.to_string();
        let (sort, same) = (sort_value(search.order), sort_value(search.order).eq(cursor.sort));
        if search.order.descending {
            sort.lt(cursor.sort).or(same.and(Expr::col(Column::Id).lt(id)))
        } else {
            sort.gt(cursor.sort).or(same.and(Expr::col(Column::Id).gt(id)))
        }
    });
    listings(backend)
        .filter(conditions(search).add_option(after))
        .order_by(sort_value(search.order), direction.clone())
        .order_by(Column::Id, direction)
        .limit(u64::from(search.page_size.get()) + 1)
}

fn conditions(search: &TicketSearch) -> Condition {
    let found = [TicketStatus::OnSale, TicketStatus::Paused].map(status_name);
    let micros = kernel::Timestamp::as_micros;
    let anything_left = "EXISTS (SELECT 1 FROM stock WHERE stock.ticket_id = ticket.id \
                         AND stock.capacity > stock.held + stock.sold)";
    let all = Condition::all()
        .add(Column::Status.is_in(found))
        .add_option(search.category.as_ref().map(|category| Column::Category.eq(category.as_str())))
        .add_option(search.organizer_id.as_ref().map(|id| Column::OrganizerId.eq(id.as_str())))
        .add_option(search.kind.map(|kind| Column::Kind.eq(kind_name(kind))))
        .add_option(search.starts_from.map(|from| Column::StartsAtUs.gte(micros(from))))
        .add_option(search.starts_before.map(|to| Column::StartsAtUs.lt(micros(to))))
        .add_option(search.max_unit_price.map(|max| {
            let affordable = Column::UnitPriceMinor.lte(max.minor());
            affordable.and(Column::Currency.eq(max.currency().code()))
        }))
        .add_option(search.available_only.then(|| Expr::cust(anything_left)));
    search.words.iter().fold(all, |all, word| all.add(Column::SearchText.like(pattern(word))))
}

fn pattern(word: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for letter in word.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(letter);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape(ESCAPE)
}

fn sort_value(order: TicketOrder) -> Expr {
    match order.key {
        SortKey::CreateTime => Expr::col(Column::CreatedAtUs),
        SortKey::UnitPrice => Expr::col(Column::UnitPriceMinor),
        SortKey::StartTime => {
            let unknown = Expr::val(order.unknown_start());
            Expr::expr(sea_orm::sea_query::Func::coalesce([Expr::col(Column::StartsAtUs), unknown]))
        }
    }
}

/// Sums are of a wider type on some engines, and MySQL names the narrow one differently.
fn total_of(column: &str, backend: DbBackend) -> Expr {
    let narrow = if backend == DbBackend::MySql { "SIGNED" } else { "BIGINT" };
    Expr::cust(format!(
        "(SELECT CAST(COALESCE(SUM(stock.{column}), 0) AS {narrow}) FROM stock \
         WHERE stock.ticket_id = ticket.id)"
    ))
}
