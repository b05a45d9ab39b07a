//! Another try of what was set aside.
//!
//! `retry_at_us` says when a letter is next to be handed over: a try that was begun moves it on, so that
//! no second server makes the same try, and one that was killed within it is followed by another. `tries`
//! counts them, so that neither what never passes nor what kills its server is tried for ever.

use std::time::Duration;

use kernel::{Committed, EventHandler, EventId, HandlerError, StoreError};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::time::timeout;

use super::letter;
use crate::Database;
use crate::engine::now_expr;
use crate::envelope::envelope_columns;
use crate::marks::set_aside;
use crate::tables::{DeadLetter, Inbox, Outbox};
use crate::unit_of_work::{TxError, Wake, unavailable};

/// Longer than handling a message may take.
const TRY_DURATION: Duration = Duration::from_secs(60);
const HANDLE_MAX: Duration = Duration::from_secs(30);
const _: () = assert!(HANDLE_MAX.as_millis() * 2 <= TRY_DURATION.as_millis());
/// What fails in a way that may pass is tried as often, over a quarter of an hour.
const TRIES_MAX: u32 = 20;
const PAUSE_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(60);
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
    /// is no dead letter any more. What fails in a way that may pass is tried again later, for a quarter
    /// of an hour; what fails otherwise is set aside again, with its new reason. Says whether there may be more.
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
                DeadLetter::Tries,
            ])
            .from(DeadLetter::Table)
            .and_where(Expr::col(DeadLetter::Consumer).eq(handler.name()))
            .and_where(Expr::col(DeadLetter::RetryAtUs).lte(now))
            .order_by(DeadLetter::ParkedAtUs, Order::Asc)
            .limit(PASS_LETTERS_MAX)
            .to_owned();
        let rows = self.reader().query_all(&due).await.map_err(unavailable(doing))?;
        for row in &rows {
            let tries: i32 = row.try_get("", "tries").map_err(unavailable(doing))?;
            let tried = u32::try_from(tries).unwrap_or(0);
            match letter(row, None) {
                Ok(letter) => self.try_again(handler, &letter, tried).await?,
                // It stays, due, for somebody to mend; the others do not wait for it.
                Err(error) => tracing::error!(%error, "a dead letter cannot be tried again"),
            }
        }
        Ok(rows.len() as u64 == PASS_LETTERS_MAX)
    }

    async fn try_again(
        &self,
        handler: &dyn EventHandler,
        letter: &super::DeadLetter,
        tried: u32,
    ) -> Result<(), StoreError> {
        let (consumer, message) = (handler.name(), &letter.message);
        if !self.claim(consumer, message.id).await? {
            return Ok(());
        }
        let failure = if tried < TRIES_MAX {
            timeout(HANDLE_MAX, handler.handle(message)).await.unwrap_or_else(|_late| {
                Err(HandlerError::Transient(format!("not handled in {} s", HANDLE_MAX.as_secs())))
            })
        } else {
            // Its last tries did not even end.
            Err(HandlerError::Poison(letter.reason.clone()))
        };
        match failure {
            Ok(()) => self.forget(consumer, message.id).await,
            Err(HandlerError::Transient(reason)) if tried + 1 < TRIES_MAX => {
                self.postpone(consumer, message.id, reason, tried).await
            }
            Err(error) => match set_aside(self, consumer, message, &error.to_string()).await? {
                // It was handled on another way while this try failed.
                Committed::AlreadyHandled => self.forget(consumer, message.id).await,
                Committed::Done | Committed::Stale | Committed::KeyTaken => Ok(()),
            },
        }
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
            let duration_us = microseconds(TRY_DURATION);
            let update = Query::update()
                .table(DeadLetter::Table)
                .value(DeadLetter::RetryAtUs, now.clone().add(duration_us))
                .value(DeadLetter::Tries, Expr::col(DeadLetter::Tries).add(1))
                .and_where(Expr::col(DeadLetter::Consumer).eq(consumer))
                .and_where(Expr::col(DeadLetter::EventId).eq(id.to_string()))
                .and_where(Expr::col(DeadLetter::RetryAtUs).lte(now))
                .to_owned();
            Box::pin(async move { Ok(tx.execute(&update).await?.rows_affected() == 1) })
        });
        Ok(claimed.await?.unwrap_or(false))
    }

    /// Keeps the wish for another try, for a while later.
    async fn postpone(
        &self,
        consumer: &'static str,
        id: EventId,
        reason: String,
        tried: u32,
    ) -> Result<(), StoreError> {
        let pause = PAUSE_FIRST.saturating_mul(2_u32.saturating_pow(tried)).min(PAUSE_MAX);
        let postponed = self.transact("postponing another try", Wake::Nobody, move |tx| {
            let update = Query::update()
                .table(DeadLetter::Table)
                .value(DeadLetter::Reason, reason.as_str())
                .value(
                    DeadLetter::RetryAtUs,
                    now_expr(tx.get_database_backend()).add(microseconds(pause)),
                )
                .and_where(Expr::col(DeadLetter::Consumer).eq(consumer))
                .and_where(Expr::col(DeadLetter::EventId).eq(id.to_string()))
                .and_where(Expr::col(DeadLetter::RetryAtUs).is_not_null())
                .to_owned();
            Box::pin(async move { Ok(tx.execute(&update).await.map(drop)?) })
        });
        Ok(postponed.await.map(drop)?)
    }

    /// Removes a letter that was handled, unless somebody has set it aside again.
    async fn forget(&self, consumer: &'static str, id: EventId) -> Result<(), StoreError> {
        let forgotten = self.transact("ending another try", Wake::Nobody, move |tx| {
            let delete = Query::delete()
                .from_table(DeadLetter::Table)
                .and_where(Expr::col(DeadLetter::Consumer).eq(consumer))
                .and_where(Expr::col(DeadLetter::EventId).eq(id.to_string()))
                .and_where(Expr::col(DeadLetter::RetryAtUs).is_not_null())
                .to_owned();
            Box::pin(async move { Ok(tx.execute(&delete).await.map(drop)?) })
        });
        Ok(forgotten.await.map(drop)?)
    }
}

/// Marks letters for another try; without the mark of the inbox the consumer takes them for new.
async fn mark(tx: &DatabaseTransaction, letters: &[(String, String)]) -> Result<u64, TxError> {
    let mut marked = 0;
    for (consumer, event_id) in letters {
        let update = Query::update()
            .table(DeadLetter::Table)
            .value(DeadLetter::RetryAtUs, now_expr(tx.get_database_backend()))
            .value(DeadLetter::Tries, 0)
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

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}
