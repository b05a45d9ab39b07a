//! Parts of an amount of money.

use crate::Money;

/// A part of a whole, from none to all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(u8);

/// Not a part of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be from 0 to 100")]
pub struct InvalidPercent;

impl Percent {
    /// So many hundredths.
    ///
    /// # Errors
    /// [`InvalidPercent`] below 0 and above 100.
    pub fn new(hundredths: i64) -> Result<Self, InvalidPercent> {
        let read = u8::try_from(hundredths).ok().filter(|hundredths| *hundredths <= 100);
        read.map(Self).ok_or(InvalidPercent)
    }

    /// The number of hundredths.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// This part of an amount, rounded to the minor unit, half up: never below nothing, nor above the amount. Of a debt
    /// there is no part.
    #[must_use]
    pub fn of(self, amount: Money) -> Money {
        let hundredths = i128::from(amount.minor().max(0)) * i128::from(self.0);
        // At most the amount, so it fits.
        let minor = i64::try_from((hundredths + 50) / 100).unwrap_or(i64::MAX);
        Money::from_minor(minor, amount.currency())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Currency;

    fn of(percent: i64, minor: i64) -> i64 {
        let amount = Money::from_minor(minor, Currency::from_code("KRW").expect("known"));
        Percent::new(percent).expect("in range").of(amount).minor()
    }

    #[test]
    fn halves_are_rounded_up() {
        for (percent, minor, part) in [
            (10, 165_000, 16_500),
            (10, 4, 0),
            (10, 5, 1),
            (50, 1, 1),
            (33, 100, 33),
            (100, 7, 7),
            (0, 7, 0),
            (100, i64::MAX, i64::MAX),
            (30, -100, 0),
        ] {
            assert_eq!(of(percent, minor), part, "{percent} % of {minor}");
        }
    }

    #[test]
    fn only_a_part_of_a_whole_is_one() {
        for wrong in [-1, 101, i64::MIN, i64::MAX, 256] {
            assert_eq!(Percent::new(wrong), Err(InvalidPercent), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_never_below_nothing_nor_above_the_whole_and_off_by_half_a_unit_at_most(
            percent in 0..=100_i64, minor in 0..=i64::MAX,
        ) {
            let part = of(percent, minor);
            prop_assert!((0..=minor).contains(&part));
            let off = i128::from(part) * 100 - i128::from(minor) * i128::from(percent);
            prop_assert!((-49..=50).contains(&off), "{part} is off by {off} hundredths");
        }

        #[test]
        fn more_percent_are_never_less(minor in 0..=i64::MAX, lower in 0..100_i64) {
            prop_assert!(of(lower, minor) <= of(lower + 1, minor));
        }
    }
}
