//! How far the bookings of a deleted ticket have come, counted.

use booking::{BookingStatus, MoneyBack, RetirementProgress};
use kernel::{StoreError, TicketId};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use sea_orm_database::{Database, unavailable};

use crate::row::{Column, Entity};
use crate::state_row::{money_back_name, status_name};

/// Counts by an index of tickets and statuses alone, without those that never had anything to give back: of a ticket in
/// demand they are the most. Only what is on its way back is looked at row by row.
pub(crate) async fn read(
    db: &Database,
    ticket_id: TicketId,
) -> Result<RetirementProgress, StoreError> {
    let failed = unavailable("counting the bookings of a ticket");
    let mut progress = RetirementProgress::default();
    for (status, bookings) in by_status(db, ticket_id).await.map_err(&failed)? {
        let bookings = u64::try_from(bookings).unwrap_or_default();
        let counted = if status == status_name(BookingStatus::Cancelling) {
            &mut progress.cancelling
        } else if status == status_name(BookingStatus::Cancelled) {
            &mut progress.cancelled
        } else {
            &mut progress.open
        };
        *counted += bookings;
    }
    if progress.cancelling > 0 {
        progress.stuck = stuck(db, ticket_id).await.map_err(failed)?;
    }
    Ok(progress)
}

async fn by_status(db: &Database, ticket_id: TicketId) -> Result<Vec<(String, i64)>, DbErr> {
    let counted = BookingStatus::ALL.into_iter().filter(|status| match status {
        BookingStatus::Cancelling | BookingStatus::Cancelled => true,
        BookingStatus::Pending
        | BookingStatus::AwaitingPayment
        | BookingStatus::Confirmed
        | BookingStatus::Rejected
        | BookingStatus::Expired => status.is_open(),
    });
    Entity::find()
        .select_only()
        .column(Column::Status)
        .column_as(Column::Id.count(), "bookings")
        .filter(Column::TicketId.eq(ticket_id.to_string()))
        .filter(Column::Status.is_in(counted.map(status_name)))
        .group_by(Column::Status)
        .into_tuple()
        .all(db.reader())
        .await
}

async fn stuck(db: &Database, ticket_id: TicketId) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::TicketId.eq(ticket_id.to_string()))
        .filter(Column::Status.eq(status_name(BookingStatus::Cancelling)))
        .filter(Column::Money.eq(money_back_name(MoneyBack::Stuck)))
        .count(db.reader())
        .await
}
