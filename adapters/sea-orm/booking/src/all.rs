//! Every booking there is, by pages: for a rebuild of what others make of them.

use booking::{Booking, Stored};
use kernel::{BookingId, StoreError};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sea_orm_database::{Database, unavailable};

use crate::row::{Column, Entity};

/// Reads all bookings of a database.
pub struct AllBookings {
    db: Database,
}

impl AllBookings {
    /// Over a database that [`crate::migrations`] have run on.
    #[must_use]
    pub const fn new(db: Database) -> Self {
        Self { db }
    }

    /// Bookings above `after` in the database's order of ids, at most `rows_max`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn ids(
        &self,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let ids: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Id.gt(after))
            .order_by_asc(Column::Id)
            .limit(u64::from(rows_max))
            .into_tuple()
            .all(self.db.reader())
            .await
            .map_err(unavailable("paging through the bookings"))?;
        let read = |id: String| {
            id.parse().map_err(|_| StoreError::CorruptRow { table: "booking", id, column: "id" })
        };
        ids.into_iter().map(read).collect()
    }

    /// Those of these bookings that there are, in any order.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of(&self, ids: &[BookingId]) -> Result<Vec<Booking>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Id.is_in(ids.iter().map(ToString::to_string)))
            .all(self.db.reader())
            .await
            .map_err(unavailable("reading bookings"))?;
        rows.into_iter().map(|row| Ok(Stored::try_from(row)?.booking)).collect()
    }
}
