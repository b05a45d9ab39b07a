//! Another try of what was set aside.
//!
//! `retry_at_us` says when a letter is next to be handed over: a try that was begun moves it on, so that
//! no second server makes the same try, and one that was killed within it is followed by another.

use std::time::Duration;

use kernel::{EventHandler, EventId, StoreError};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::letter;
use crate::Database;
use crate::engine::now_expr;
use crate::envelope::envelope_columns;
use crate::marks::set_aside;
use crate::tables::{DeadLetter, Inbox, Outbox};
use crate::unit_of_work::{TxError, Wake, unavailable};

/// Longer than handling a message takes.
const TRY_DURATION: Duration = Duration::from_secs(60);
const PASS_LETTERS_MAX: u64 = 20;
const MARK_LETTERS_MAX: u64 = 100;

impl Database {
    /// Asks for another try of one dead letter, or of all: the server's own loop makes it
    /// ([`Database::retry_pass`]), or the relay for a message that the bus refused. Says how many.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn retry_dead_letters(&self, event_id: Option<EventId>) -> Result<u64, StoreError> {
        let event_id = event_id.map(|id| id.to_string());
        let mut asked = self.unpark(event_id.clone()).await?;
        loop {
            let letters = self.unasked(event_id.as_deref()).await?;
            let is_last = (letters.len() as u64) < MARK_LETTERS_MAX;
            let marked = self.write("asking for another try", move |tx| {
                let letters = letters.clone();
                Box::pin(async move { mark(tx, &letters).await })
            });
            let marked = marked.await?;
            asked += marked;
            if is_last || marked == 0 {
                return Ok(asked);
            }
        }
    }

    /// Hands a consumer the dead letters of its own that somebody asked to try again. What is handled
    /// is no dead letter any more; what fails is set aside again, with its new reason. Says whether
    /// there may be more.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub async fn retry_pass(&self, handler: &dyn EventHandler) -> Result<bool, StoreError> {
        let doing = "reading the dead letters to try again";
        let now = now_expr(self.reader().get_database_backend());
        let due = Query::select()
            .columns(envelope_columns())
            .columns([
                DeadLetter::EventId,
                DeadLetter::Consumer,
                DeadLetter::Reason,
                DeadLetter::ParkedAtUs,
                DeadLetter::RetryAtUs,
            ])
            .from(DeadLetter::Table)
            .and_where(Expr::col(DeadLetter::Consumer).eq(handler.name()))
            .and_where(Expr::col(DeadLetter::RetryAtUs).lte(now))
            .order_by(DeadLetter::ParkedAtUs, Order::Asc)
            .limit(PASS_LETTERS_MAX)
            .to_owned();
        let rows = self.reader().query_all(&due).await.map_err(unavailable(doing))?;
        for row in &rows {
            let letter = letter(row, None)?;
            let id = letter.message.id;
            if !self.claim(handler.name(), id).await? {
                continue;
            }
            match handler.handle(&letter.message).await {
                Ok(()) => self.forget(handler.name(), id).await?,
                Err(error) => {
                    set_aside(self, handler.name(), &letter.message, &error.to_string()).await?;
                }
            }
        }
        Ok(rows.len() as u64 == PASS_LETTERS_MAX)
    }

    async fn unpark(&self, event_id: Option<String>) -> Result<u64, StoreError> {
        let unparked = self.write("asking for another publication", move |tx| {
            let mut update = Query::update();
            update
                .table(Outbox::Table)
                .value(Outbox::ParkedAtUs, None::<i64>)
                .value(Outbox::Refusals, 0)
                .value(Outbox::Attempts, 0)
                .value(Outbox::NextAttemptAtUs, now_expr(tx.get_database_backend()))
                .and_where(Expr::col(Outbox::ParkedAtUs).is_not_null());
            if let Some(id) = &event_id {
                update.and_where(Expr::col(Outbox::Id).eq(id));
            }
            Box::pin(async move { Ok(tx.execute(&update).await?.rows_affected()) })
        });
        unparked.await
    }

    /// Consumers and ids of letters that nobody has asked to try again.
    async fn unasked(&self, event_id: Option<&str>) -> Result<Vec<(String, String)>, StoreError> {
        let mut query = Query::select();
        query
            .columns([DeadLetter::Consumer, DeadLetter::EventId])
            .from(DeadLetter::Table)
            .and_where(Expr::col(DeadLetter::RetryAtUs).is_null())
            .limit(MARK_LETTERS_MAX);
        if let Some(id) = event_id {
            query.and_where(Expr::col(DeadLetter::EventId).eq(id));
        }
        let failed = unavailable("reading the dead letters");
        let rows = self.reader().query_all(&query).await.map_err(&failed)?;
        let letters =
            rows.iter().map(|row| Ok((row.try_get("", "consumer")?, row.try_get("", "event_id")?)));
        letters.collect::<Result<_, _>>().map_err(failed)
    }

    /// Whether this try is ours.
    async fn claim(&self, consumer: &'static str, id: EventId) -> Result<bool, StoreError> {
        let claimed = self.transact("beginning another try", Wake::Nobody, move |tx| {
            let now = now_expr(tx.get_database_backend());
            let duration_us = i64::try_from(TRY_DURATION.as_micros()).unwrap_or(i64::MAX / 2);
            let update = Query::update()
                .table(DeadLetter::Table)
                .value(DeadLetter::RetryAtUs, now.clone().add(duration_us))
                .and_where(Expr::col(DeadLetter::Consumer).eq(consumer))
                .and_where(Expr::col(DeadLetter::EventId).eq(id.to_string()))
                .and_where(Expr::col(DeadLetter::RetryAtUs).lte(now))
                .to_owned();
            Box::pin(async move { Ok(tx.execute(&update).await?.rows_affected() == 1) })
        });
        Ok(claimed.await?.unwrap_or(false))
    }

    async fn forget(&self, consumer: &'static str, id: EventId) -> Result<(), StoreError> {
        let forgotten = self.transact("ending another try", Wake::Nobody, move |tx| {
            let delete = Query::delete()
                .from_table(DeadLetter::Table)
                .and_where(Expr::col(DeadLetter::Consumer).eq(consumer))
                .and_where(Expr::col(DeadLetter::EventId).eq(id.to_string()))
                .to_owned();
            Box::pin(async move { Ok(tx.execute(&delete).await.map(drop)?) })
        });
        forgotten.await.map(drop)
    }
}

/// Marks letters for another try; without the mark of the inbox the consumer takes them for new.
async fn mark(tx: &DatabaseTransaction, letters: &[(String, String)]) -> Result<u64, TxError> {
    let mut marked = 0;
    for (consumer, event_id) in letters {
        let update = Query::update()
            .table(DeadLetter::Table)
            .value(DeadLetter::RetryAtUs, now_expr(tx.get_database_backend()))
            .and_where(Expr::col(DeadLetter::Consumer).eq(consumer))
            .and_where(Expr::col(DeadLetter::EventId).eq(event_id))
            .and_where(Expr::col(DeadLetter::RetryAtUs).is_null())
            .to_owned();
        if tx.execute(&update).await?.rows_affected() == 0 {
            continue;
        }
        let unhandled = Query::delete()
            .from_table(Inbox::Table)
            .and_where(Expr::col(Inbox::Consumer).eq(consumer))
            .and_where(Expr::col(Inbox::EventId).eq(event_id))
            .to_owned();
        tx.execute(&unhandled).await?;
        marked += 1;
    }
    Ok(marked)
}
