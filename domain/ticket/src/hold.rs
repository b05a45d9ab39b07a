//! A hold: stock set aside for one booking or for the house, and the table of what each step does to it.
//!
//! | state | pin | unpin | commit | release | return | expire |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | ACTIVE | pinned | unpinned | COMMITTED | RELEASED | RELEASED, told | EXPIRED if due and not pinned |
//! | COMMITTED | repeat | repeat | repeat | refused | RETURNED, told | repeat |
//! | RETURNED | refused | repeat | refused | repeat | repeat | repeat |
//! | RELEASED | refused | repeat | refused | repeat | told, once | repeat |
//! | EXPIRED | taken again | repeat | taken again, COMMITTED | RELEASED | RELEASED, told | repeat |
//!
//! "Told" is the fact `StockReturned`, which a cancelled booking waits for. A hold that was asked back
//! before it was ever taken is a [`Tombstone`]: a RELEASED hold without lines (rule R3).
//!
//! A hold of units that are all alike may also be reduced to fewer: what is above that is RELEASED of an ACTIVE one and
//! RETURNED of a COMMITTED one, in words of the ledger, and the state stays. Of all others it is a repeat, as it is of one
//! that has no more. Nothing is told.
//!
//! A hold of the house has no booking and no end. It is ACTIVE until its organizer gives it up (`ReleaseHouse`), which
//! is RELEASED, and every step of booking is refused (trap R46). The same step on a buyer's hold is refused as well.

use std::collections::BTreeMap;

use kernel::{BookingId, BuyerId, Cursor, HoldId, Money, Quantity, TicketId, Timestamp};

use crate::{EntryKind, NIGHTS_MAX, Nights, Slot};

/// Units by slot. One line a slot by construction.
pub type Lines = BTreeMap<Slot, Quantity>;

/// What became of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HoldState {
    /// Its stock is set aside. While pinned it does not expire, because a payment may be in flight.
    Active {
        /// Since when it is pinned.
        pinned_since: Option<Timestamp>,
    },
    /// Its stock is sold.
    Committed,
    /// Its sold stock came back.
    Returned,
    /// Its owner gave it up. Never taken again.
    Released {
        /// Whether `StockReturned` was told.
        told: bool,
    },
    /// Its time ran out. May be taken again while stock is left.
    Expired,
}

/// For whom stock is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldOwner {
    /// A buyer, whose booking it is for.
    Buyer(BuyerId),
    /// The organizer itself: guests, press, a row kept back.
    House {
        /// What for.
        note: String,
        /// When its organizer asked for it.
        created_at: Timestamp,
    },
}

/// When a hold of the house expires. Later than any clock, so that a server that knows of no such holds leaves it
/// alone as well.
pub const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// Stock set aside for one booking or for the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Identity, made by the booking.
    pub id: HoldId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// For whom.
    pub owner: HoldOwner,
    /// Places, seats, or rooms for every night of the stay: what counts against the buyer's limit.
    pub quantity: Quantity,
    /// What is held.
    pub lines: Lines,
    /// The ticket's price at the moment of the hold; seats and nights may have had prices of their own.
    pub unit_price: Money,
    /// What the lines cost together when it was taken: a hold that became smaller keeps it.
    pub total: Money,
    /// What became of it.
    pub state: HoldState,
    /// When it expires unless pinned; [`NEVER`] for the house.
    pub expires_at: Timestamp,
    /// Rises by one with every change.
    pub revision: i64,
    /// Number of its last event.
    pub event_version: i64,
}

/// What a release leaves of a hold that never was, so that the hold cannot come late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Identity.
    pub id: HoldId,
    /// Whether `StockReturned` was told.
    pub told: bool,
    /// Rises by one with every change.
    pub revision: i64,
}

/// All that can be known by a hold's identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldRecord {
    /// A hold that was taken once.
    Hold(Hold),
    /// One that never was and never will be.
    Tombstone(Tombstone),
}

/// What can be done with a hold that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HoldStep {
    /// Keep it from expiring.
    Pin,
    /// Let it expire again.
    Unpin,
    /// Sell it.
    Commit,
    /// Give unsold stock back.
    Release,
    /// Give stock back, sold or not, and say so.
    Return,
    /// Let it go if its time is over.
    Expire,
    /// Give back what is set aside for the house.
    ReleaseHouse,
}

/// A fact that a step makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldFact {
    Expired,
    StockReturned,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) to: HoldState,
    pub(crate) entries: &'static [EntryKind],
    pub(crate) fact: Option<HoldFact>,
}

/// The hold is closed: the step cannot be done any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

/// A part of the hold cannot be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPart {
    /// It is nobody's booking.
    Closed,
    /// It is of seats or nights, each of which is another.
    NotAlike,
}

impl HoldState {
    /// Whether its units count against the stock and against the buyer's limit.
    #[must_use]
    pub const fn keeps_stock(self) -> bool {
        match self {
            Self::Active { .. } | Self::Committed => true,
            Self::Returned | Self::Released { .. } | Self::Expired => false,
        }
    }
}

impl HoldOwner {
    /// The buyer, if it is one.
    #[must_use]
    pub const fn buyer_id(&self) -> Option<&BuyerId> {
        match self {
            Self::Buyer(buyer_id) => Some(buyer_id),
            Self::House { .. } => None,
        }
    }

    /// Whether who asks again is the same, whenever that is.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Buyer(one), Self::Buyer(two)) => one == two,
            (Self::House { note: one, .. }, Self::House { note: two, .. }) => one == two,
            (Self::Buyer(_), Self::House { .. }) | (Self::House { .. }, Self::Buyer(_)) => false,
        }
    }
}

impl Hold {
    /// Its place among those of the house, the newest first; `None` if it is a buyer's.
    #[must_use]
    pub const fn house_cursor(&self) -> Option<Cursor> {
        match &self.owner {
            HoldOwner::Buyer(_) => None,
            HoldOwner::House { created_at, .. } => {
                Some(Cursor { sort: created_at.as_micros(), id: self.id.as_uuid() })
            }
        }
    }

    /// The booking it is for.
    #[must_use]
    pub const fn booking_id(&self) -> BookingId {
        BookingId::new(self.id.as_uuid())
    }

    /// The seats it holds, by name.
    pub fn seats(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().filter_map(|slot| match slot {
            Slot::Seat(name) => Some(name.as_str()),
            Slot::Admission | Slot::Night(_) => None,
        })
    }

    /// The nights it holds. They follow one another, since a stay has no gap.
    #[must_use]
    pub fn nights(&self) -> Option<Nights> {
        let night = |slot: &Slot| match slot {
            Slot::Night(date) => Some(*date),
            Slot::Admission | Slot::Seat(_) => None,
        };
        let (first, last) = self.lines.keys().next().zip(self.lines.keys().next_back())?;
        Nights::new(night(first)?, night(last)?.plus_days(1)?, NIGHTS_MAX).ok()
    }

    /// Whether it is kept from expiring.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        matches!(self.state, HoldState::Active { pinned_since: Some(_) })
    }

    /// What of it goes back when only so many units stay, and how that is called; `None` where none goes.
    pub(crate) fn part_above(&self, stays: Quantity) -> Result<Option<(Self, EntryKind)>, NoPart> {
        let kind = match (&self.owner, self.state) {
            (HoldOwner::House { .. }, _) => return Err(NoPart::Closed),
            (HoldOwner::Buyer(_), HoldState::Active { .. }) => EntryKind::Release,
            (HoldOwner::Buyer(_), HoldState::Committed) => EntryKind::Return,
            (
                HoldOwner::Buyer(_),
                HoldState::Returned | HoldState::Released { .. } | HoldState::Expired,
            ) => return Ok(None),
        };
        if self.lines.keys().any(|slot| *slot != Slot::Admission) {
            return Err(NoPart::NotAlike);
        }
        let above = i64::from(self.quantity.get()) - i64::from(stays.get());
        Ok(Quantity::new(above).ok().map(|above| (self.with_units(above), kind)))
    }

    /// The same of so many units that are all alike.
    pub(crate) fn with_units(&self, quantity: Quantity) -> Self {
        Self { quantity, lines: Lines::from([(Slot::Admission, quantity)]), ..self.clone() }
    }

    /// What a step does to it; `None` is a repeat.
    pub(crate) fn decide(&self, step: HoldStep, now: Timestamp) -> Result<Option<Move>, Closed> {
        match (&self.owner, step) {
            (HoldOwner::House { .. }, _) => return decide_house(self.state, step),
            (HoldOwner::Buyer(_), HoldStep::ReleaseHouse) => return Err(Closed),
            (HoldOwner::Buyer(_), _) => {}
        }
        match self.state {
            HoldState::Active { pinned_since } => Ok(self.decide_active(pinned_since, step, now)),
            HoldState::Committed => decide_committed(step),
            HoldState::Returned => decide_given_up(true, step),
            HoldState::Released { told } => decide_given_up(told, step),
            HoldState::Expired => Ok(decide_expired(step, now)),
        }
    }

    fn decide_active(
        &self,
        pinned_since: Option<Timestamp>,
        step: HoldStep,
        now: Timestamp,
    ) -> Option<Move> {
        let pinned = pinned_since.is_some();
        match step {
            HoldStep::Pin if pinned => None,
            HoldStep::Pin => quiet(HoldState::Active { pinned_since: Some(now) }, &[]),
            HoldStep::Unpin if pinned => quiet(HoldState::Active { pinned_since: None }, &[]),
            HoldStep::Unpin | HoldStep::ReleaseHouse => None,
            HoldStep::Commit => quiet(HoldState::Committed, &[EntryKind::Commit]),
            HoldStep::Release => quiet(HoldState::Released { told: false }, &[EntryKind::Release]),
            HoldStep::Return => returned(HoldState::Released { told: true }, &[EntryKind::Release]),
            HoldStep::Expire if pinned || now < self.expires_at => None,
            HoldStep::Expire => Some(Move {
                to: HoldState::Expired,
                entries: &[EntryKind::Expire],
                fact: Some(HoldFact::Expired),
            }),
        }
    }
}

impl Tombstone {
    /// The booking that was not to be.
    #[must_use]
    pub const fn booking_id(&self) -> BookingId {
        BookingId::new(self.id.as_uuid())
    }

    /// What a step does to it: whether `StockReturned` is to be told now.
    pub(crate) fn decide(&self, step: HoldStep) -> Result<bool, Closed> {
        Ok(decide_given_up(self.told, step)?.is_some())
    }
}

impl HoldRecord {
    /// Identity.
    #[must_use]
    pub const fn id(&self) -> HoldId {
        match self {
            Self::Hold(hold) => hold.id,
            Self::Tombstone(tombstone) => tombstone.id,
        }
    }

    /// Rises by one with every change.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        match self {
            Self::Hold(hold) => hold.revision,
            Self::Tombstone(tombstone) => tombstone.revision,
        }
    }
}

/// Only its organizer gives it up, once, and no time ends it.
fn decide_house(state: HoldState, step: HoldStep) -> Result<Option<Move>, Closed> {
    match (state, step) {
        (HoldState::Active { .. }, HoldStep::ReleaseHouse) => {
            Ok(quiet(HoldState::Released { told: false }, &[EntryKind::Release]))
        }
        (HoldState::Released { .. }, HoldStep::ReleaseHouse) | (_, HoldStep::Expire) => Ok(None),
        (_, HoldStep::ReleaseHouse)
        | (_, HoldStep::Pin | HoldStep::Unpin | HoldStep::Commit)
        | (_, HoldStep::Release | HoldStep::Return) => Err(Closed),
    }
}

fn decide_committed(step: HoldStep) -> Result<Option<Move>, Closed> {
    match step {
        HoldStep::Pin | HoldStep::Unpin | HoldStep::Commit | HoldStep::Expire => Ok(None),
        HoldStep::Release | HoldStep::ReleaseHouse => Err(Closed),
        HoldStep::Return => Ok(returned(HoldState::Returned, &[EntryKind::Return])),
    }
}

fn decide_given_up(told: bool, step: HoldStep) -> Result<Option<Move>, Closed> {
    match step {
        HoldStep::Pin | HoldStep::Commit | HoldStep::ReleaseHouse => Err(Closed),
        HoldStep::Return if !told => Ok(returned(HoldState::Released { told: true }, &[])),
        HoldStep::Return | HoldStep::Unpin | HoldStep::Release | HoldStep::Expire => Ok(None),
    }
}

fn decide_expired(step: HoldStep, now: Timestamp) -> Option<Move> {
    match step {
        HoldStep::Pin => quiet(HoldState::Active { pinned_since: Some(now) }, &[EntryKind::Retake]),
        HoldStep::Commit => quiet(HoldState::Committed, &[EntryKind::Retake, EntryKind::Commit]),
        HoldStep::Release => quiet(HoldState::Released { told: false }, &[]),
        HoldStep::Return => returned(HoldState::Released { told: true }, &[]),
        HoldStep::Unpin | HoldStep::Expire | HoldStep::ReleaseHouse => None,
    }
}

fn quiet(to: HoldState, entries: &'static [EntryKind]) -> Option<Move> {
    Some(Move { to, entries, fact: None })
}

fn returned(to: HoldState, entries: &'static [EntryKind]) -> Option<Move> {
    Some(Move { to, entries, fact: Some(HoldFact::StockReturned) })
}
