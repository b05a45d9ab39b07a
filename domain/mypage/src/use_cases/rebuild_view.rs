//! Makes the view equal to its sources while everybody works on: rows are made, replaced and removed one by one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kernel::{BookingId, Committed, StoreError};

use crate::limits::{REBUILD_ROWS_MAX, REBUILD_TRIES_MAX};
use crate::{FoundRow, KnownBooking, Repair, ViewRepair, ViewSource, mend};

/// Rebuilds the view from its sources.
pub struct Rebuild {
    /// The rows.
    pub view: Arc<dyn ViewRepair>,
    /// What they are made of.
    pub source: Arc<dyn ViewSource>,
}

/// What a rebuild did, in rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Were missing.
    pub made: u64,
    /// Were old or damaged.
    pub replaced: u64,
    /// Were right.
    pub left: u64,
    /// Belonged to no booking.
    pub removed: u64,
    /// Of these bookings nothing is known, and why: their rows stay as they are.
    pub unreadable: Vec<(BookingId, StoreError)>,
}

/// Why a rebuild ended early. What it did stands, and another one does the rest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildViewError {
    /// A database could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sources have no booking at all and the view has rows: more likely the wrong database than the truth.
    #[error(
        "the booking database has no booking and the view has rows: is it the right one? Nothing was removed"
    )]
    NoSource,
    /// Others changed a row every time.
    #[error("the row {0} changed under every try")]
    Contended(String),
}

impl Rebuild {
    /// Removes rows that belong to no booking, then makes or replaces every row that is not what its sources say.
    /// A booking that cannot be read does not keep the others.
    ///
    /// # Errors
    /// [`RebuildViewError`].
    pub async fn rebuild_view(&self) -> Result<Rebuilt, RebuildViewError> {
        let mut done = Rebuilt::default();
        let mut last = String::new();
        // The view before the sources: a row that is there has its booking, however new.
        let has_rows = !self.view.keys(&last, 1).await?.is_empty();
        if has_rows && self.source.bookings(None, 1).await?.is_empty() {
            return Err(RebuildViewError::NoSource);
        }
        loop {
            let keys = self.view.keys(&last, REBUILD_ROWS_MAX).await?;
            let Some(end) = keys.last().cloned() else { break };
            last = end;
            done.removed += self.remove_strangers(keys).await?;
        }
        let mut last = None;
        loop {
            let bookings = self.source.bookings(last, REBUILD_ROWS_MAX).await?;
            let Some(end) = bookings.last().copied() else { return Ok(done) };
            last = Some(end);
            self.mend_rows(bookings, &mut done).await?;
        }
    }

    async fn remove_strangers(&self, keys: Vec<String>) -> Result<u64, RebuildViewError> {
        // The rows before the bookings: a row that is there has its booking, however new.
        let rows = self.view.rows(&keys).await?;
        let bookings: Vec<_> = rows.iter().filter_map(booking_of).collect();
        let known = self.source.known(&bookings).await?;
        let known: Vec<_> = known.into_iter().map(|booking| booking.booking_id).collect();
        let mut removed = 0;
        for row in rows {
            if booking_of(&row).is_some_and(|booking| known.contains(&booking)) {
                continue;
            }
            let FoundRow { key, revision: found_revision, .. } = row;
            // One that changed meanwhile is somebody's work, and is left to the next rebuild.
            let ending = self.view.repair(Repair::Remove { key, found_revision }).await?;
            removed += u64::from(ending == Committed::Done);
        }
        Ok(removed)
    }

    async fn mend_rows(
        &self,
        mut bookings: Vec<BookingId>,
        done: &mut Rebuilt,
    ) -> Result<(), RebuildViewError> {
        let mut replaced = HashSet::new();
        for _ in 0..REBUILD_TRIES_MAX {
            bookings = self.mend_once(&bookings, done, &mut replaced).await?;
            if bookings.is_empty() {
                done.replaced += replaced.len() as u64;
                return Ok(());
            }
        }
        let contended = bookings.first().map(ToString::to_string).unwrap_or_default();
        Err(RebuildViewError::Contended(contended))
    }

    /// Answers with those whose rows are to be looked at again: they changed meanwhile, or they were replaced, and
    /// what was there before may have taken events for stale that were not.
    async fn mend_once(
        &self,
        bookings: &[BookingId],
        done: &mut Rebuilt,
        replaced: &mut HashSet<BookingId>,
    ) -> Result<Vec<BookingId>, RebuildViewError> {
        let keys: Vec<_> = bookings.iter().map(ToString::to_string).collect();
        // The rows first; see `mending.rs`.
        let rows = self.view.rows(&keys).await?;
        let rows: HashMap<_, _> = rows.iter().map(|row| (row.key.as_str(), row)).collect();
        let mut again = Vec::new();
        for KnownBooking { booking_id, facts } in self.source.known(bookings).await? {
            let facts = match facts {
                Ok(facts) => facts,
                Err(error) => {
                    done.unreadable.push((booking_id, error));
                    continue;
                }
            };
            let found = rows.get(booking_id.to_string().as_str()).copied();
            let Some(repair) = mend(found, booking_id, &facts) else {
                done.left += u64::from(!replaced.contains(&booking_id));
                continue;
            };
            match self.view.repair(repair).await? {
                Committed::Done if found.is_none() => done.made += 1,
                Committed::Done => {
                    replaced.insert(booking_id);
                    again.push(booking_id);
                }
                Committed::Stale | Committed::AlreadyHandled | Committed::KeyTaken => {
                    again.push(booking_id);
                }
            }
        }
        Ok(again)
    }
}

/// The booking that a row says it is of: its key as we write it.
fn booking_of(row: &FoundRow) -> Option<BookingId> {
    let booking: BookingId = row.key.parse().ok()?;
    (booking.to_string() == row.key).then_some(booking)
}
