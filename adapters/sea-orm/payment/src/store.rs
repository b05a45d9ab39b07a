//! The settlements: rows, events and inbox mark in one transaction, due by the database's own time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    BookingId, Committed, Cursor, Envelope, PaymentId, Recorded, ReplyChange, StoreError, Timestamp,
};
use payment::{Change, Payment, PaymentEvent, PaymentFilter, Settlement, SettlementStore};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use sea_orm_database::{
    Admission, Batching, Database, Group, Job, Marks, Run, TxError, count_at_commit, filled,
    insert_all, now_expr, overwrite_all, unavailable, write_admitted,
};
use telemetry_metrics::names::PAYMENTS;

use crate::rows::{payment as payment_row, refund as refund_row, settlement as settlement_row};

/// The settlements in a database.
pub struct SeaOrmSettlementStore {
    db: Database,
    commits: Group<Change, Committed>,
}

impl SeaOrmSettlementStore {
    /// Over a database that [`crate::migrations`] have run on; `envelope` is how events are sent, and `batching` says
    /// whether changes share transactions.
    #[must_use]
    pub fn new(
        db: Database,
        envelope: fn(&Recorded<PaymentEvent>) -> Envelope,
        batching: Batching,
    ) -> Self {
        let clock = db.clone();
        let commits =
            Group::new(db.clone(), "committing settlements", batching, move |tx, jobs, run| {
                let clock = clock.clone();
                Box::pin(async move { commit_all((tx, &clock), &jobs, run, envelope).await })
            });
        Self { db, commits }
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
        self.commits.submit(change.settlement.booking_id.as_uuid(), 1, change).await
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
        let now = self.db.now(reader).await.map_err(&failed)?;
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

/// Decides and writes changes in their order; each has its own verdict.
async fn commit_all(
    (tx, db): (&DatabaseTransaction, &Database),
    jobs: &[Job<Change>],
    run: Run,
    envelope: fn(&Recorded<PaymentEvent>) -> Envelope,
) -> Result<Vec<Committed>, TxError> {
    let marks: Vec<_> = jobs.iter().map(|job| marks(job, envelope)).collect();
    let stored = revisions(tx, jobs, run).await?;
    let mut admission = Admission::of_new(tx, &marks, run).await?.at(stored.clone());
    let (mut verdicts, mut admitted, mut settlements) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (Job { work: change, .. }, marks) in jobs.iter().zip(marks) {
        let id = change.settlement.booking_id.to_string();
        let becomes = change.settlement.revision;
        let verdict = admission.admit(&id, change.expected_revision, becomes, &marks);
        if verdict == Committed::Done {
            settlements.insert(id, &change.settlement);
            admitted.push(marks);
        }
        verdicts.push(verdict);
    }
    // Read after the locks: what is due in a while is so from when it is written.
    let now = db.now(tx).await?;
    write_settlements(tx, &settlements, &stored, now).await?;
    write_payments(tx, &settlements, &stored).await?;
    write_admitted(tx, admitted).await?;
    Ok(verdicts)
}

fn marks(job: &Job<Change>, envelope: fn(&Recorded<PaymentEvent>) -> Envelope) -> Marks {
    let Change { events, caused_by, by_operator, .. } = &job.work;
    let message = |event| Envelope { traceparent: job.traceparent.clone(), ..envelope(event) };
    let messages = events.iter().map(message).collect();
    let (caused_by, by_operator) = (caused_by.clone(), by_operator.clone().map(Box::new));
    Marks { caused_by, reply: ReplyChange::None, messages, by_operator }
}

/// Locks the rows that are there, in one order, so that nobody else moves them meanwhile. A new settlement has none: a
/// first run takes that for granted, as it does with keys.
async fn revisions(
    tx: &DatabaseTransaction,
    jobs: &[Job<Change>],
    run: Run,
) -> Result<BTreeMap<String, i64>, DbErr> {
    use settlement_row::Column;
    let looked_for = jobs.iter().filter(|job| run == Run::Again || job.work.expected_revision != 0);
    let ids: BTreeSet<_> =
        looked_for.map(|job| job.work.settlement.booking_id.to_string()).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, i64)> = settlement_row::Entity::find()
        .select_only()
        .columns([Column::BookingId, Column::Revision])
        .filter(Column::BookingId.is_in(filled(ids)))
        .order_by_asc(Column::BookingId)
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

async fn write_settlements(
    tx: &DatabaseTransaction,
    settlements: &BTreeMap<String, &Settlement>,
    stored: &BTreeMap<String, i64>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = |(id, settlement): (&String, &&Settlement)| settlement_row::Model {
        booking_id: id.clone(),
        voided: settlement.voided,
        due_at_us: settlement.due_in().map(|wait| now.plus(wait).as_micros()),
        revision: settlement.revision,
        event_version: settlement.event_version,
    };
    let (changed, new): (Vec<_>, Vec<_>) =
        settlements.iter().map(row).partition(|row| stored.contains_key(&row.booking_id));
    insert_all(tx, active(new)).await?;
    overwrite_all(tx, active(changed)).await
}

/// What is there is overwritten by its id, and the rest inserted; a second unique key, the attempt, never changes. What
/// was taken back goes first: its attempt may be there anew.
async fn write_payments(
    tx: &DatabaseTransaction,
    settlements: &BTreeMap<String, &Settlement>,
    stored: &BTreeMap<String, i64>,
) -> Result<(), DbErr> {
    let ids: Vec<_> = settlements.keys().filter(|id| stored.contains_key(*id)).collect();
    let known = if ids.is_empty() { BTreeMap::new() } else { statuses(tx, ids).await? };
    let payments = || settlements.values().flat_map(|settlement| &settlement.payments);
    let rows: Vec<_> = payments().map(payment_row::Model::from).collect();
    for row in rows.iter().filter(|row| row.status == payment_row::UNKNOWN) {
        // There is no event of it, for nothing has been decided.
        if known.get(&row.id).is_none_or(|status| status != payment_row::UNKNOWN) {
            count_at_commit(&PAYMENTS, "unknown");
        }
    }
    let kept: BTreeSet<_> = rows.iter().map(|row| &row.id).collect();
    // Never one of which the provider has said anything: an attempt in its place is refused by its key.
    let is_gone = |(id, status): &(&String, &String)| {
        *status == payment_row::PROCESSING && !kept.contains(id)
    };
    let gone: Vec<_> = known.iter().filter(is_gone).map(|(id, _)| id).collect();
    if !gone.is_empty() {
        let gone = payment_row::Column::Id.is_in(filled(gone));
        payment_row::Entity::delete_many().filter(gone).exec(tx).await?;
    }
    let (changed, new): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| known.contains_key(&row.id));
    insert_all(tx, active(new)).await?;
    overwrite_all(tx, active(changed)).await?;
    let refunds = payments().flat_map(|payment| {
        payment.refunds.iter().map(|refund| refund_row::Model::from((payment.id, refund)))
    });
    write_refunds(tx, refunds.collect()).await
}

/// The statuses of the payments that are there, by their ids.
async fn statuses(
    tx: &DatabaseTransaction,
    booking_ids: Vec<&String>,
) -> Result<BTreeMap<String, String>, DbErr> {
    use payment_row::Column;
    let rows: Vec<(String, String)> = payment_row::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Status])
        .filter(Column::BookingId.is_in(filled(booking_ids)))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

async fn write_refunds(
    tx: &DatabaseTransaction,
    rows: Vec<refund_row::Model>,
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let known: Vec<String> = refund_row::Entity::find()
        .select_only()
        .column(refund_row::Column::Id)
        .filter(refund_row::Column::Id.is_in(filled(rows.iter().map(|row| &row.id))))
        .into_tuple()
        .all(tx)
        .await?;
    let (changed, new): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| known.contains(&row.id));
    insert_all(tx, active(new)).await?;
    overwrite_all(tx, active(changed)).await
}

fn active<M: IntoActiveModel<A>, A: ActiveModelTrait>(rows: Vec<M>) -> Vec<A> {
    rows.into_iter().map(IntoActiveModel::into_active_model).collect()
}

/// Moves a due time if it still is what was seen, and the revision with it; says whether it was.
async fn put_off(
    tx: &DatabaseTransaction,
    booking_id: &str,
    seen_due_at_us: i64,
    lease: Duration,
) -> Result<bool, DbErr> {
    use settlement_row::Column;
    let lease_us = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
    let until = now_expr(tx.get_database_backend()).add(lease_us);
    let updated = settlement_row::Entity::update_many()
        .col_expr(Column::DueAtUs, until)
        .col_expr(Column::Revision, Expr::col(Column::Revision).add(1))
        .filter(Column::BookingId.eq(booking_id))
        .filter(Column::DueAtUs.eq(seen_due_at_us))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

fn parse_booking_id(text: &str) -> Result<BookingId, StoreError> {
    text.parse().map_err(|_| StoreError::CorruptRow {
        table: "settlement",
        id: text.to_owned(),
        column: "booking_id",
    })
}
