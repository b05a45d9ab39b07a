//! The marks a commit leaves beside its aggregate: handled messages, answered keys, messages to send.

mod admission;

use kernel::{
    Cause, Committed, Envelope, KeyedReply, OperatorEntry, ReplyChange, ReplyKey, StoreError,
};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, InsertStatement, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, SqlErr};
use telemetry_metrics::events;

pub use self::admission::Admission;
use crate::Database;
use crate::engine::now_expr;
use crate::operator_log::operator_rows;
use crate::rows::parts;
use crate::tables::{DeadLetter, Inbox, Outbox, Reply};
use crate::unit_of_work::{TxError, count_at_commit, unavailable};

/// Each row compares itself with all that are completed: more of them than these cost more than another statement.
const REPLIES_AT_ONCE: usize = 32;
/// Of an insert of few columns.
const ROWS_AT_ONCE: usize = 256;

/// What becomes durable together with a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The message that led to the change.
    pub caused_by: Option<Cause>,
    /// What happens to the record of answered keys.
    pub reply: ReplyChange,
    /// The messages to publish, in the order of their aggregates' versions.
    pub messages: Vec<Envelope>,
    /// Who has it done by hand, if somebody has: next to nobody.
    pub by_operator: Option<Box<OperatorEntry>>,
}

impl Marks {
    /// Of a change that says nothing itself.
    #[must_use]
    pub fn of(cause: Cause) -> Self {
        Self { caused_by: Some(cause), ..Self::default() }
    }
}

/// Writes the marks of a change. To be called last in the change's transaction.
///
/// # Errors
/// [`TxError::Abort`] with `AlreadyHandled` when the cause was handled by an earlier commit, with
/// `KeyTaken` when the key is taken, with `Stale` when another commit has published an aggregate's
/// version; and the database's errors.
pub async fn write_marks(tx: &DatabaseTransaction, marks: Marks) -> Result<(), TxError> {
    let marks = [marks];
    Admission::read(tx, &marks).await?.admit_marks(&marks[0]).map_err(TxError::Abort)?;
    write_admitted(tx, marks.into()).await
}

/// Writes the marks of changes that were admitted, each kind together. To be called last in their transaction.
///
/// # Errors
/// As [`write_marks`]. What somebody else took and nobody found is the database's error, after which the
/// transaction is run again and finds it.
pub async fn write_admitted(tx: &DatabaseTransaction, marks: Vec<Marks>) -> Result<(), TxError> {
    let causes: Vec<_> = marks.iter().filter_map(|marks| marks.caused_by.as_ref()).collect();
    for causes in parts(causes, ROWS_AT_ONCE) {
        tx.execute(&inbox_rows(tx, &causes)?).await?;
    }
    write_replies(tx, &marks).await?;
    let entries: Vec<_> = marks.iter().filter_map(|marks| marks.by_operator.as_deref()).collect();
    for entries in parts(entries, ROWS_AT_ONCE) {
        tx.execute(&operator_rows(tx, &entries)?).await?;
    }
    let messages: Vec<_> = marks.into_iter().flat_map(|marks| marks.messages).collect();
    for (counter, outcome) in messages.iter().filter_map(|m| events::counted(m.name())) {
        count_at_commit(counter, outcome);
    }
    for messages in parts(messages, ROWS_AT_ONCE) {
        insert_unless_taken(tx, &outbox_rows(tx, messages)?, Committed::Stale).await?;
    }
    Ok(())
}

/// What is known about a caller's key; `None` if it was never used, or only in commits that failed.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database failed.
pub async fn find_reply(db: &Database, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError> {
    let query = Query::select()
        .columns([Reply::Fingerprint, Reply::ResourceId, Reply::Body])
        .from(Reply::Table)
        .and_where(Expr::col(Reply::Scope).eq(&key.scope))
        .and_where(Expr::col(Reply::Key).eq(&key.key))
        .to_owned();
    let doing = "looking up an idempotency key";
    let Some(row) = db.reader().query_one(&query).await.map_err(unavailable(doing))? else {
        return Ok(None);
    };
    let reply = || {
        Ok(KeyedReply {
            fingerprint: row.try_get("", "fingerprint")?,
            resource_id: row.try_get("", "resource_id")?,
            body: row.try_get("", "body")?,
        })
    };
    reply().map(Some).map_err(unavailable(doing))
}

/// Sets a message aside for an operator and marks it as handled, so that it never comes again.
/// Parking a message twice, or one that was handled meanwhile, changes nothing.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database failed.
pub async fn park(
    db: &Database,
    consumer: &'static str,
    message: &Envelope,
    reason: &str,
) -> Result<(), StoreError> {
    set_aside(db, consumer, message, reason).await.map(|_repeated_or_not| ())
}

/// As [`park`]; a letter that is tried again and fails again is the same letter with a new reason.
/// `AlreadyHandled` says that nothing was set aside.
pub(crate) async fn set_aside(
    db: &Database,
    consumer: &'static str,
    message: &Envelope,
    reason: &str,
) -> Result<Committed, StoreError> {
    let (message, reason) = (message.clone(), reason.to_owned());
    let verdict = db.commit("parking a message", move |tx| {
        let cause = Cause { consumer, event_id: message.id };
        let (message, reason) = (message.clone(), reason.clone());
        Box::pin(async move {
            insert_unless_taken(tx, &inbox_rows(tx, &[&cause])?, Committed::AlreadyHandled).await?;
            let again = Query::update()
                .table(DeadLetter::Table)
                .value(DeadLetter::Reason, reason.as_str())
                .value(DeadLetter::ParkedAtUs, now_expr(tx.get_database_backend()))
                .value(DeadLetter::RetryAtUs, None::<i64>)
                .value(DeadLetter::Tries, 0)
                .and_where(Expr::col(DeadLetter::Consumer).eq(consumer))
                .and_where(Expr::col(DeadLetter::EventId).eq(message.id.to_string()))
                .to_owned();
            if tx.execute(&again).await?.rows_affected() == 0 {
                tx.execute(&dead_letter_row(tx, consumer, message, reason)?).await?;
            }
            Ok(())
        })
    });
    verdict.await
}

async fn write_replies(tx: &DatabaseTransaction, marks: &[Marks]) -> Result<(), TxError> {
    let (mut begun, mut completed) = (Vec::new(), Vec::new());
    for marks in marks {
        let (key, resource_id, body) = match &marks.reply {
            ReplyChange::None => continue,
            ReplyChange::Complete { resource_id, body } => {
                completed.push((resource_id.as_str(), body.as_slice()));
                continue;
            }
            ReplyChange::Begin { key, resource_id } => (key, resource_id.as_str(), None),
            ReplyChange::Record { key, body } => (key, "", Some(body.clone())),
        };
        begun.push([
            key.scope.as_str().into(),
            key.key.as_str().into(),
            key.fingerprint.clone().into(),
            resource_id.into(),
            body.into(),
            now_expr(tx.get_database_backend()),
        ]);
    }
    for begun in parts(begun, ROWS_AT_ONCE) {
        tx.execute(&reply_rows(begun)?).await?;
    }
    for completed in parts(completed, REPLIES_AT_ONCE) {
        complete_replies(tx, &completed).await?;
    }
    Ok(())
}

/// The keys begun on each of these resources have its answer.
async fn complete_replies(
    tx: &DatabaseTransaction,
    completed: &[(&str, &[u8])],
) -> Result<(), TxError> {
    let of = |resource_id: &str| Expr::col(Reply::ResourceId).eq(resource_id);
    let body: Expr = match completed {
        [(_, body)] => body.to_vec().into(),
        _ => {
            let cases = completed.iter().fold(CaseStatement::new(), |cases, (resource, body)| {
                cases.case(of(resource), body.to_vec())
            });
            cases.finally(Expr::col(Reply::Body)).into()
        }
    };
    let resources = completed.iter().map(|(resource_id, _)| *resource_id);
    let update = Query::update()
        .table(Reply::Table)
        .value(Reply::Body, body)
        .and_where(Expr::col(Reply::ResourceId).is_in(resources))
        .and_where(Expr::col(Reply::Body).is_null())
        .to_owned();
    tx.execute(&update).await?;
    Ok(())
}

/// Portable where "insert or ignore" is not: a taken key ends the whole transaction anyway.
pub(crate) async fn insert_unless_taken(
    tx: &DatabaseTransaction,
    insert: &InsertStatement,
    taken: Committed,
) -> Result<(), TxError> {
    match tx.execute(insert).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(TxError::Abort(taken))
        }
        Err(error) => Err(error.into()),
    }
}

fn reply_rows(rows: Vec<[Expr; 6]>) -> Result<InsertStatement, DbErr> {
    let mut insert = Query::insert();
    insert.into_table(Reply::Table).columns([
        Reply::Scope,
        Reply::Key,
        Reply::Fingerprint,
        Reply::ResourceId,
        Reply::Body,
        Reply::CreatedAtUs,
    ]);
    for row in rows {
        insert.values(row).map_err(malformed)?;
    }
    Ok(insert)
}

fn inbox_rows(tx: &DatabaseTransaction, causes: &[&Cause]) -> Result<InsertStatement, DbErr> {
    let mut insert = Query::insert();
    insert.into_table(Inbox::Table).columns([
        Inbox::Consumer,
        Inbox::EventId,
        Inbox::ProcessedAtUs,
    ]);
    for cause in causes {
        let now = now_expr(tx.get_database_backend());
        let row = [cause.consumer.into(), cause.event_id.to_string().into(), now];
        insert.values(row).map_err(malformed)?;
    }
    Ok(insert)
}

fn outbox_rows(
    tx: &DatabaseTransaction,
    messages: Vec<Envelope>,
) -> Result<InsertStatement, DbErr> {
    let now = now_expr(tx.get_database_backend());
    let mut insert = Query::insert();
    insert.into_table(Outbox::Table).columns([
        Outbox::Id,
        Outbox::EventType,
        Outbox::Source,
        Outbox::AggregateType,
        Outbox::AggregateId,
        Outbox::Version,
        Outbox::CorrelationId,
        Outbox::CausationId,
        Outbox::Traceparent,
        Outbox::OccurredAtUs,
        Outbox::Payload,
        Outbox::CreatedAtUs,
        Outbox::NextAttemptAtUs,
    ]);
    let here = telemetry_traces::traceparent();
    for mut message in messages {
        message.traceparent = message.traceparent.or_else(|| here.clone());
        let row = envelope_values(message).into_iter().chain([now.clone(), now.clone()]);
        insert.values(row).map_err(malformed)?;
    }
    Ok(insert)
}

fn dead_letter_row(
    tx: &DatabaseTransaction,
    consumer: &'static str,
    message: Envelope,
    reason: String,
) -> Result<InsertStatement, DbErr> {
    let marks = [reason.into(), now_expr(tx.get_database_backend()), consumer.into()];
    let mut insert = Query::insert();
    insert
        .into_table(DeadLetter::Table)
        .columns([
            DeadLetter::EventId,
            DeadLetter::EventType,
            DeadLetter::Source,
            DeadLetter::AggregateType,
            DeadLetter::AggregateId,
            DeadLetter::Version,
            DeadLetter::CorrelationId,
            DeadLetter::CausationId,
            DeadLetter::Traceparent,
            DeadLetter::OccurredAtUs,
            DeadLetter::Payload,
            DeadLetter::Reason,
            DeadLetter::ParkedAtUs,
            DeadLetter::Consumer,
        ])
        .values(envelope_values(message).into_iter().chain(marks))
        .map_err(malformed)?;
    Ok(insert)
}

/// An envelope in the order of the columns of outbox and dead letter.
fn envelope_values(message: Envelope) -> [Expr; 11] {
    [
        message.id.to_string().into(),
        message.event_type.into(),
        message.source.into(),
        message.aggregate_type.into(),
        message.aggregate_id.into(),
        message.aggregate_version.into(),
        message.correlation_id.into(),
        message.causation_id.into(),
        message.traceparent.into(),
        message.occurred_at.as_micros().into(),
        message.payload.into(),
    ]
}

/// Columns and values of a statement do not match in number; our own mistake.
pub(crate) fn malformed(error: sea_orm::sea_query::error::Error) -> DbErr {
    DbErr::Custom(error.to_string())
}
