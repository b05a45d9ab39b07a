//! The ledger of what was sent: messages, learned languages and the inbox mark in one transaction.

use async_trait::async_trait;
use kernel::{Committed, Cursor, Envelope, Locale, StoreError};
use notification::{Change, Filter, Learned, Notification, NotificationStore, Recipient};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, SqlErr,
};
use sea_orm_database::{Database, Marks, TxError, unavailable, write_marks};

use crate::{recipient_row, row};

/// The notification ledger in a database.
pub struct SeaOrmNotificationStore {
    db: Database,
}

impl SeaOrmNotificationStore {
    /// Over a database that [`crate::migrations`] have run on.
    #[must_use]
    pub const fn new(db: Database) -> Self {
        Self { db }
    }
}

#[async_trait]
impl NotificationStore for SeaOrmNotificationStore {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.db
            .commit("delivering letters", move |tx| {
                let change = change.clone();
                Box::pin(async move {
                    if let Some(learned) = &change.learned {
                        learn(tx, learned).await?;
                    }
                    send(tx, &change.notifications).await?;
                    let caused_by = Some(change.caused_by);
                    write_marks(tx, Marks { caused_by, ..Marks::default() }).await
                })
            })
            .await
    }

    async fn locale_of(&self, recipient: &Recipient) -> Result<Option<Locale>, StoreError> {
        let found = recipient_row::Entity::find_by_id(recipient_row::key(recipient))
            .one(self.db.reader())
            .await
            .map_err(unavailable("reading a recipient's language"))?;
        found.map(|row| row.locale()).transpose()
    }

    async fn list(
        &self,
        of: &Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        if of.recipients.is_empty() {
            // No condition at all would show everybody's.
            return Ok(Vec::new());
        }
        let rows = row::Entity::find()
            .filter(wanted(of, after))
            .order_by_desc(row::Column::CreateTimeUs)
            .order_by_desc(row::Column::Id)
            .limit(u64::from(rows_max))
            .all(self.db.reader())
            .await
            .map_err(unavailable("listing notifications"))?;
        rows.into_iter().map(Notification::try_from).collect()
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

/// A message that is there was written by an earlier commit for the same event (invariant I7).
async fn send(tx: &DatabaseTransaction, messages: &[Notification]) -> Result<(), TxError> {
    if messages.is_empty() {
        return Ok(());
    }
    let rows = messages.iter().map(|message| row::Model::from(message).into_active_model());
    match row::Entity::insert_many(rows).exec_without_returning(tx).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(TxError::Abort(Committed::AlreadyHandled))
        }
        Err(error) => Err(error.into()),
    }
}

/// Inserts where nothing was known, then overwrites only what an earlier event told.
async fn learn(tx: &DatabaseTransaction, learned: &Learned) -> Result<(), TxError> {
    use recipient_row::{Column, Entity, Model};
    let row = Model::from(learned);
    let key = [Column::Kind, Column::Name];
    let unless_known = OnConflict::columns(key).do_nothing_on(key).to_owned();
    Entity::insert(row.clone().into_active_model())
        .on_conflict(unless_known)
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Entity::update_many()
        .col_expr(Column::Locale, row.locale.into())
        .col_expr(Column::LearnedAtUs, row.learned_at_us.into())
        .filter(Column::Kind.eq(row.kind))
        .filter(Column::Name.eq(row.name))
        .filter(Column::LearnedAtUs.lt(row.learned_at_us))
        .exec(tx)
        .await?;
    Ok(())
}

fn wanted(of: &Filter, after: Option<Cursor>) -> Condition {
    use row::Column;
    let any_recipient = of.recipients.iter().fold(Condition::any(), |any, recipient| {
        let this = Condition::all()
            .add(Column::RecipientKind.eq(row::kind_of(recipient)))
            .add(Column::Recipient.eq(recipient.name()));
        any.add(this)
    });
    let beyond = |after: Cursor| {
        Condition::any().add(Column::CreateTimeUs.lt(after.sort)).add(
            Condition::all()
                .add(Column::CreateTimeUs.eq(after.sort))
                .add(Column::Id.lt(after.id.to_string())),
        )
    };
    Condition::all()
        .add(any_recipient)
        .add_option(of.booking_id.map(|id| Column::BookingId.eq(id.to_string())))
        .add_option(of.ticket_id.map(|id| Column::TicketId.eq(id.to_string())))
        .add_option(after.map(beyond))
}
