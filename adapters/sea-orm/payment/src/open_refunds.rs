//! Refunds whose money is not back: for operators.

use std::collections::BTreeMap;

use kernel::{BookingId, PaymentId, RefundId, StoreError, Timestamp};
use payment::Refund;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sea_orm_database::{Database, unavailable};

use crate::rows::{payment as payment_row, refund as refund_row};

/// Reads refunds of a database.
pub struct OpenRefunds {
    db: Database,
}

/// A refund, and what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRefund {
    /// The booking whose money it is.
    pub booking_id: BookingId,
    /// The payment that it was taken with.
    pub payment_id: PaymentId,
    /// The name of its state.
    pub state: String,
    /// The refund.
    pub refund: Refund,
}

/// Refunds as they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRefunds {
    /// Those that can be read: the ones in review first, the oldest of each first.
    pub refunds: Vec<OpenRefund>,
    /// What is wrong with each of the others.
    pub unreadable: Vec<StoreError>,
    /// When that was, by the database's own time.
    pub at: Timestamp,
}

const DOING: &str = "listing open refunds";

impl OpenRefunds {
    /// Over a database that [`crate::migrations`] have run on.
    #[must_use]
    pub const fn new(db: Database) -> Self {
        Self { db }
    }

    /// The refunds whose money is not back, at most `rows_max`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(&self, rows_max: u32) -> Result<FoundRefunds, StoreError> {
        let at = self.db.now(self.db.reader()).await.map_err(unavailable(DOING))?;
        let rows_max = u64::from(rows_max);
        let mut rows = self.rows(&[refund_row::MANUAL_REVIEW], rows_max).await?;
        let left = rows_max.saturating_sub(rows.len() as u64);
        if left > 0 {
            rows.extend(self.rows(&refund_row::ASKED, left).await?);
        }
        let bookings = self.bookings(rows.iter().map(|row| row.payment_id.clone())).await?;
        let mut found = FoundRefunds { refunds: Vec::new(), unreadable: Vec::new(), at };
        for row in rows {
            let booking = bookings.get(&row.payment_id);
            match read(row, booking) {
                Ok(refund) => found.refunds.push(refund),
                Err(error) => found.unreadable.push(error),
            }
        }
        Ok(found)
    }

    /// Every refund that waits for an operator, with its booking, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn in_review(&self) -> Result<Vec<(RefundId, BookingId)>, StoreError> {
        use refund_row::Column;
        let rows: Vec<(String, String)> = refund_row::Entity::find()
            .select_only()
            .columns([Column::Id, Column::PaymentId])
            .filter(Column::Status.eq(refund_row::MANUAL_REVIEW))
            .order_by_asc(Column::CreatedAtUs)
            .order_by_asc(Column::Id)
            .into_tuple()
            .all(self.db.reader())
            .await
            .map_err(unavailable(DOING))?;
        let bookings = self.bookings(rows.iter().map(|(_, payment)| payment.clone())).await?;
        rows.into_iter()
            .map(|(id, payment)| Ok((refund_id(&id)?, booking_id(&id, bookings.get(&payment))?)))
            .collect()
    }

    /// The booking whose money a refund gives back, in whatever state the refund is; `None` for an unknown id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn booking_of(&self, id: RefundId) -> Result<Option<BookingId>, StoreError> {
        let found = refund_row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await;
        let Some(row) = found.map_err(unavailable(DOING))? else { return Ok(None) };
        let bookings = self.bookings([row.payment_id.clone()]).await?;
        booking_id(&row.id, bookings.get(&row.payment_id)).map(Some)
    }

    async fn rows(
        &self,
        states: &[&str],
        rows_max: u64,
    ) -> Result<Vec<refund_row::Model>, StoreError> {
        use refund_row::Column;
        refund_row::Entity::find()
            .filter(Column::Status.is_in(states.iter().copied()))
            .order_by_asc(Column::CreatedAtUs)
            .order_by_asc(Column::Id)
            .limit(rows_max)
            .all(self.db.reader())
            .await
            .map_err(unavailable(DOING))
    }

    /// The bookings of payments, by the payments' ids.
    async fn bookings(
        &self,
        payments: impl IntoIterator<Item = String>,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        use payment_row::Column;
        let payments: Vec<_> = payments.into_iter().collect();
        let mut bookings = BTreeMap::new();
        for some in payments.chunks(PAYMENTS_AT_ONCE) {
            let rows: Vec<(String, String)> = payment_row::Entity::find()
                .select_only()
                .columns([Column::Id, Column::BookingId])
                .filter(Column::Id.is_in(some))
                .into_tuple()
                .all(self.db.reader())
                .await
                .map_err(unavailable(DOING))?;
            bookings.extend(rows);
        }
        Ok(bookings)
    }
}

/// Looked up in one statement at most.
const PAYMENTS_AT_ONCE: usize = 1000;

fn read(row: refund_row::Model, booking: Option<&String>) -> Result<OpenRefund, StoreError> {
    let corrupt = |column| StoreError::CorruptRow { table: "refund", id: row.id.clone(), column };
    Ok(OpenRefund {
        booking_id: booking_id(&row.id, booking)?,
        payment_id: row.payment_id.parse().map_err(|_| corrupt("payment_id"))?,
        state: row.status.clone(),
        refund: Refund::try_from(row)?,
    })
}

fn refund_id(id: &str) -> Result<RefundId, StoreError> {
    id.parse().map_err(|_| StoreError::CorruptRow {
        table: "refund",
        id: id.to_owned(),
        column: "id",
    })
}

fn booking_id(refund: &str, booking: Option<&String>) -> Result<BookingId, StoreError> {
    booking.and_then(|id| id.parse().ok()).ok_or_else(|| StoreError::CorruptRow {
        table: "refund",
        id: refund.to_owned(),
        column: "payment_id",
    })
}
