//! Nights: civil dates in a half-open range (A05), and what an organizer's rules say about a stay.

use std::fmt;

use kernel::CivilDate;

use crate::{SlotTerms, Terms};

/// The nights from one date until another, which is not one of them. At least one. A date has no clock, so a
/// night in which clocks change is a night like any other (trap R25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nights {
    from: CivilDate,
    until: CivilDate,
}

/// Not a range of nights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNights {
    /// It ends before its first night is over.
    #[error("must be after the first night")]
    Empty,
    /// It is longer than such a range may be.
    #[error("must be at most {most} nights after the first")]
    TooMany {
        /// The most nights.
        most: u32,
    },
}

/// A rule of the ticket that a stay breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StayRule {
    /// Its first night is over at the place.
    PastNight {
        /// The date at the place.
        today: CivilDate,
    },
    /// Fewer nights than the organizer sells at once.
    TooShort {
        /// The fewest nights.
        min_nights: u32,
    },
    /// More nights than the organizer sells at once.
    TooLong {
        /// The most nights.
        max_nights: u32,
    },
    /// Nobody arrives on this date.
    ClosedToArrival {
        /// The date.
        date: CivilDate,
    },
    /// Nobody departs on this date.
    ClosedToDeparture {
        /// The date.
        date: CivilDate,
    },
}

impl Nights {
    /// The nights from one date until another, at most so many.
    ///
    /// # Errors
    /// [`InvalidNights`]
    pub fn new(from: CivilDate, until: CivilDate, most: u32) -> Result<Self, InvalidNights> {
        match u32::try_from(from.days_until(until)) {
            Err(_) | Ok(0) => Err(InvalidNights::Empty),
            Ok(count) if count > most => Err(InvalidNights::TooMany { most }),
            Ok(_) => Ok(Self { from, until }),
        }
    }

    /// The first night.
    #[must_use]
    pub const fn from(self) -> CivilDate {
        self.from
    }

    /// The day after the last night.
    #[must_use]
    pub const fn until(self) -> CivilDate {
        self.until
    }

    /// The last night.
    #[must_use]
    pub fn last(self) -> CivilDate {
        self.until.plus_days(-1).unwrap_or(self.from)
    }

    /// How many they are.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::try_from(self.from.days_until(self.until)).unwrap_or(0)
    }

    /// Each of them, in order.
    pub fn dates(self) -> impl Iterator<Item = CivilDate> {
        let next = |date: &CivilDate| date.plus_days(1);
        std::iter::successors(Some(self.from), next).take_while(move |date| *date < self.until)
    }
}

/// Whether a stay keeps to the rules; `terms_of` tells those of a date, also of the day of departure.
pub(crate) fn check_stay(
    terms: &Terms,
    stay: Nights,
    today: CivilDate,
    terms_of: impl Fn(CivilDate) -> SlotTerms,
) -> Result<(), StayRule> {
    if stay.from < today {
        return Err(StayRule::PastNight { today });
    }
    if stay.count() < terms.min_nights {
        return Err(StayRule::TooShort { min_nights: terms.min_nights });
    }
    if terms.max_nights > 0 && stay.count() > terms.max_nights {
        return Err(StayRule::TooLong { max_nights: terms.max_nights });
    }
    if terms_of(stay.from).closed_to_arrival {
        return Err(StayRule::ClosedToArrival { date: stay.from });
    }
    if terms_of(stay.until).closed_to_departure {
        return Err(StayRule::ClosedToDeparture { date: stay.until });
    }
    Ok(())
}

impl StayRule {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PastNight { .. } => "PAST_NIGHT",
            Self::TooShort { .. } => "MIN_NIGHTS",
            Self::TooLong { .. } => "MAX_NIGHTS",
            Self::ClosedToArrival { .. } => "CLOSED_TO_ARRIVAL",
            Self::ClosedToDeparture { .. } => "CLOSED_TO_DEPARTURE",
        }
    }

    /// What the rule says, for programs: a date or a number of nights.
    #[must_use]
    pub fn bound(self) -> String {
        match self {
            Self::PastNight { today: date }
            | Self::ClosedToArrival { date }
            | Self::ClosedToDeparture { date } => date.to_string(),
            Self::TooShort { min_nights: nights } | Self::TooLong { max_nights: nights } => {
                nights.to_string()
            }
        }
    }
}

impl fmt::Display for StayRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PastNight { today } => {
                write!(f, "the first night is over; it is {today} at the place")
            }
            Self::TooShort { min_nights } => write!(f, "a stay has at least {min_nights} nights"),
            Self::TooLong { max_nights } => write!(f, "a stay has at most {max_nights} nights"),
            Self::ClosedToArrival { date } => write!(f, "nobody can arrive on {date}"),
            Self::ClosedToDeparture { date } => write!(f, "nobody can depart on {date}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NIGHTS_MAX;

    fn date(text: &str) -> CivilDate {
        text.parse().expect("a date")
    }

    #[test]
    fn r24_a_range_ends_before_its_last_date() {
        let nights = Nights::new(date("2024-12-30"), date("2025-01-02"), NIGHTS_MAX);
        let dates: Vec<_> = nights.expect("three").dates().map(|date| date.to_string()).collect();
        assert_eq!(dates, ["2024-12-30", "2024-12-31", "2025-01-01"]);
        let one = Nights::new(date("2024-02-21"), date("2024-02-22"), 1).expect("one");
        assert_eq!((one.count(), one.dates().count(), one.last()), (1, 1, one.from()));
        for (from, until) in [("2024-02-21", "2024-02-21"), ("2024-02-21", "2024-02-20")] {
            assert_eq!(Nights::new(date(from), date(until), 9), Err(InvalidNights::Empty));
        }
        let many = Nights::new(date("2024-02-21"), date("2024-02-23"), 1);
        assert_eq!(many, Err(InvalidNights::TooMany { most: 1 }));
        let last = Nights::new(date("9999-12-30"), date("9999-12-31"), 1).expect("one");
        assert_eq!(last.dates().count(), 1);
    }

    #[test]
    fn r25_nights_in_which_clocks_change_count_as_one() {
        // Seoul never changes; the others do on the second of the three dates.
        for first in ["2024-12-30", "2026-03-28", "2026-03-07", "2026-04-04", "2026-09-05"] {
            let until = date(first).plus_days(3).expect("exists");
            let nights = Nights::new(date(first), until, NIGHTS_MAX).expect("three");
            assert_eq!((nights.count(), nights.dates().count()), (3, 3));
        }
    }
}
