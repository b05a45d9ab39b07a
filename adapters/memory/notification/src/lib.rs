//! The notification context's ports in memory: for tests, proved by the contract suites.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kernel::{Cause, Committed, Cursor, Envelope, EventId, Locale, StoreError, Timestamp};
use notification::{Change, Channel, Filter, Learned, Notification, NotificationStore, Recipient};

/// A ledger of what was sent that lives as long as the value.
#[derive(Default)]
pub struct MemoryNotificationStore {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    notifications: Vec<Notification>,
    keys: HashSet<(EventId, Recipient, Channel)>,
    locales: HashMap<Recipient, (Timestamp, Locale)>,
    inbox: HashSet<(&'static str, EventId)>,
    parked: Vec<(EventId, String)>,
}

impl MemoryNotificationStore {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every message there is, in the order of writing.
    #[must_use]
    pub fn all(&self) -> Vec<Notification> {
        self.tables().notifications.clone()
    }

    /// What was parked, with the reasons.
    #[must_use]
    pub fn parked(&self) -> Vec<(EventId, String)> {
        self.tables().parked.clone()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl NotificationStore for MemoryNotificationStore {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let mut tables = self.tables();
        let Cause { consumer, event_id } = change.caused_by;
        let repeated = tables.inbox.contains(&(consumer, event_id))
            || change.notifications.iter().any(|message| tables.keys.contains(&once(message)));
        if repeated {
            return Ok(Committed::AlreadyHandled);
        }
        tables.inbox.insert((consumer, event_id));
        tables.keys.extend(change.notifications.iter().map(once));
        tables.notifications.extend(change.notifications);
        if let Some(learned) = change.learned {
            tables.learn(learned);
        }
        Ok(Committed::Done)
    }

    async fn locale_of(&self, recipient: &Recipient) -> Result<Option<Locale>, StoreError> {
        Ok(self.tables().locales.get(recipient).map(|(_, locale)| *locale))
    }

    async fn list(
        &self,
        of: &Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        let tables = self.tables();
        let mut rows: Vec<_> = tables
            .notifications
            .iter()
            .filter(|row| of.recipients.contains(&row.recipient))
            .filter(|row| of.booking_id.is_none() || of.booking_id == row.booking_id)
            .filter(|row| of.ticket_id.is_none() || of.ticket_id == row.ticket_id)
            .filter(|row| after.is_none_or(|after| key(row.cursor()) < key(after)))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(key(row.cursor())));
        Ok(rows.into_iter().take(rows_max as usize).cloned().collect())
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if tables.inbox.insert((consumer, message.id)) {
            tables.parked.push((message.id, reason.to_owned()));
        }
        Ok(())
    }
}

impl Tables {
    fn learn(&mut self, learned: Learned) {
        let known = self.locales.get(&learned.recipient);
        if known.is_none_or(|(at, _)| *at <= learned.at) {
            self.locales.insert(learned.recipient, (learned.at, learned.locale));
        }
    }
}

/// What there is one message of.
fn once(message: &Notification) -> (EventId, Recipient, Channel) {
    (message.event_id, message.recipient.clone(), message.channel)
}

const fn key(cursor: Cursor) -> (i64, kernel::Uuid) {
    (cursor.sort, cursor.id)
}
