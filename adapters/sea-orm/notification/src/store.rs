//! The ledger of what was sent: messages, learned languages and the inbox mark in one transaction.

use async_trait::async_trait;
use kernel::{Committed, Cursor, Envelope, Locale, StoreError};
use notification::{Change, Filter, Notification, NotificationStore, Recipient};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sea_orm_database::{Batching, Database, Group, unavailable};

use crate::deliver::deliver_all;
use crate::languages::Languages;
use crate::{recipient_row, row};

/// The notification ledger in a database.
pub struct SeaOrmNotificationStore {
    db: Database,
    deliveries: Group<Change, Committed>,
    languages: Languages,
}

impl SeaOrmNotificationStore {
    /// Over a database that [`crate::migrations`] have run on; `batching` says whether letters share transactions.
    #[must_use]
    pub fn new(db: Database, batching: Batching) -> Self {
        let deliveries =
            Group::unhurried(db.clone(), "delivering letters", batching, |tx, jobs, run| {
                Box::pin(async move { deliver_all(tx, &jobs, run).await })
            });
        Self { db, deliveries, languages: Languages::default() }
    }
}

#[async_trait]
impl NotificationStore for SeaOrmNotificationStore {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let (key, weight) = (change.caused_by.event_id, 1 + change.notifications.len());
        let learned_of = change.learned.as_ref().map(|learned| learned.recipient.clone());
        let verdict = self.deliveries.submit(key.as_uuid(), weight, change).await;
        if let Some(recipient) = learned_of {
            self.languages.forget(&recipient);
        }
        verdict
    }

    async fn locale_of(&self, recipient: &Recipient) -> Result<Option<Locale>, StoreError> {
        if let Some(known) = self.languages.of(recipient) {
            return Ok(Some(known));
        }
        let found = recipient_row::Entity::find_by_id(recipient_row::key(recipient))
            .one(self.db.reader())
            .await
            .map_err(unavailable("reading a recipient's language"))?;
        let found = found.map(|row| row.locale()).transpose()?;
        if let Some(locale) = found {
            self.languages.found(recipient, locale);
        }
        Ok(found)
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
