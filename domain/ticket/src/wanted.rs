//! What a hold asks for. What it comes to is decided in `stock_book/chosen.rs`, where the ticket is known.

use std::collections::BTreeSet;

use kernel::{CivilDate, Invalid, QUANTITY_MAX, Quantity, Violation};

use crate::{HOLD_SEATS_MAX, Hold, NIGHTS_MAX, Nights};

/// Units of one ticket, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// So many places, or the best so many free seats.
    Units(Quantity),
    /// These seats. At least one, at most [`HOLD_SEATS_MAX`].
    Seats(BTreeSet<String>),
    /// So many rooms for each of these nights.
    Nights {
        /// Rooms.
        quantity: Quantity,
        /// The nights.
        nights: Nights,
    },
}

/// What a caller names, as given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wishes {
    /// Units; 0 if it is not said.
    pub quantity: i64,
    /// Seats.
    pub seats: Vec<String>,
    /// The first night.
    pub check_in: Option<CivilDate>,
    /// The day after the last night.
    pub check_out: Option<CivilDate>,
}

impl Wanted {
    /// Units that count against the buyer's limit.
    #[must_use]
    pub fn quantity(&self) -> Option<Quantity> {
        match self {
            Self::Units(quantity) | Self::Nights { quantity, .. } => Some(*quantity),
            Self::Seats(names) => {
                Quantity::new(i64::try_from(names.len()).unwrap_or(i64::MAX)).ok()
            }
        }
    }

    /// Slots that it names, to tell how much work it is.
    #[must_use]
    pub fn slots(&self) -> usize {
        match self {
            Self::Units(_) => 1,
            Self::Seats(names) => names.len(),
            Self::Nights { nights, .. } => nights.count() as usize,
        }
    }

    /// Whether a hold is what this asks for, so that asking again gets it. Who asks for the best seats has what
    /// was chosen for the first call, and may as well name it.
    #[must_use]
    pub fn is_held_by(&self, hold: &Hold) -> bool {
        match self {
            Self::Units(quantity) => hold.quantity == *quantity && hold.nights().is_none(),
            Self::Seats(names) => {
                hold.lines.len() == names.len() && hold.seats().all(|seat| names.contains(seat))
            }
            Self::Nights { quantity, nights } => {
                hold.quantity == *quantity && hold.nights() == Some(*nights)
            }
        }
    }
}

impl Wishes {
    /// Reads what is wanted. What the kind of the ticket allows is decided with the ticket.
    ///
    /// # Errors
    /// [`Invalid`] with all that is wrong.
    pub fn read(self) -> Result<Wanted, Invalid> {
        let mut found = Vec::new();
        let wanted = if self.seats.is_empty() {
            self.read_units(&mut found)
        } else {
            self.read_seats(&mut found)
        };
        wanted.filter(|_| found.is_empty()).ok_or(Invalid(found))
    }

    fn read_units(&self, found: &mut Vec<Violation>) -> Option<Wanted> {
        let wrong = format_args!("must be from 1 to {QUANTITY_MAX}").to_string();
        let quantity = Quantity::new(self.quantity)
            .map_err(|_| found.push(Violation::new("quantity", wrong)))
            .ok();
        let (from, until) = match (self.check_in, self.check_out) {
            (None, None) => return quantity.map(Wanted::Units),
            (Some(from), Some(until)) => (from, until),
            (from, _) => {
                let missing = if from.is_none() { "check_in" } else { "check_out" };
                found.push(Violation::new(missing, "must be given where the other date is"));
                return None;
            }
        };
        let nights = Nights::new(from, until, NIGHTS_MAX)
            .map_err(|wrong| found.push(Violation::new("check_out", wrong)))
            .ok();
        quantity.zip(nights).map(|(quantity, nights)| Wanted::Nights { quantity, nights })
    }

    fn read_seats(self, found: &mut Vec<Violation>) -> Option<Wanted> {
        for (field, given) in
            [("check_in", self.check_in.is_some()), ("check_out", self.check_out.is_some())]
        {
            if given {
                found.push(Violation::new(field, "must not be given where seats are"));
            }
        }
        let count = self.seats.len();
        if count > HOLD_SEATS_MAX {
            let limit = format_args!("must be at most {HOLD_SEATS_MAX}").to_string();
            found.push(Violation::new("seats", limit));
            return None;
        }
        if self.quantity != 0 && usize::try_from(self.quantity) != Ok(count) {
            let wrong = "must be the number of seats where they are named, or left out";
            found.push(Violation::new("quantity", wrong));
        }
        let mut names = BTreeSet::new();
        for name in self.seats {
            if let Some(twice) = names.replace(name) {
                found.push(Violation::new("seats", format_args!("has {twice:?} twice")));
            }
        }
        Some(Wanted::Seats(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Option<CivilDate> {
        text.parse().ok()
    }

    fn fields(wishes: Wishes) -> Vec<String> {
        let found = wishes.read().err().map(|Invalid(found)| found).unwrap_or_default();
        found.into_iter().map(|violation| violation.field).collect()
    }

    fn seats(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn r28_what_contradicts_itself_is_named() {
        let (monday, friday) = (date("2030-01-07"), date("2030-01-11"));
        let nights =
            |check_in, check_out| Wishes { quantity: 1, check_in, check_out, ..Wishes::default() };
        let cases: [(Wishes, &[&str]); 12] = [
            (Wishes { quantity: 2, ..Wishes::default() }, &[]),
            (Wishes::default(), &["quantity"]),
            (Wishes { quantity: -1, ..Wishes::default() }, &["quantity"]),
            (Wishes { quantity: 10_001, ..Wishes::default() }, &["quantity"]),
            (nights(monday, friday), &[]),
            (nights(friday, monday), &["check_out"]),
            (nights(monday, monday), &["check_out"]),
            (nights(monday, date("2032-01-07")), &["check_out"]),
            (nights(monday, None), &["check_out"]),
            (nights(None, friday), &["check_in"]),
            (
                Wishes { quantity: 3, seats: seats(&["A1", "A1"]), ..Wishes::default() },
                &["quantity", "seats"],
            ),
            (
                Wishes { seats: seats(&["A1"]), ..nights(monday, friday) },
                &["check_in", "check_out"],
            ),
        ];
        for (wishes, wrong) in cases {
            assert_eq!(fields(wishes.clone()), wrong, "{wishes:?}");
        }
        let many = (0..=HOLD_SEATS_MAX).map(|number| format!("A{number}")).collect();
        assert_eq!(fields(Wishes { seats: many, ..Wishes::default() }), ["seats"]);
    }

    #[test]
    fn named_seats_need_no_quantity() {
        let read = Wishes { seats: seats(&["B1", "A1"]), ..Wishes::default() }.read();
        let wanted = read.expect("sound");
        assert_eq!(wanted.quantity().map(Quantity::get), Some(2));
        assert_eq!(wanted, Wanted::Seats(["A1", "B1"].map(str::to_owned).into()));
    }
}
