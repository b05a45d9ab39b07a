//! What of a ticket is booked: units that are all alike, seats by their names, or rooms by the night.
//!
//! Which kind of ticket is booked in which way the ticket context knows: what does not fit it refuses.

use std::collections::HashSet;

use kernel::{CivilDate, Invalid, InvalidDate, Quantity, Violation};

use crate::limits::{NIGHTS_MAX, SEAT_CHARS_MAX};

/// What of a ticket is booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booked {
    /// So many; of a seated ticket until its hold says which seats they are.
    Units(Quantity),
    /// These seats.
    Seats(Seats),
    /// Rooms for every night of a stay.
    Nights {
        /// How many.
        rooms: Quantity,
        /// When.
        stay: Stay,
    },
}

/// Seats by their names, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seats {
    names: Vec<String>,
    count: Quantity,
}

/// From a first night until the day after the last: civil dates at the place, never instants (trap R25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    check_in: CivilDate,
    check_out: CivilDate,
}

/// Not a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {NIGHTS_MAX} days after check_in")]
pub struct InvalidStay;

/// What is booked field by field, as it is asked for, held and stored: not known yet to make sense.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookedFields {
    /// Units, seats, or rooms; 0 where it is not said, which only named seats allow.
    pub quantity: i64,
    /// Names of seats.
    pub seats: Vec<String>,
    /// The first night.
    pub check_in: Option<Result<CivilDate, InvalidDate>>,
    /// The day after the last night.
    pub check_out: Option<Result<CivilDate, InvalidDate>>,
}

impl Booked {
    /// Makes sense of the fields.
    ///
    /// # Errors
    /// [`Invalid`] with all that is wrong with them.
    pub fn read(fields: BookedFields) -> Result<Self, Invalid> {
        let BookedFields { quantity, seats, check_in, check_out } = fields;
        let mut wrong = Vec::new();
        if !seats.is_empty() && (check_in.is_some() || check_out.is_some()) {
            wrong.push(Violation::new("seats", "cannot be booked by the night"));
        }
        let stay = read_stay(check_in, check_out, &mut wrong);
        let read = if seats.is_empty() {
            let quantity = Quantity::new(quantity);
            let quantity = quantity.map_err(|error| wrong.push(Violation::new("quantity", error)));
            quantity.ok().map(|quantity| match stay {
                Some(stay) => Self::Nights { rooms: quantity, stay },
                None => Self::Units(quantity),
            })
        } else {
            read_seats(seats, quantity, &mut wrong).map(Self::Seats)
        };
        match read {
            Some(booked) if wrong.is_empty() => Ok(booked),
            Some(_) | None => Err(Invalid(wrong)),
        }
    }

    /// How many: units, seats, or rooms of every night.
    #[must_use]
    pub const fn quantity(&self) -> Quantity {
        match self {
            Self::Units(quantity) | Self::Nights { rooms: quantity, .. } => *quantity,
            Self::Seats(seats) => seats.count,
        }
    }

    /// The seats, where they are known.
    #[must_use]
    pub fn seats(&self) -> &[String] {
        match self {
            Self::Seats(seats) => &seats.names,
            Self::Units(_) | Self::Nights { .. } => &[],
        }
    }

    /// When, for rooms.
    #[must_use]
    pub const fn stay(&self) -> Option<Stay> {
        match self {
            Self::Nights { stay, .. } => Some(*stay),
            Self::Units(_) | Self::Seats(_) => None,
        }
    }
}

impl Stay {
    /// From a first night until the day after the last.
    ///
    /// # Errors
    /// [`InvalidStay`] for no night at all and for more than [`NIGHTS_MAX`].
    pub fn new(check_in: CivilDate, check_out: CivilDate) -> Result<Self, InvalidStay> {
        let nights = u32::try_from(check_in.days_until(check_out)).unwrap_or(0);
        if (1..=NIGHTS_MAX).contains(&nights) {
            Ok(Self { check_in, check_out })
        } else {
            Err(InvalidStay)
        }
    }

    /// The first night.
    #[must_use]
    pub const fn check_in(self) -> CivilDate {
        self.check_in
    }

    /// The day after the last night.
    #[must_use]
    pub const fn check_out(self) -> CivilDate {
        self.check_out
    }
}

fn read_stay(
    check_in: Option<Result<CivilDate, InvalidDate>>,
    check_out: Option<Result<CivilDate, InvalidDate>>,
    wrong: &mut Vec<Violation>,
) -> Option<Stay> {
    let given = check_in.is_some() || check_out.is_some();
    let mut read = |field: &str, date: Option<Result<CivilDate, InvalidDate>>| match date {
        Some(date) => date.map_err(|error| wrong.push(Violation::new(field, error))).ok(),
        None if given => {
            wrong.push(Violation::new(field, "must be given where the other date is"));
            None
        }
        None => None,
    };
    // Both are read before either is missed.
    let (check_in, check_out) = (read("check_in", check_in), read("check_out", check_out));
    let stay = Stay::new(check_in?, check_out?);
    stay.map_err(|error| wrong.push(Violation::new("check_out", error))).ok()
}

fn read_seats(names: Vec<String>, quantity: i64, wrong: &mut Vec<Violation>) -> Option<Seats> {
    let mut before = HashSet::new();
    for (at, name) in names.iter().enumerate() {
        let mut violate = |description: String| {
            wrong.push(Violation::new(format!("seats[{at}]"), description));
        };
        let is_blank = name.trim().is_empty() || name.chars().any(char::is_control);
        if is_blank || name.chars().count() > SEAT_CHARS_MAX {
            violate(format!("must be a name of 1 to {SEAT_CHARS_MAX} characters"));
        } else if !before.insert(name) {
            violate("is named twice".to_owned());
        }
    }
    let count = i64::try_from(names.len()).unwrap_or(i64::MAX);
    if quantity != 0 && quantity != count {
        wrong.push(Violation::new("quantity", "must be left out or be the number of seats"));
    }
    let count = Quantity::new(count);
    let count = count.map_err(|error| wrong.push(Violation::new("seats", error))).ok()?;
    Some(Seats { names, count })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> Option<Result<CivilDate, InvalidDate>> {
        Some(text.parse())
    }

    fn wrong_fields(fields: BookedFields) -> Vec<String> {
        let wrong = Booked::read(fields).err().map(|Invalid(wrong)| wrong).unwrap_or_default();
        wrong.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let none = BookedFields::default();
        let seats = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (day, next) = (date("2026-12-24"), date("2026-12-25"));
        let stay = BookedFields { check_in: day, check_out: next, quantity: 1, ..none.clone() };
        assert_eq!(wrong_fields(stay.clone()), [""; 0]);
        assert_eq!(wrong_fields(none.clone()), ["quantity"]);
        for (fields, wrong) in [
            (BookedFields { quantity: 0, ..stay.clone() }, vec!["quantity"]),
            (BookedFields { check_out: None, ..stay.clone() }, vec!["check_out"]),
            (BookedFields { check_in: None, ..stay.clone() }, vec!["check_in"]),
            (BookedFields { check_out: day, ..stay.clone() }, vec!["check_out"]),
            (BookedFields { check_in: next, check_out: day, ..stay.clone() }, vec!["check_out"]),
            (BookedFields { check_out: date("2027-12-25"), ..stay.clone() }, vec!["check_out"]),
            (
                BookedFields { check_in: date("2026-02-29"), quantity: -1, ..stay.clone() },
                vec!["check_in", "quantity"],
            ),
            (BookedFields { seats: seats(&["A1"]), ..stay }, vec!["seats"]),
            (
                BookedFields {
                    seats: seats(&["A1", "A1", " ", &"x".repeat(41), "B\u{7}"]),
                    quantity: 4,
                    check_out: date("?"),
                    ..none
                },
                vec![
                    "seats",
                    "check_in",
                    "check_out",
                    "seats[1]",
                    "seats[2]",
                    "seats[3]",
                    "seats[4]",
                    "quantity",
                ],
            ),
        ] {
            assert_eq!(wrong_fields(fields.clone()), wrong, "{fields:?}");
        }
    }

    #[test]
    fn a_year_of_nights_is_the_longest_stay() {
        let stay = |from: &str, until: &str| {
            let fields = BookedFields {
                quantity: 1,
                check_in: date(from),
                check_out: date(until),
                ..BookedFields::default()
            };
            Booked::read(fields).is_ok()
        };
        assert!(stay("2027-01-01", "2028-01-01"));
        assert!(!stay("2028-01-01", "2029-01-01"), "a leap year has a night more");
        assert!(!stay("0001-01-01", "9999-12-31"));
    }

    proptest! {
        /// A01: what is asked for comes back as it was.
        #[test]
        fn a01_what_makes_sense_is_kept_as_it_was_said(
            quantity in 1..=10_000_i64,
            names in proptest::collection::hash_set("[A-Z가-힣]{1,3}[/-]?[0-9]{1,4}", 0..20),
            from in (1..=9_998, 1..=12, 1..=28), nights in 1..=365_i32, of_nights in any::<bool>(),
        ) {
            let names: Vec<_> = names.into_iter().collect();
            let check_in = CivilDate::new(from.0, from.1, from.2).ok();
            let later = |days: i32| {
                let all = (from.0..=from.0 + 1).flat_map(|y| (1..=12).flat_map(move |m| {
                    (1..=31).filter_map(move |d| CivilDate::new(y, m, d).ok())
                }));
                let mut all = all.filter(|day| check_in.is_some_and(|from| from.days_until(*day) == days));
                all.next()
            };
            let dates = if of_nights && names.is_empty() { (check_in, later(nights)) } else { (None, None) };
            let fields = BookedFields {
                quantity: if names.is_empty() { quantity } else { 0 },
                seats: names.clone(),
                check_in: dates.0.map(Ok),
                check_out: dates.1.map(Ok),
            };
            let booked = Booked::read(fields);
            prop_assert!(booked.is_ok(), "{booked:?}");
            let Ok(booked) = booked else { return Ok(()) };
            let count = i64::try_from(names.len()).unwrap_or(0);
            let expected = if names.is_empty() { quantity } else { count };
            prop_assert_eq!(i64::from(booked.quantity().get()), expected);
            prop_assert_eq!(booked.seats(), &names[..]);
            prop_assert_eq!(booked.stay().map(Stay::check_in), dates.0);
            prop_assert_eq!(booked.stay().map(Stay::check_out), dates.1);
        }

        #[test]
        fn nothing_that_is_sent_panics(
            quantity in any::<i64>(), seats in vec(".{0,45}", 0..4),
            dates in (any::<Option<(i32, i32, i32)>>(), any::<Option<(i32, i32, i32)>>()),
        ) {
            let date = |parts: Option<(i32, i32, i32)>| parts.map(|(y, m, d)| CivilDate::new(y, m, d));
            let fields =
                BookedFields { quantity, seats, check_in: date(dates.0), check_out: date(dates.1) };
            if let Err(Invalid(wrong)) = Booked::read(fields) {
                prop_assert!(!wrong.is_empty());
            }
        }
    }
}
