//! How many calls run at once in the whole process, over all doors and connections, and which are refused first; and
//! how much may last at once of what goes on after its call has been answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernel::{Fault, FaultClass};
use tonic::Status;

use crate::status::refuse;

/// Room for calls, of which each takes one place. Clones share it.
#[derive(Debug, Clone)]
pub struct InFlight(Room);

/// Room for what lasts, such as streams, in the whole process. What is more work takes more of it. Clones share it.
#[derive(Debug, Clone)]
pub struct Room {
    taken: Arc<AtomicUsize>,
    max: usize,
}

/// The place of one call or stream, until it is dropped.
#[derive(Debug)]
pub struct Place {
    taken: Arc<AtomicUsize>,
    size: usize,
}

/// In what order calls are refused when there is too much to do (reliability.md 7.9, "order of shedding").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Looking around: first, so that there is room for those who buy.
    Browse,
    /// What begins something.
    Book,
    /// What finishes what has begun.
    Pay,
    /// What gives stock and money back: never by this limit; the bound on tasks and the stores' queues are for all.
    GiveBack,
}

/// Too much at once; refused early and cheaply. With the advice when to come again, see [`refuse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many calls at once; try again a little later")]
pub struct Overloaded;

/// The part of all places that one rank has before another.
const APART: usize = 8;
const READS: [&str; 4] = ["Get", "List", "Search", "Watch"];
const PAYS: [&str; 1] = ["PayBooking"];
const GIVES_BACK: [&str; 1] = ["CancelBooking"];

impl Rank {
    /// That of the rpc under this path, by its name: those of reads begin with what they do.
    pub(crate) fn of(path: &str) -> Self {
        let rpc = path.rsplit('/').next().unwrap_or_default();
        if GIVES_BACK.contains(&rpc) {
            Self::GiveBack
        } else if PAYS.contains(&rpc) {
            Self::Pay
        } else if READS.iter().any(|read| rpc.starts_with(read)) {
            Self::Browse
        } else {
            Self::Book
        }
    }

    /// With how many others a call of this rank may run.
    const fn most(self, max: usize) -> usize {
        match self {
            Self::Browse => max - max / APART,
            Self::Book => max,
            Self::Pay => max.saturating_add(max / APART),
            Self::GiveBack => usize::MAX,
        }
    }
}

impl Room {
    /// Room for so much.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { taken: Arc::default(), max }
    }

    /// A place of this size; nobody waits for one.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED, with the advice when to come again.
    pub fn enter(&self, size: usize) -> Result<Place, Status> {
        self.place(size, self.max).ok_or_else(|| refuse(&Overloaded))
    }

    /// How much of it is taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    fn place(&self, size: usize, most: usize) -> Option<Place> {
        let more = |taken: usize| taken.checked_add(size).filter(|taken| *taken <= most);
        let entered = self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        entered.ok().map(|_before| Place { taken: Arc::clone(&self.taken), size })
    }
}

impl InFlight {
    /// Room for so many, give or take what their ranks have before each other.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self(Room::new(max))
    }

    /// A place for a call of the rpc under this path; nobody waits for one.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED, with the advice when to come again.
    pub fn admit(&self, path: &str) -> Result<Place, Status> {
        self.enter(Rank::of(path)).ok_or_else(|| refuse(&Overloaded))
    }

    /// A place for one call, or nothing: a call never waits for a place.
    pub(crate) fn enter(&self, rank: Rank) -> Option<Place> {
        self.0.place(1, rank.most(self.0.max))
    }

    pub(crate) fn running(&self) -> usize {
        self.0.taken()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.size, Ordering::AcqRel);
    }
}

impl Fault for Overloaded {
    fn class(&self) -> FaultClass {
        FaultClass::Exhausted
    }

    fn reason(&self) -> &'static str {
        "OVERLOADED"
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::StatusExt;

    use super::*;
    use crate::rpcs;

    #[test]
    fn places_are_counted_and_come_back() {
        let limit = InFlight::new(2);
        let first = limit.enter(Rank::Book);
        let other_door = limit.clone();
        let second = other_door.enter(Rank::Book);
        assert_eq!(limit.running(), 2);
        assert!(first.is_some() && second.is_some() && limit.enter(Rank::Book).is_none());
        drop(first);
        assert!(limit.enter(Rank::Book).is_some());
    }

    #[test]
    fn what_lasts_takes_room_by_its_size_until_it_ends() {
        let room = Room::new(10);
        let (large, small) = (room.enter(7), room.clone().enter(3));
        let refused = room.enter(1).expect_err("full");
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some()));
        drop(small);
        assert!(room.enter(4).is_err() && room.enter(3).is_ok());
        drop(large);
        assert!(room.enter(11).is_err() && room.enter(10).is_ok());
    }

    #[test]
    fn who_browses_is_refused_first_and_who_gives_back_never() {
        let limit = InFlight::new(16);
        let mut places = Vec::new();
        for (rank, running) in [(Rank::Browse, 14), (Rank::Book, 16), (Rank::Pay, 18)] {
            places.extend(std::iter::from_fn(|| limit.enter(rank)));
            assert_eq!(limit.running(), running, "{rank:?}");
        }
        assert!(limit.enter(Rank::Browse).is_none() && limit.enter(Rank::Book).is_none());
        assert!(limit.enter(Rank::GiveBack).is_some());
    }

    #[test]
    fn every_rank_is_of_rpcs_that_there_are() {
        let booking = "/boxoffice.booking.v1.BookingService/";
        for (rpc, rank) in [
            ("CreateBooking", Rank::Book),
            ("PayBooking", Rank::Pay),
            ("CancelBooking", Rank::GiveBack),
            ("ListBookings", Rank::Browse),
            ("GetBooking", Rank::Browse),
        ] {
            let path = format!("{booking}{rpc}");
            assert!(rpcs::known(&path).is_some(), "{path}");
            assert_eq!(Rank::of(&path), rank, "{path}");
        }
        assert_eq!(Rank::of(""), Rank::Book);
    }
}
