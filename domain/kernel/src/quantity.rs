//! How many units one booking may ask for.

use std::fmt;
use std::num::NonZeroU32;

/// The most units one booking may hold. Larger orders are contracts, not bookings.
pub const QUANTITY_MAX: u32 = 10_000;

/// A number of units, 1 to [`QUANTITY_MAX`] (trap R28).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(NonZeroU32);

/// Not a bookable number of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be from 1 to {QUANTITY_MAX}")]
pub struct InvalidQuantity;

impl Quantity {
    /// Checks a number given by a caller or read from a store.
    ///
    /// # Errors
    /// [`InvalidQuantity`] outside 1 to [`QUANTITY_MAX`].
    pub fn new(count: i64) -> Result<Self, InvalidQuantity> {
        u32::try_from(count)
            .ok()
            .filter(|count| *count <= QUANTITY_MAX)
            .and_then(NonZeroU32::new)
            .map(Self)
            .ok_or(InvalidQuantity)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r28_only_sensible_counts() {
        assert_eq!(Quantity::new(3).map(Quantity::get), Ok(3));
        for bad in [0, -1, i64::MIN, i64::from(QUANTITY_MAX) + 1, 1_000_000_000, i64::MAX] {
            assert_eq!(Quantity::new(bad), Err(InvalidQuantity), "{bad}");
        }
    }
}
