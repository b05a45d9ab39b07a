//! The settlements: rows, events and inbox mark in one transaction, due by the database's own time.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    BookingId, Committed, Cursor, Envelope, PaymentId, Recorded, ReplyChange, StoreError,
};
use payment::{Change, Payment, PaymentEvent, PaymentFilter, Settlement, SettlementStore};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr,
    EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use sea_orm_database::{
    Database, Marks, TxError, count_at_commit, database_now, now_expr, unavailable, write_marks,
};
use telemetry_metrics::names::PAYMENTS;

use crate::rows::{payment as payment_row, refund as refund_row, settlement as settlement_row};

/// The settlements in a database.
pub struct SeaOrmSettlementStore {
    db: Database,
    envelope: fn(&Recorded<PaymentEvent>) -> Envelope,
}

impl SeaOrmSettlementStore {
    /// Over a database that [`crate::migrations`] have run on; `envelope` is how events are sent.
    #[must_use]
    pub const fn new(db: Database, envelope: fn(&Recorded<PaymentEvent>) -> Envelope) -> Self {
        Self { db, envelope }
    }
}

#[async_trait]
impl SettlementStore for SeaOrmSettlementStore {
    async fn find(&self, booking_id: BookingId) -> Result<Option<Settlement>, StoreError> {
        // One statement, so that no commit falls between the rows of one settlement.
        let rows = settlement_row::Entity::find_by_id(booking_id.to_string())
            .find_also_related(payment_row::Entity)
            .and_also_related(refund_row::Entity)
            .order_by_asc(payment_row::Column::Attempt)
            .order_by_asc(refund_row::Column::CreatedAtUs)
            .order_by_asc(refund_row::Column::Id)
            .all(self.db.reader())
            .await
            .map_err(unavailable("reading a settlement"))?;
        settlement_row::read(rows)
    }

    async fn find_payment(&self, payment_id: PaymentId) -> Result<Option<Payment>, StoreError> {
        Ok(self.payments(vec![payment_id.to_string()]).await?.pop())
    }

    async fn list(
        &self,
        filter: &PaymentFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        let page = payment_row::Entity::find()
            .select_only()
            .column(payment_row::Column::Id)
            .filter(wanted(filter, after))
            .order_by_desc(payment_row::Column::CreatedAtUs)
            .order_by_desc(payment_row::Column::Id)
            .limit(u64::from(rows_max))
            .into_tuple()
            .all(self.db.reader())
            .await
            .map_err(unavailable("listing payments"))?;
        self.payments(page).await
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let envelope = self.envelope;
        self.db
            .commit("committing a settlement", move |tx| {
                let change = change.clone();
                Box::pin(async move {
                    write_settlement(tx, &change).await?;
                    write_payments(tx, &change.settlement.payments).await?;
                    let messages = change.events.iter().map(envelope).collect();
                    let caused_by = change.caused_by;
                    write_marks(tx, Marks { caused_by, reply: ReplyChange::None, messages }).await
                })
            })
            .await
    }

    async fn claim_due(
        &self,
        lease: Duration,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        let due = self.due(rows_max).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        self.db
            .write("claiming due settlements", move |tx| {
                let due = due.clone();
                Box::pin(async move {
                    let mut claimed = Vec::with_capacity(due.len());
                    for (booking_id, due_at_us) in &due {
                        if put_off(tx, booking_id, *due_at_us, lease).await? {
                            claimed.push(parse_booking_id(booking_id)?);
                        }
                    }
                    Ok(claimed)
                })
            })
            .await
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError> {
        sea_orm_database::park(&self.db, consumer, message, reason).await
    }
}

impl SeaOrmSettlementStore {
    /// These payments with their refunds, the newest first, in one statement.
    async fn payments(&self, ids: Vec<String>) -> Result<Vec<Payment>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = payment_row::Entity::find()
            .find_also_related(refund_row::Entity)
            .filter(payment_row::Column::Id.is_in(ids))
            .order_by_desc(payment_row::Column::CreatedAtUs)
            .order_by_desc(payment_row::Column::Id)
            .order_by_asc(refund_row::Column::CreatedAtUs)
            .order_by_asc(refund_row::Column::Id)
            .all(self.db.reader())
            .await
            .map_err(unavailable("reading payments"))?;
        payment_row::read_all(rows)
    }

    async fn due(&self, rows_max: u32) -> Result<Vec<(String, i64)>, StoreError> {
        let failed = unavailable("finding due settlements");
        let reader = self.db.reader();
        // Read before: no engine uses an index to compare with a clock that runs.
        let now = database_now(reader).await.map_err(&failed)?;
        settlement_row::Entity::find()
            .select_only()
            .column(settlement_row::Column::BookingId)
            .column(settlement_row::Column::DueAtUs)
            .filter(settlement_row::Column::DueAtUs.lte(now.as_micros()))
            .order_by_asc(settlement_row::Column::DueAtUs)
            .limit(u64::from(rows_max))
            .into_tuple()
            .all(reader)
            .await
            .map_err(failed)
    }
}

fn wanted(filter: &PaymentFilter, after: Option<Cursor>) -> Condition {
    use payment_row::Column;
    let beyond = |after: Cursor| {
        Condition::any().add(Column::CreatedAtUs.lt(after.sort)).add(
            Condition::all()
                .add(Column::CreatedAtUs.eq(after.sort))
                .add(Column::Id.lt(after.id.to_string())),
        )
    };
    Condition::all()
        .add(Column::BuyerId.eq(filter.buyer_id.as_str()))
        .add_option(filter.booking_id.map(|id| Column::BookingId.eq(id.to_string())))
        .add_option(after.map(beyond))
}

/// First in the transaction: whoever loses the race has written nothing else.
async fn write_settlement(tx: &DatabaseTransaction, change: &Change) -> Result<(), TxError> {
    let settlement = &change.settlement;
    let row = settlement_row::Model {
        booking_id: settlement.booking_id.to_string(),
        voided: settlement.voided,
        due_at_us: None,
        revision: settlement.revision,
        event_version: settlement.event_version,
    };
    if change.expected_revision == 0 {
        insert_new(tx, row.clone()).await?;
    }
    // The same update sets the timer of a new row, because only an expression knows the time.
    let stands_at = match change.expected_revision {
        0 => row.revision,
        expected => expected,
    };
    use settlement_row::Column;
    let updated = settlement_row::Entity::update_many()
        .col_expr(Column::Voided, row.voided.into())
        .col_expr(Column::DueAtUs, due_at(tx, settlement.due_in()))
        .col_expr(Column::Revision, row.revision.into())
        .col_expr(Column::EventVersion, row.event_version.into())
        .filter(Column::BookingId.eq(row.booking_id))
        .filter(Column::Revision.eq(stands_at))
        .exec(tx)
        .await?;
    match updated.rows_affected {
        0 => Err(TxError::Abort(Committed::Stale)),
        _ => Ok(()),
    }
}

async fn insert_new(tx: &DatabaseTransaction, row: settlement_row::Model) -> Result<(), TxError> {
    let inserted =
        settlement_row::Entity::insert(row.into_active_model()).exec_without_returning(tx).await;
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(TxError::Abort(Committed::Stale))
        }
        Err(error) => Err(error.into()),
    }
}

/// Updates what is there by its id and inserts the rest. Not in one statement: what some engines call an
/// upsert overwrites the row of another id when a second unique key, the attempt, is taken.
async fn write_payments(tx: &DatabaseTransaction, payments: &[Payment]) -> Result<(), DbErr> {
    for payment in payments {
        let row = payment_row::Model::from(payment);
        count_unknown(tx, &row).await?;
        upsert(tx, payment_row::Column::Id.eq(&row.id), row.clone().into_active_model()).await?;
        for refund in &payment.refunds {
            let row = refund_row::Model::from((payment.id, refund));
            upsert(tx, refund_row::Column::Id.eq(&row.id), row.clone().into_active_model()).await?;
        }
    }
    Ok(())
}

/// Counts a charge that becomes unknown: there is no event of it, for nothing has been decided.
async fn count_unknown(tx: &DatabaseTransaction, row: &payment_row::Model) -> Result<(), DbErr> {
    use payment_row::{Column, Entity, UNKNOWN};
    if row.status != UNKNOWN {
        return Ok(());
    }
    let known = Entity::find_by_id(&row.id).filter(Column::Status.eq(UNKNOWN)).count(tx).await?;
    if known == 0 {
        count_at_commit(&PAYMENTS, "unknown");
    }
    Ok(())
}

async fn upsert<A: ActiveModelTrait>(
    tx: &DatabaseTransaction,
    it: Expr,
    row: A,
) -> Result<(), DbErr> {
    let known = A::Entity::update_many().set(row.clone().reset_all()).filter(it).exec(tx).await?;
    if known.rows_affected == 0 {
        A::Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Moves a due time if it still is what was seen; says whether it was.
async fn put_off(
    tx: &DatabaseTransaction,
    booking_id: &str,
    seen_due_at_us: i64,
    lease: Duration,
) -> Result<bool, DbErr> {
    use settlement_row::Column;
    let updated = settlement_row::Entity::update_many()
        .col_expr(Column::DueAtUs, due_at(tx, Some(lease)))
        .filter(Column::BookingId.eq(booking_id))
        .filter(Column::DueAtUs.eq(seen_due_at_us))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

fn due_at(tx: &DatabaseTransaction, due_in: Option<Duration>) -> Expr {
    match due_in {
        None => Expr::val(None::<i64>),
        Some(wait) => {
            let wait_us = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
            now_expr(tx.get_database_backend()).add(wait_us)
        }
    }
}

fn parse_booking_id(text: &str) -> Result<BookingId, StoreError> {
    text.parse().map_err(|_| StoreError::CorruptRow {
        table: "settlement",
        id: text.to_owned(),
        column: "booking_id",
    })
}
