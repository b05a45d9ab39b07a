//! Which slots are known to be sold out: who asks for one of them for the first time is refused without a transaction,
//! and mostly without a look at the database. Never more than a moment late: a hold that comes back in this process is
//! heard of at once, one that comes back elsewhere within [`STALENESS`].

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use in_process_gather::{Batching, Gather, Limits, Waiting};
use kernel::StoreError;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sea_orm_database::{Database, filled, unavailable};
use ticket::{HoldRequest, Slot, SlotKey, Wanted};
use tokio_util::task::TaskTracker;

use crate::rows::stock;

/// How long it is taken for true that nothing is left, from when it was read (reliability.md, "Hot SKU").
const STALENESS: Duration = Duration::from_millis(200);
/// Slots that are remembered. Past it all are forgotten, which costs each of them a transaction.
const SLOTS_MAX: usize = 4_096;
/// Whoever asks while one look is under way shares the next.
const LOOKS: Limits = Limits {
    batch_weight: 256,
    waiting_weight: 8 * 256,
    at_once: 1,
    patience: None,
    rest: Duration::ZERO,
};

/// Answers whether a hold can only be refused.
pub(crate) struct SoldOut {
    marks: Arc<Marks>,
    looks: Gather<SlotKey, Result<bool, StoreError>>,
}

impl SoldOut {
    /// Nothing is known yet.
    pub(crate) fn new(db: Database) -> Self {
        let marks = Arc::<Marks>::default();
        let noting = Arc::clone(&marks);
        let look = move |batch| -> BoxFuture<'static, ()> {
            Box::pin(look(db.clone(), Arc::clone(&noting), batch))
        };
        Self { marks, looks: Gather::new(Batching::On, LOOKS, TaskTracker::new(), look) }
    }

    /// What transactions see and change of it.
    pub(crate) fn marks(&self) -> Arc<Marks> {
        Arc::clone(&self.marks)
    }

    /// Whether nothing is left of one of the slots that this needs. Only of one that is surely new: any other has
    /// to get what is stored for it, and that stands in the database alone.
    pub(crate) async fn refuses(&self, request: &HoldRequest) -> bool {
        if !request.surely_new {
            return false;
        }
        for slot in shared_slots(&request.wanted) {
            let slot = (request.ticket_id, slot);
            let refused = match self.marks.known(&slot, Instant::now()) {
                Known::SoldOut => true,
                Known::Unknown => false,
                // A plain read: who is refused after all has locked nothing and written nothing. Where it fails, the
                // transaction will say why.
                Known::Stale => {
                    let looked = self.looks.submit(slot.0.as_uuid(), 1, slot).await;
                    matches!(looked, Ok(Ok(true)))
                }
            };
            if refused {
                return true;
            }
        }
        false
    }
}

/// The slots that it takes from and that many share.
fn shared_slots(wanted: &Wanted) -> Vec<Slot> {
    match wanted {
        Wanted::Units(_) => vec![Slot::Admission],
        Wanted::Seats(_) => Vec::new(),
        Wanted::Nights { nights, .. } => nights.dates().map(Slot::Night).collect(),
    }
}

/// Reads what all of these ask for in one statement.
async fn look(
    db: Database,
    marks: Arc<Marks>,
    batch: Vec<Waiting<SlotKey, Result<bool, StoreError>>>,
) {
    // Before it is read: whatever comes back from now on is newer than what is read.
    let at = Instant::now();
    let wanted: BTreeSet<&SlotKey> = batch.iter().map(|waiting| &waiting.item).collect();
    match sold_out(&db, &wanted).await {
        Ok(sold_out) => {
            for slot in wanted {
                if sold_out.contains(slot) {
                    marks.still_nothing_left(slot, at);
                } else {
                    marks.something_left(slot, at);
                }
            }
            for waiting in batch {
                let is_sold_out = sold_out.contains(&waiting.item);
                waiting.answer(Ok(is_sold_out));
            }
        }
        Err(error) => batch.into_iter().for_each(|waiting| waiting.answer(Err(error.clone()))),
    }
}

async fn sold_out(
    db: &Database,
    wanted: &BTreeSet<&SlotKey>,
) -> Result<BTreeSet<SlotKey>, StoreError> {
    let tickets: BTreeSet<_> = wanted.iter().map(|(ticket, _)| ticket.to_string()).collect();
    let slots: BTreeSet<_> = wanted.iter().map(|(_, slot)| slot.to_string()).collect();
    // Every slot of these names in every one of these tickets: may be more than is wanted, never less.
    let rows = stock::Entity::find()
        .filter(stock::Column::TicketId.is_in(filled(tickets)))
        .filter(stock::Column::Slot.is_in(filled(slots)))
        .all(db.reader())
        .await
        .map_err(unavailable("looking whether a ticket is still sold out"))?;
    let mut sold_out = BTreeSet::new();
    for row in &rows {
        let (slot, record) = row.read()?;
        if record.stock.available() == 0 {
            sold_out.insert(slot);
        }
    }
    Ok(sold_out)
}

/// What was seen last of slots of which nothing was left at some time.
#[derive(Default)]
pub(crate) struct Marks(Mutex<HashMap<SlotKey, Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    nothing_left: bool,
    at: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum Known {
    SoldOut,
    /// It was, too long ago to rely on.
    Stale,
    Unknown,
}

impl Marks {
    fn known(&self, slot: &SlotKey, now: Instant) -> Known {
        match self.seen().get(slot) {
            Some(seen) if !seen.nothing_left => Known::Unknown,
            Some(seen) if now.saturating_duration_since(seen.at) < STALENESS => Known::SoldOut,
            Some(_) => Known::Stale,
            None => Known::Unknown,
        }
    }

    /// Nothing was left at that time, as a transaction has read it that keeps the row until it ends: what another one
    /// brings back, it brings back later, and tells of it later.
    pub(crate) fn nothing_left(&self, slot: &SlotKey, at: Instant) {
        let mut seen = self.seen();
        if seen.len() >= SLOTS_MAX && !seen.contains_key(slot) {
            seen.clear();
        }
        let last = seen.entry(slot.clone()).or_insert(Seen { nothing_left: true, at });
        last.follow(Seen { nothing_left: true, at });
    }

    /// The same as a plain read has found it, which may be overtaken by what came back meanwhile: it counts only
    /// against what was seen before.
    fn still_nothing_left(&self, slot: &SlotKey, at: Instant) {
        if let Some(last) = self.seen().get_mut(slot) {
            last.follow(Seen { nothing_left: true, at });
        }
    }

    /// Something came back and is committed, or was found to be there.
    pub(crate) fn something_left(&self, slot: &SlotKey, at: Instant) {
        if let Some(last) = self.seen().get_mut(slot) {
            last.follow(Seen { nothing_left: false, at });
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<SlotKey, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// The newer counts; of the same time that something is left.
    fn follow(&mut self, other: Self) {
        if other.at > self.at || other.at == self.at && !other.nothing_left {
            *self = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{TicketId, Uuid};

    use super::*;

    fn slot(number: u128) -> SlotKey {
        (TicketId::new(Uuid::from_u128(number)), Slot::Admission)
    }

    #[test]
    fn a_mark_is_believed_for_a_moment_and_only_of_what_was_sold_out() {
        let (marks, begin) = (Marks::default(), Instant::now());
        assert_eq!(marks.known(&slot(1), begin), Known::Unknown);
        marks.still_nothing_left(&slot(1), begin);
        assert_eq!(marks.known(&slot(1), begin), Known::Unknown, "a read makes no mark");
        marks.nothing_left(&slot(1), begin);
        let last = begin + STALENESS - Duration::from_nanos(1);
        assert_eq!(marks.known(&slot(1), last), Known::SoldOut);
        assert_eq!(marks.known(&slot(1), begin + STALENESS), Known::Stale);
        marks.still_nothing_left(&slot(1), last);
        assert_eq!(marks.known(&slot(1), begin + STALENESS), Known::SoldOut, "renewed");
        assert_eq!(marks.known(&slot(2), begin), Known::Unknown);
    }

    #[test]
    fn what_came_back_is_heard_of_at_once_and_not_unsaid_by_an_older_read() {
        let (marks, begin) = (Marks::default(), Instant::now());
        let later = begin + Duration::from_millis(1);
        marks.nothing_left(&slot(1), begin);
        marks.something_left(&slot(1), later);
        marks.still_nothing_left(&slot(1), begin);
        assert_eq!(marks.known(&slot(1), later), Known::Unknown, "read before, told after");
        marks.still_nothing_left(&slot(1), later);
        assert_eq!(marks.known(&slot(1), later), Known::Unknown, "in doubt something is left");
        marks.nothing_left(&slot(1), later + Duration::from_millis(1));
        assert_eq!(marks.known(&slot(1), later), Known::SoldOut, "sold once more");
    }

    #[test]
    fn as_many_are_remembered_as_may_be() {
        let (marks, begin) = (Marks::default(), Instant::now());
        for number in 0..=SLOTS_MAX as u128 {
            marks.nothing_left(&slot(number), begin);
        }
        assert_eq!(marks.seen().len(), 1);
        assert_eq!(marks.known(&slot(SLOTS_MAX as u128), begin), Known::SoldOut);
    }
}
