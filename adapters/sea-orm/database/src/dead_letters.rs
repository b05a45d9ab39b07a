//! What was set aside, for an operator: looked at, and tried again.

mod retry;

use kernel::{Envelope, EventId, StoreError, Timestamp};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, IntoColumnRef, Order, Query};
use sea_orm::{ConnectionTrait, QueryResult};

use crate::Database;
use crate::engine::database_now;
use crate::envelope::{envelope, envelope_columns};
use crate::tables;
use crate::unit_of_work::{Wake, unavailable};

/// Under this name stand the messages that the bus refused.
const RELAY: &str = "relay";
/// What a dead letter has beside its message.
const OF_A_LETTER: [&str; 5] = ["event_id", "consumer", "reason", "parked_at_us", "retry_at_us"];
const CHUNK_ROWS: u64 = 500;

/// A message that a consumer could not handle, or (with the consumer `relay`) that the bus refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whose message it was.
    pub consumer: String,
    /// The message, whole.
    pub message: Envelope,
    /// Why it was set aside.
    pub reason: String,
    /// When it was set aside.
    pub parked_at: Timestamp,
    /// Whether somebody asked for another try that has not happened yet.
    pub retrying: bool,
}

/// What was found set aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetters {
    /// Those that can be read, the oldest first.
    pub letters: Vec<DeadLetter>,
    /// What is wrong with each of the others.
    pub unreadable: Vec<StoreError>,
}

impl Database {
    /// The dead letters, the oldest first, at most `rows_max`.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn dead_letters(&self, rows_max: u32) -> Result<DeadLetters, StoreError> {
        let doing = "reading the dead letters";
        let of_consumers = Query::select()
            .columns(envelope_columns())
            .columns(OF_A_LETTER.map(Alias::new))
            .from(tables::DeadLetter::Table)
            .order_by(tables::DeadLetter::ParkedAtUs, Order::Asc)
            .limit(u64::from(rows_max))
            .to_owned();
        let of_the_bus = Query::select()
            .columns(envelope_columns())
            .expr_as(tables::Outbox::Id.into_column_ref(), "event_id")
            .expr_as(tables::Outbox::LastError.into_column_ref(), "reason")
            .column(tables::Outbox::ParkedAtUs)
            .from(tables::Outbox::Table)
            .and_where(Expr::col(tables::Outbox::ParkedAtUs).is_not_null())
            .order_by(tables::Outbox::ParkedAtUs, Order::Asc)
            .limit(u64::from(rows_max))
            .to_owned();
        let rows = self.reader().query_all(&of_consumers).await.map_err(unavailable(doing))?;
        let of_consumers = rows.iter().map(|row| letter(row, None)).collect::<Vec<_>>();
        let rows = self.reader().query_all(&of_the_bus).await.map_err(unavailable(doing))?;
        let of_the_bus = rows.iter().map(|row| letter(row, Some(RELAY)));
        let mut found = DeadLetters::default();
        for letter in of_consumers.into_iter().chain(of_the_bus) {
            match letter {
                Ok(letter) => found.letters.push(letter),
                Err(error) => found.unreadable.push(error),
            }
        }
        found.letters.sort_by_key(|letter| letter.parked_at);
        found.letters.truncate(usize::try_from(rows_max).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// Publishes again what was published at or after this moment: recovery from a lost stream.
    /// Consumers know what they have handled. Says how many messages.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; what was begun is being published, and running it again
    /// goes on.
    pub async fn replay_since(&self, since: Timestamp) -> Result<u64, StoreError> {
        let doing = "publishing again";
        // What the relay publishes again meanwhile is later than this and not taken a second time.
        let until = database_now(self.reader()).await.map_err(unavailable(doing))?;
        let (mut last_seq, mut replayed) = (0, 0);
        loop {
            // In the order of commits, so that each aggregate's messages come in theirs.
            let chunk = Query::select()
                .column(tables::Outbox::Seq)
                .from(tables::Outbox::Table)
                .and_where(Expr::col(tables::Outbox::Seq).gt(last_seq))
                .and_where(Expr::col(tables::Outbox::PublishedAtUs).gte(since.as_micros()))
                .and_where(Expr::col(tables::Outbox::PublishedAtUs).lte(until.as_micros()))
                .order_by(tables::Outbox::Seq, Order::Asc)
                .limit(CHUNK_ROWS)
                .to_owned();
            let rows = self.reader().query_all(&chunk).await.map_err(unavailable(doing))?;
            let seqs: Result<Vec<i64>, _> = rows.iter().map(|row| row.try_get("", "seq")).collect();
            let seqs = seqs.map_err(unavailable(doing))?;
            let Some(last) = seqs.last() else { return Ok(replayed) };
            last_seq = *last;
            replayed += self.unpublish(seqs).await?;
        }
    }

    async fn unpublish(&self, seqs: Vec<i64>) -> Result<u64, StoreError> {
        let update = Query::update()
            .table(tables::Outbox::Table)
            .value(tables::Outbox::PublishedAtUs, None::<i64>)
            .value(tables::Outbox::Attempts, 0)
            .value(tables::Outbox::ToldAgain, 1)
            .and_where(Expr::col(tables::Outbox::Seq).is_in(seqs))
            .to_owned();
        let unpublished = self.transact("publishing again", Wake::Listeners, move |tx| {
            let update = update.clone();
            Box::pin(async move { Ok(tx.execute(&update).await?.rows_affected()) })
        });
        Ok(unpublished.await?.unwrap_or(0))
    }
}

fn letter(row: &QueryResult, consumer: Option<&str>) -> Result<DeadLetter, StoreError> {
    let id: String =
        row.try_get("", "event_id").map_err(unavailable("reading the dead letters"))?;
    let table = if consumer.is_some() { "outbox" } else { "dead_letter" };
    let corrupt = |column| StoreError::CorruptRow { table, id: id.clone(), column };
    let event_id = kernel::Uuid::try_parse(&id).map_err(|_| corrupt("event_id"))?;
    let read = || {
        let reason: Option<String> = row.try_get("", "reason")?;
        Ok::<_, sea_orm::DbErr>(DeadLetter {
            consumer: match consumer {
                Some(consumer) => consumer.to_owned(),
                None => row.try_get("", "consumer")?,
            },
            message: envelope(row, EventId::new(event_id))?,
            reason: reason.unwrap_or_default(),
            parked_at: Timestamp::from_micros(row.try_get("", "parked_at_us")?),
            retrying: match consumer {
                Some(_) => false,
                None => row.try_get::<Option<i64>>("", "retry_at_us")?.is_some(),
            },
        })
    };
    read().map_err(|_| corrupt("one of its columns"))
}
