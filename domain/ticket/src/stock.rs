//! What is counted, and the counters of it: `0 <= held`, `0 <= sold`, `held + sold <= capacity` (I1).

use std::fmt;
use std::str::FromStr;

use kernel::{CivilDate, TicketId};

const ADMISSION: &str = "admission";

/// What is counted: the one admission stock of a ticket, a seat, or a night.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Interchangeable places.
    Admission,
    /// One numbered seat.
    Seat(String),
    /// One night, by the date it begins on at the place.
    Night(CivilDate),
}

/// Whose slot it is.
pub type SlotKey = (TicketId, Slot);

/// The counters of one slot, or of all slots of a ticket together. Cannot be made to break I1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stock {
    capacity: u64,
    held: u64,
    sold: u64,
}

/// The text names no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be \"admission\", a date as YYYY-MM-DD, or seat:<name>")]
pub struct InvalidSlot;

/// The counters would break I1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("held and sold must not be negative, nor more than the capacity together")]
pub struct InvalidStock;

/// The capacity asked for is less than what is held and sold already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{taken} units are held or sold already")]
pub struct CapacityBelowSold {
    /// Units held and sold.
    pub taken: u64,
}

impl Stock {
    /// Counters read from a store.
    ///
    /// # Errors
    /// [`InvalidStock`] if they break I1.
    pub fn new(capacity: u64, held: u64, sold: u64) -> Result<Self, InvalidStock> {
        match held.checked_add(sold) {
            Some(taken) if taken <= capacity => Ok(Self { capacity, held, sold }),
            Some(_) | None => Err(InvalidStock),
        }
    }

    /// Counters of a slot of which nothing is held or sold.
    #[must_use]
    pub const fn untouched(capacity: u64) -> Self {
        Self { capacity, held: 0, sold: 0 }
    }

    /// Units there are.
    #[must_use]
    pub const fn capacity(self) -> u64 {
        self.capacity
    }

    /// Units set aside for bookings.
    #[must_use]
    pub const fn held(self) -> u64 {
        self.held
    }

    /// Units sold.
    #[must_use]
    pub const fn sold(self) -> u64 {
        self.sold
    }

    /// Units that can be held now.
    #[must_use]
    pub const fn available(self) -> u64 {
        self.capacity - self.held - self.sold
    }

    /// The counters after a movement.
    ///
    /// # Errors
    /// [`InvalidStock`] if they would break I1.
    pub fn moved(self, d_held: i64, d_sold: i64) -> Result<Self, InvalidStock> {
        let held = self.held.checked_add_signed(d_held).ok_or(InvalidStock)?;
        let sold = self.sold.checked_add_signed(d_sold).ok_or(InvalidStock)?;
        Self::new(self.capacity, held, sold)
    }

    /// The counters with another capacity.
    ///
    /// # Errors
    /// [`CapacityBelowSold`] if more is held and sold than that.
    pub fn with_capacity(self, capacity: u64) -> Result<Self, CapacityBelowSold> {
        Self::new(capacity, self.held, self.sold)
            .map_err(|InvalidStock| CapacityBelowSold { taken: self.held + self.sold })
    }

    /// All of these together, as far as they fit.
    pub fn sum(stocks: impl Iterator<Item = Self>) -> Self {
        stocks.fold(Self::default(), |sum, stock| sum.plus(stock).unwrap_or(sum))
    }

    /// Nights as if they were one that has as many units as the largest and as many left as the emptiest.
    pub fn of_nights(nights: impl Iterator<Item = Self>) -> Self {
        let most = nights.fold((0, 0), |(capacity, available), night| {
            (u64::max(capacity, night.capacity), u64::max(available, night.available()))
        });
        // The largest has at least as many units as any has left.
        Self { capacity: most.0, held: most.0 - most.1, sold: 0 }
    }

    /// The counters of two slots together.
    ///
    /// # Errors
    /// [`InvalidStock`] if they do not fit.
    pub fn plus(self, other: Self) -> Result<Self, InvalidStock> {
        let sum = |a: u64, b: u64| a.checked_add(b).ok_or(InvalidStock);
        Self::new(
            sum(self.capacity, other.capacity)?,
            sum(self.held, other.held)?,
            sum(self.sold, other.sold)?,
        )
    }
}

impl Slot {
    /// Whether it is a night that is over at the place, where it is this date: nobody can book it any more.
    #[must_use]
    pub fn is_over(&self, today: CivilDate) -> bool {
        match self {
            Self::Night(night) => *night < today,
            Self::Admission | Self::Seat(_) => false,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admission => f.write_str(ADMISSION),
            Self::Seat(name) => write!(f, "seat:{name}"),
            Self::Night(date) => date.fmt(f),
        }
    }
}

impl FromStr for Slot {
    type Err = InvalidSlot;
    fn from_str(text: &str) -> Result<Self, InvalidSlot> {
        if text == ADMISSION {
            return Ok(Self::Admission);
        }
        match text.strip_prefix("seat:") {
            Some("") => Err(InvalidSlot),
            Some(name) => Ok(Self::Seat(name.to_owned())),
            None => text.parse().map(Self::Night).map_err(|_| InvalidSlot),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i1_counters_cannot_be_broken() {
        let stock = Stock::new(10, 3, 4).expect("fits");
        assert_eq!(stock.available(), 3);
        assert_eq!(Stock::new(10, 7, 4), Err(InvalidStock));
        assert_eq!(Stock::new(u64::MAX, u64::MAX, 1), Err(InvalidStock));
        assert_eq!(stock.moved(4, 0), Err(InvalidStock));
        assert_eq!(stock.moved(-4, 0), Err(InvalidStock));
        assert_eq!(stock.moved(-3, 3), Stock::new(10, 0, 7));
        assert_eq!(stock.with_capacity(6), Err(CapacityBelowSold { taken: 7 }));
        assert_eq!(stock.with_capacity(7).map(Stock::available), Ok(0));
    }

    #[test]
    fn slots_read_back_and_never_stand_for_one_another() {
        let night = Slot::Night("2028-02-29".parse().expect("a date"));
        for slot in [Slot::Admission, night, Slot::Seat("admission".into())] {
            assert_eq!(slot.to_string().parse(), Ok(slot));
        }
        for bad in ["", "seat:", "2027-02-29", "Admission"] {
            assert_eq!(bad.parse::<Slot>(), Err(InvalidSlot), "{bad}");
        }
    }
}
