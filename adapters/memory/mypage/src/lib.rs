//! The my page context's ports in memory: for tests, proved by the contract suites.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use in_process_watching::Changes;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Cursor, Envelope, EventId, OrganizerId, StoreError,
    TicketId,
};
use mypage::{
    BookingView, Changed, Fact, Filter, FoundRow, MyBooking, Repair, Tally, ViewRepair, ViewStore,
    Viewer,
};

/// Rows of the view that live as long as the value.
#[derive(Default)]
pub struct MemoryViewStore {
    tables: Mutex<Tables>,
    changes: Changes,
}

#[derive(Default)]
struct Tables {
    views: HashMap<BookingId, (BookingView, i64)>,
    last_change: HashMap<BuyerId, i64>,
    inbox: HashSet<(&'static str, EventId)>,
    parked: Vec<(EventId, String)>,
}

impl MemoryViewStore {
    /// A view without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was parked, with the reasons.
    #[must_use]
    pub fn parked(&self) -> Vec<(EventId, String)> {
        self.tables().parked.clone()
    }

    /// Whose rows changed, for whoever watches them.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    fn tell(&self, view: &BookingView) {
        if let Some(seen) = &view.booking {
            self.changes.tell(seen.booking.buyer_id.as_str());
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ViewStore for MemoryViewStore {
    async fn find(&self, booking_id: BookingId) -> Result<Option<BookingView>, StoreError> {
        Ok(self.tables().views.get(&booking_id).map(|(view, _)| view.clone()))
    }

    async fn fold(&self, fact: &Fact, caused_by: Cause) -> Result<Committed, StoreError> {
        let mut tables = self.tables();
        let Cause { consumer, event_id } = caused_by;
        if !tables.inbox.insert((consumer, event_id)) {
            return Ok(Committed::AlreadyHandled);
        }
        let id = fact.booking_id();
        let found = tables.views.get(&id).map(|(view, _)| view.clone());
        let mut view = found.unwrap_or_else(|| BookingView::empty(id));
        if view.fold(fact) {
            tables.put(view.clone());
            drop(tables);
            self.tell(&view);
        }
        Ok(Committed::Done)
    }

    async fn list(
        &self,
        of: &Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<MyBooking>, StoreError> {
        let mut rows: Vec<_> = self
            .tables()
            .shown()
            .filter(|row| match &of.viewer {
                Viewer::Buyer(buyer) => row.booking.buyer_id == *buyer,
                Viewer::Organizer(organizer) => row.booking.organizer_id == *organizer,
            })
            .filter(|row| of.ticket_id.is_none_or(|ticket| ticket == row.booking.ticket_id))
            .filter(|row| of.status.is_none_or(|status| status == row.booking.status))
            .filter(|row| after.is_none_or(|after| key(row.cursor()) < key(after)))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(key(row.cursor())));
        rows.truncate(rows_max as usize);
        Ok(rows)
    }

    async fn tallies(
        &self,
        organizer_id: &OrganizerId,
        ticket_id: Option<TicketId>,
    ) -> Result<Vec<Tally>, StoreError> {
        Ok(self
            .tables()
            .shown()
            .filter(|row| row.booking.organizer_id == *organizer_id)
            .filter(|row| ticket_id.is_none_or(|ticket| ticket == row.booking.ticket_id))
            .map(|row| Tally::of(&row))
            .collect())
    }

    async fn changed_since(
        &self,
        buyer_id: &BuyerId,
        after: i64,
        rows_max: u32,
    ) -> Result<Vec<Changed>, StoreError> {
        let mut rows: Vec<_> = self
            .tables()
            .views
            .values()
            .filter(|(_, change_number)| *change_number > after)
            .filter_map(|(view, change_number)| {
                view.shown().map(|booking| Changed { booking, change_number: *change_number })
            })
            .filter(|row| row.booking.booking.buyer_id == *buyer_id)
            .collect();
        rows.sort_by_key(|row| row.change_number);
        rows.truncate(rows_max as usize);
        Ok(rows)
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

#[async_trait]
impl ViewRepair for MemoryViewStore {
    async fn keys(&self, after: &str, rows_max: u32) -> Result<Vec<String>, StoreError> {
        let mut keys: Vec<_> = self.tables().views.keys().map(ToString::to_string).collect();
        keys.retain(|key| key.as_str() > after);
        keys.sort();
        keys.truncate(rows_max as usize);
        Ok(keys)
    }

    async fn rows(&self, keys: &[String]) -> Result<Vec<FoundRow>, StoreError> {
        let tables = self.tables();
        let row = |key: &String| {
            let (view, _) = tables.views.get(&key.parse().ok()?)?;
            Some(FoundRow { key: key.clone(), revision: view.revision, view: Some(view.clone()) })
        };
        Ok(keys.iter().filter_map(row).collect())
    }

    async fn repair(&self, repair: Repair) -> Result<Committed, StoreError> {
        let mut tables = self.tables();
        let revision = |tables: &Tables, id| tables.views.get(&id).map(|(view, _)| view.revision);
        match repair {
            Repair::Make(view) if revision(&tables, view.booking_id).is_none() => {
                tables.put(view.clone());
                drop(tables);
                self.tell(&view);
            }
            Repair::Replace { found_revision, view }
                if revision(&tables, view.booking_id) == Some(found_revision) =>
            {
                tables.put(view.clone());
                drop(tables);
                self.tell(&view);
            }
            Repair::Remove { key, found_revision } => {
                let id =
                    key.parse().ok().filter(|id| revision(&tables, *id) == Some(found_revision));
                let Some(id) = id else { return Ok(Committed::Stale) };
                tables.views.remove(&id);
            }
            Repair::Make(_) | Repair::Replace { .. } => return Ok(Committed::Stale),
        }
        Ok(Committed::Done)
    }
}

impl Tables {
    /// Stores a row with the next number of its buyer's changes; a row without a buyer yet has none.
    fn put(&mut self, view: BookingView) {
        let change_number = match &view.booking {
            Some(seen) => {
                let last = self.last_change.entry(seen.booking.buyer_id.clone()).or_insert(0);
                *last += 1;
                *last
            }
            None => 0,
        };
        self.views.insert(view.booking_id, (view, change_number));
    }

    fn shown(&self) -> impl Iterator<Item = MyBooking> {
        self.views.values().filter_map(|(view, _)| view.shown())
    }
}

const fn key(cursor: Cursor) -> (i64, kernel::Uuid) {
    (cursor.sort, cursor.id)
}
