//! Bookings in a database: each change with its events and marks in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use async_trait::async_trait;
use booking::{
    Booking, BookingChange, BookingEvent, BookingFilter, BookingStatus, BookingStore, Lease,
    Process, RetirementProgress, Stored, Timer, Wake,
};
use kernel::{
    BookingId, Committed, Cursor, Envelope, KeyedReply, Recorded, ReplyChange, ReplyKey,
    StoreError, TicketId, Timestamp, Uuid,
};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use sea_orm_database::{
    Admission, Batching, Database, Group, Job, Marks, Run, TxError, database_now, filled,
    insert_all, overwrite_all, unavailable, write_admitted,
};

use crate::progress;
use crate::row::{ActiveModel, Column, Entity, Model};
use crate::state_row::status_name;

/// Keeps bookings in a database.
pub struct SeaOrmBookingStore {
    db: Database,
    commits: Group<BookingChange, Committed>,
    /// Apart from the commits, so that a crowd that is refused does not fill their queue.
    answers: Group<Answer, Committed>,
}

/// What a command is answered with that changed nothing else.
#[derive(Debug, Clone)]
struct Answer {
    key: ReplyKey,
    body: Vec<u8>,
}

impl SeaOrmBookingStore {
    /// Over a database that [`crate::migrations`] have run on; `envelope` wraps events for the outbox, and `batching`
    /// says whether changes share transactions.
    pub fn new(
        db: Database,
        envelope: fn(&Recorded<BookingEvent>) -> Envelope,
        batching: Batching,
    ) -> Self {
        let clock = db.clone();
        let commits =
            Group::new(db.clone(), "committing bookings", batching, move |tx, jobs, run| {
                let clock = clock.clone();
                Box::pin(async move { commit_all((tx, &clock), &jobs, run, envelope).await })
            });
        let answers = Group::new(db.clone(), "keeping answers", batching, |tx, jobs, run| {
            Box::pin(async move { keep_all(tx, &jobs, run).await })
        });
        Self { db, commits, answers }
    }
}

#[async_trait]
impl BookingStore for SeaOrmBookingStore {
    async fn find(&self, id: BookingId) -> Result<Option<Stored>, StoreError> {
        let found = Entity::find_by_id(id.to_string())
            .one(self.db.reader())
            .await
            .map_err(unavailable("reading a booking"))?;
        found.map(Stored::try_from).transpose()
    }

    async fn list(
        &self,
        filter: &BookingFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        let mut listed = Vec::new();
        let mut after = after.map(|end| (end.sort, end.id.to_string()));
        loop {
            let missing = u64::from(rows_max).saturating_sub(listed.len() as u64);
            let rows = Entity::find()
                .filter(wanted(filter).add_option(after.map(beyond)))
                .order_by_desc(Column::CreatedAtUs)
                .order_by_desc(Column::Id)
                .limit(missing)
                .all(self.db.reader())
                .await
                .map_err(unavailable("listing bookings"))?;
            let was_last = (rows.len() as u64) < missing;
            after = rows.last().map(|row| (row.created_at_us, row.id.clone()));
            let read = |row| readable(Stored::try_from(row), "a booking cannot be listed");
            listed.extend(rows.into_iter().filter_map(read).map(|stored| stored.booking));
            // Only where some were left out is there a place for others.
            if was_last || listed.len() as u64 >= u64::from(rows_max) {
                return Ok(listed);
            }
        }
    }

    async fn open_of_ticket(
        &self,
        ticket_id: TicketId,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        let open = BookingStatus::ALL.into_iter().filter(|status| status.is_open());
        let ids: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::TicketId.eq(ticket_id.to_string()))
            .filter(Column::Status.is_in(open.map(status_name)))
            .filter(Condition::all().add_option(after.map(|id| Column::Id.gt(id.to_string()))))
            .order_by_asc(Column::Id)
            .limit(u64::from(rows_max))
            .into_tuple()
            .all(self.db.reader())
            .await
            .map_err(unavailable("looking for the open bookings of a ticket"))?;
        let read = |id: String| {
            let read = id.parse();
            let read =
                read.map_err(|_| StoreError::CorruptRow { table: "booking", id, column: "id" });
            readable(read, "an open booking cannot be cancelled")
        };
        Ok(ids.into_iter().filter_map(read).collect())
    }

    async fn retirement_progress(
        &self,
        ticket_id: TicketId,
    ) -> Result<RetirementProgress, StoreError> {
        progress::read(&self.db, ticket_id).await
    }

    async fn commit(&self, change: BookingChange) -> Result<Committed, StoreError> {
        let weight = 1 + change.booking.booked.seats().len() / 16;
        self.commits.submit(change.booking.id.as_uuid(), weight, change).await
    }

    async fn keep_answer(&self, key: &ReplyKey, body: Vec<u8>) -> Result<Committed, StoreError> {
        self.answers.submit(turn_of(key), 1, Answer { key: key.clone(), body }).await
    }

    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError> {
        sea_orm_database::find_reply(&self.db, key).await
    }

    async fn claim_due(&self, lease: &Lease, rows_max: u32) -> Result<Vec<Stored>, StoreError> {
        let failed = unavailable("looking for bookings that are due");
        let reader = self.db.reader();
        let now = self.db.now(reader).await.map_err(&failed)?;
        let ids: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(is_due(now))
            .order_by_asc(Column::NextActionAtUs)
            .limit(u64::from(rows_max))
            .into_tuple()
            .all(reader)
            .await
            .map_err(&failed)?;
        // Most sweeps end here, without taking the write lock.
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (ids, lease) = (filled(ids), lease.clone());
        let rows = self.db.write("claiming bookings that are due", move |tx| {
            let (ids, lease) = (ids.clone(), lease.clone());
            Box::pin(async move { Ok(claim(tx, ids, &lease).await?) })
        });
        // One that cannot be read is left to its lease.
        let read = |row| readable(Stored::try_from(row), "a due booking cannot be carried on");
        Ok(rows.await?.into_iter().filter_map(read).collect())
    }

    async fn renew_lease(&self, id: BookingId, lease: &Lease) -> Result<bool, StoreError> {
        let lease = lease.clone();
        self.db
            .write("renewing a lease", move |tx| {
                let lease = lease.clone();
                Box::pin(async move {
                    let until = database_now(tx).await?.plus(lease.lasts).as_micros();
                    let renewed = Entity::update_many()
                        .col_expr(Column::LeaseUntilUs, until.into())
                        .filter(Column::Id.eq(id.to_string()))
                        .filter(Column::LeaseOwner.eq(lease.owner))
                        .exec(tx)
                        .await?;
                    Ok(renewed.rows_affected == 1)
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

/// Decides and writes changes in their order; each has its own verdict.
async fn commit_all(
    (tx, db): (&DatabaseTransaction, &Database),
    jobs: &[Job<BookingChange>],
    run: Run,
    envelope: fn(&Recorded<BookingEvent>) -> Envelope,
) -> Result<Vec<Committed>, TxError> {
    let marks: Vec<_> = jobs.iter().map(|job| marks(job, envelope)).collect();
    let stored = revisions(tx, jobs, run).await?;
    let mut admission = Admission::of_new(tx, &marks, run).await?.at(stored.clone());
    // Read after the locks: what is due in a while is so from when it is written.
    let now = db.now(tx).await?;
    let (mut verdicts, mut admitted, mut rows) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (Job { work: change, .. }, marks) in jobs.iter().zip(marks) {
        let (id, becomes) = (change.booking.id.to_string(), change.booking.revision);
        let verdict = admission.admit(&id, change.expected_revision, becomes, &marks);
        if verdict == Committed::Done {
            let booking = change.booking.clone();
            let stored = Stored { booking, process: process(&change.timer, now) };
            rows.insert(id, Model::from(&stored).into_active_model());
            admitted.push(marks);
        }
        verdicts.push(verdict);
    }
    write(tx, rows, &stored).await?;
    write_admitted(tx, admitted).await?;
    Ok(verdicts)
}

/// Keeps answers whose keys are free.
async fn keep_all(
    tx: &DatabaseTransaction,
    jobs: &[Job<Answer>],
    run: Run,
) -> Result<Vec<Committed>, TxError> {
    let marks = |Job { work: Answer { key, body }, .. }: &Job<Answer>| {
        let reply = ReplyChange::Record { key: key.clone(), body: body.clone() };
        Marks { reply, ..Marks::default() }
    };
    let marks: Vec<_> = jobs.iter().map(marks).collect();
    let mut admission = Admission::of_new(tx, &marks, run).await?;
    let (mut verdicts, mut admitted) = (Vec::new(), Vec::new());
    for marks in marks {
        let verdict = admission.admit_alone(&marks);
        if verdict == Committed::Done {
            admitted.push(marks);
        }
        verdicts.push(verdict);
    }
    write_admitted(tx, admitted).await?;
    Ok(verdicts)
}

/// Callers of different keys take turns with each other.
fn turn_of(key: &ReplyKey) -> Uuid {
    let mut hasher = DefaultHasher::new();
    (&key.scope, &key.key).hash(&mut hasher);
    Uuid::from_u128(hasher.finish().into())
}

fn marks(job: &Job<BookingChange>, envelope: fn(&Recorded<BookingEvent>) -> Envelope) -> Marks {
    let BookingChange { events, caused_by, reply, by_operator, .. } = &job.work;
    let message = |event| Envelope { traceparent: job.traceparent.clone(), ..envelope(event) };
    Marks {
        caused_by: caused_by.clone(),
        reply: reply.clone(),
        messages: events.iter().map(message).collect(),
        by_operator: by_operator.clone().map(Box::new),
    }
}

/// Locks the rows that are there, in one order, so that nobody else moves them meanwhile. A new booking has none: a
/// first run takes that for granted, as it does with keys.
async fn revisions(
    tx: &DatabaseTransaction,
    jobs: &[Job<BookingChange>],
    run: Run,
) -> Result<BTreeMap<String, i64>, DbErr> {
    let looked_for = jobs.iter().filter(|job| run == Run::Again || job.work.expected_revision != 0);
    let ids: BTreeSet<_> = looked_for.map(|job| job.work.booking.id.to_string()).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, i64)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Revision])
        .filter(Column::Id.is_in(filled(ids)))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

/// New rows and changed ones, each kind together.
async fn write(
    tx: &DatabaseTransaction,
    rows: BTreeMap<String, ActiveModel>,
    stored: &BTreeMap<String, i64>,
) -> Result<(), DbErr> {
    let (changed, new): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|(id, _)| stored.contains_key(id));
    let rows = |rows: Vec<(String, ActiveModel)>| rows.into_iter().map(|(_, row)| row).collect();
    insert_all::<ActiveModel>(tx, rows(new)).await?;
    overwrite_all::<ActiveModel>(tx, rows(changed)).await
}

/// Takes those that are still due; a lease's owner is one sweep, so what is its is what it took.
async fn claim(
    tx: &DatabaseTransaction,
    ids: Vec<String>,
    lease: &Lease,
) -> Result<Vec<Model>, DbErr> {
    let now = database_now(tx).await?;
    Entity::update_many()
        .col_expr(Column::LeaseOwner, lease.owner.clone().into())
        .col_expr(Column::LeaseUntilUs, now.plus(lease.lasts).as_micros().into())
        .col_expr(Column::Revision, Expr::col(Column::Revision).add(1))
        .filter(Column::Id.is_in(ids.clone()))
        .filter(is_due(now))
        .exec(tx)
        .await?;
    Entity::find()
        .filter(Column::Id.is_in(ids))
        .filter(Column::LeaseOwner.eq(&lease.owner))
        .order_by_asc(Column::NextActionAtUs)
        .all(tx)
        .await
}

/// The time is the database's, read before: no engine uses an index to compare with a clock that runs.
fn is_due(now: Timestamp) -> Condition {
    let free = Condition::any()
        .add(Column::LeaseUntilUs.is_null())
        .add(Column::LeaseUntilUs.lte(now.as_micros()));
    Condition::all().add(Column::NextActionAtUs.lte(now.as_micros())).add(free)
}

fn process(timer: &Timer, now: Timestamp) -> Process {
    let next_action_at = match timer.wake {
        Wake::Never => None,
        Wake::After(wait) => Some(now.plus(wait)),
        Wake::At(moment) => Some(moment),
    };
    Process {
        next_action_at,
        tries: timer.tries,
        lease_owner: timer.lease.as_ref().map(|lease| lease.owner.clone()),
        lease_until: timer.lease.as_ref().map(|lease| now.plus(lease.lasts)),
    }
}

fn wanted(filter: &BookingFilter) -> Condition {
    let BookingFilter { buyer_id, ticket_id, status } = filter;
    Condition::all()
        .add(Column::BuyerId.eq(buyer_id.as_str()))
        .add_option(ticket_id.map(|id| Column::TicketId.eq(id.to_string())))
        .add_option(status.map(|status| Column::Status.eq(status_name(status))))
}

fn beyond((created_at_us, id): (i64, String)) -> Condition {
    Condition::any()
        .add(Column::CreatedAtUs.lt(created_at_us))
        .add(Condition::all().add(Column::CreatedAtUs.eq(created_at_us)).add(Column::Id.lt(id)))
}

/// What cannot be read is told of and passed over: it must not keep the others from moving.
fn readable<T>(read: Result<T, StoreError>, hindered: &'static str) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "{hindered}")).ok()
}
