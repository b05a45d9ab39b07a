//! What an organizer asks to put on sale, and the slots that it begins with.

use kernel::{CivilDate, Timestamp, Violation};

use crate::{
    Allocation, CAPACITY_MAX, NIGHTS_AHEAD_MAX, Nights, Slot, SlotCapacity, TicketDraft,
    TicketKind, seats,
};

const ONLY_NIGHTLY: &str = "is only for kind NIGHTLY";

/// What an organizer asks to put on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterTicket {
    /// What it admits to.
    pub kind: TicketKind,
    /// When stock is set aside.
    pub allocation: Allocation,
    /// Units there are, of nights for each; of seats their number or nothing.
    pub capacity: i64,
    /// The seats, in their order; for kind SEATED.
    pub seats: Vec<String>,
    /// The first night; for kind NIGHTLY.
    pub first_night: Option<CivilDate>,
    /// The last night; for kind NIGHTLY.
    pub last_night: Option<CivilDate>,
    /// The rest.
    pub draft: TicketDraft,
}

impl RegisterTicket {
    /// A ticket to so many interchangeable places.
    #[must_use]
    pub const fn admission(capacity: i64, draft: TicketDraft) -> Self {
        Self {
            kind: TicketKind::Admission,
            allocation: Allocation::HoldFirst,
            capacity,
            seats: Vec::new(),
            first_night: None,
            last_night: None,
            draft,
        }
    }

    /// All that is wrong with the request.
    #[must_use]
    pub fn violations(&self, now: Timestamp) -> Vec<Violation> {
        let mut found = self.draft.violations(now, None);
        found.extend(self.draft.violations_of_kind(self.kind));
        // What a seat costs, and which one it is, only its hold says.
        if self.allocation == Allocation::PayFirst && self.kind == TicketKind::Seated {
            found.push(Violation::new("allocation", "must be HOLD_FIRST for kind SEATED"));
        }
        if self.kind == TicketKind::Seated {
            found.extend(seats::violations(&self.seats));
            let count = i64::try_from(self.seats.len()).unwrap_or(i64::MAX);
            if self.capacity != 0 && self.capacity != count {
                found.push(Violation::new("capacity", "must be the number of seats, or left out"));
            }
        } else {
            found.extend(checked_capacity(self.capacity).err());
            if !self.seats.is_empty() {
                found.push(Violation::new("seats", "are only for kind SEATED"));
            }
        }
        self.check_nights(now, &mut found);
        found
    }

    /// The slots it begins with. The caller has seen to it that nothing is wrong.
    #[must_use]
    pub fn slots(&self) -> Vec<SlotCapacity> {
        let capacity = u64::try_from(self.capacity).unwrap_or_default();
        let slot = |slot| SlotCapacity { slot, capacity, position: 0 };
        match self.kind {
            TicketKind::Admission => vec![slot(Slot::Admission)],
            TicketKind::Seated => {
                let seats = self.seats.iter().cloned().zip(0..);
                let seat = |(name, position)| SlotCapacity {
                    slot: Slot::Seat(name),
                    capacity: 1,
                    position,
                };
                seats.map(seat).collect()
            }
            TicketKind::Nightly => {
                let dates = self.nights().into_iter().flat_map(Nights::dates);
                dates.map(|date| slot(Slot::Night(date))).collect()
            }
        }
    }

    fn nights(&self) -> Option<Nights> {
        Nights::new(self.first_night?, self.last_night?.plus_days(1)?, NIGHTS_AHEAD_MAX).ok()
    }

    fn check_nights(&self, now: Timestamp, found: &mut Vec<Violation>) {
        let given = [("first_night", self.first_night), ("last_night", self.last_night)];
        let nightly = self.kind == TicketKind::Nightly;
        for (field, night) in given {
            if nightly != night.is_some() {
                let wrong = if nightly { "must be given for kind NIGHTLY" } else { ONLY_NIGHTLY };
                found.push(Violation::new(field, wrong));
            }
        }
        let (true, Some(first), Some(last)) = (nightly, self.first_night, self.last_night) else {
            return;
        };
        if last < first {
            found.push(Violation::new("last_night", "must not be before first_night"));
        }
        let Ok(terms) = self.draft.check(now, None) else { return };
        found.extend(wrong_dates(
            [("first_night", first), ("last_night", last)],
            terms.time_zone.date_of(now),
        ));
    }
}

/// Nights that are set must not be over at the place, nor too far ahead.
pub(crate) fn wrong_dates(
    nights: [(&'static str, CivilDate); 2],
    today: CivilDate,
) -> impl Iterator<Item = Violation> {
    nights.into_iter().filter_map(move |(field, night)| {
        let ahead = today.days_until(night);
        if ahead < 0 {
            return Some(Violation::new(field, "must not be over"));
        }
        let too_far = u32::try_from(ahead).is_ok_and(|ahead| ahead >= NIGHTS_AHEAD_MAX);
        let limit = format_args!("must be less than {NIGHTS_AHEAD_MAX} days ahead").to_string();
        too_far.then(|| Violation::new(field, limit))
    })
}

/// Reads a capacity.
///
/// # Errors
/// The violation of `capacity`.
pub(crate) fn checked_capacity(capacity: i64) -> Result<u64, Violation> {
    u64::try_from(capacity).ok().filter(|capacity| *capacity <= CAPACITY_MAX).ok_or_else(|| {
        Violation::new("capacity", format_args!("must be from 0 to {CAPACITY_MAX} units"))
    })
}
