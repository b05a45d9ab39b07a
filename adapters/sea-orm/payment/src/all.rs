//! Any settlements at once: for a rebuild of what others make of them.

use kernel::{BookingId, StoreError};
use payment::Settlement;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sea_orm_database::{Database, unavailable};

use crate::rows::{payment as payment_row, refund as refund_row, settlement as settlement_row};

/// Reads settlements of a database.
pub struct AllSettlements {
    db: Database,
}

impl AllSettlements {
    /// Over a database that [`crate::migrations`] have run on.
    #[must_use]
    pub const fn new(db: Database) -> Self {
        Self { db }
    }

    /// Those of these bookings' settlements that there are, in any order.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of(&self, bookings: &[BookingId]) -> Result<Vec<Settlement>, StoreError> {
        use settlement_row::Column;
        // One statement, so that no commit falls between the rows of one settlement.
        let rows = settlement_row::Entity::find()
            .find_also_related(payment_row::Entity)
            .and_also_related(refund_row::Entity)
            .filter(Column::BookingId.is_in(bookings.iter().map(ToString::to_string)))
            .order_by_asc(Column::BookingId)
            .order_by_asc(payment_row::Column::Attempt)
            .order_by_asc(refund_row::Column::CreatedAtUs)
            .order_by_asc(refund_row::Column::Id)
            .all(self.db.reader())
            .await
            .map_err(unavailable("reading settlements"))?;
        let mut settlements: Vec<Vec<settlement_row::Joined>> = Vec::new();
        for row in rows {
            let same = settlements.last_mut().filter(|of| {
                of.first().is_some_and(|(head, _, _)| head.booking_id == row.0.booking_id)
            });
            match same {
                Some(rows) => rows.push(row),
                None => settlements.push(vec![row]),
            }
        }
        settlements.into_iter().filter_map(|rows| settlement_row::read(rows).transpose()).collect()
    }
}
