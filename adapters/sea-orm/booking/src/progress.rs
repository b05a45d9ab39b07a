//! How far the bookings of a deleted ticket have come, counted.

use booking::{BookingStatus, CancelReason, MoneyBack, RetirementProgress};
use kernel::{OrganizerId, StoreError, TicketId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use sea_orm_database::{Database, unavailable};

use crate::row::{Column, Entity};
use crate::state_row::{money_back_name, status_name};

const STUCK: &str = money_back_name(MoneyBack::Stuck);

/// Rows of one status, money and reason.
type Counted = (String, Option<String>, Option<String>, i64);

pub(crate) async fn read(
    db: &Database,
    ticket_id: TicketId,
    organizer_id: &OrganizerId,
) -> Result<RetirementProgress, StoreError> {
    let counted: Vec<Counted> = Entity::find()
        .select_only()
        .columns([Column::Status, Column::Money, Column::Reason])
        .column_as(Column::Id.count(), "bookings")
        .filter(Column::TicketId.eq(ticket_id.to_string()))
        .filter(Column::OrganizerId.eq(organizer_id.as_str()))
        .group_by(Column::Status)
        .group_by(Column::Money)
        .group_by(Column::Reason)
        .into_tuple()
        .all(db.reader())
        .await
        .map_err(unavailable("counting the bookings of a ticket"))?;
    let mut progress = RetirementProgress::default();
    for (status, money, reason, bookings) in counted {
        let bookings = u64::try_from(bookings).unwrap_or_default();
        let Some(status) = BookingStatus::ALL.into_iter().find(|is| status_name(*is) == status)
        else {
            continue;
        };
        match status {
            status if status.is_open() => progress.open += bookings,
            BookingStatus::Cancelling => {
                progress.cancelling += bookings;
                progress.stuck += if money.as_deref() == Some(STUCK) { bookings } else { 0 };
            }
            BookingStatus::Cancelled
                if reason.as_deref() == Some(CancelReason::TicketDeleted.as_str()) =>
            {
                progress.cancelled += bookings;
            }
            BookingStatus::Pending
            | BookingStatus::AwaitingPayment
            | BookingStatus::Confirmed
            | BookingStatus::Cancelled
            | BookingStatus::Rejected
            | BookingStatus::Expired => {}
        }
    }
    Ok(progress)
}
