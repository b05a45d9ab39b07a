//! Until when its buyer may cancel a booking, and what of its price is kept: free until, fee after, not after.
//!
//! A ticket says it relative to a start, a booking remembers it as instants: what it was made under stays its own when
//! the ticket changes. Each bound is the first instant at which it is over.

use std::time::Duration;

use kernel::{Money, Percent, TimeZoneName, Timestamp};

use crate::{Booked, Stay};

/// The first instant that can be told.
const YEAR_1: Timestamp = Timestamp::from_micros(-62_135_596_800_000_000);

/// What a ticket says about cancelling, and what its bounds count back from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelPolicy {
    /// So long before the start it is free until; never free if `None`.
    pub free_before: Option<Duration>,
    /// What of the price is kept after that.
    pub fee_percent: Percent,
    /// So long before the start it is possible until; always if `None`.
    pub closed_before: Option<Duration>,
    /// When the event begins.
    pub starts_at: Option<Timestamp>,
    /// The place's time zone: a stay begins at midnight there.
    pub time_zone: TimeZoneName,
}

/// What a booking was made under. By default it is free at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CancelTerms {
    /// Before this instant it is free; never free if `None`.
    pub free_until: Option<Timestamp>,
    /// What of the price is kept from then on.
    pub fee_percent: Percent,
    /// Before this instant it is possible; always if `None`.
    pub not_after: Option<Timestamp>,
}

impl CancelPolicy {
    /// The terms of a booking of this.
    #[must_use]
    pub fn terms(&self, booked: &Booked) -> CancelTerms {
        let starts_at = match booked.stay().map(Stay::check_in) {
            Some(check_in) => Some(self.time_zone.start_of(check_in)),
            None => self.starts_at,
        };
        let has_bound = self.free_before.is_some() || self.closed_before.is_some();
        if has_bound && starts_at.is_none() {
            // No ticket may say so. A bound that hangs in the air does not bind.
            return CancelTerms::default();
        }
        // No clock shows what lies before the year 1.
        let bound = |before: Option<Duration>| Some(starts_at?.minus(before?).max(YEAR_1));
        CancelTerms {
            free_until: bound(self.free_before),
            fee_percent: self.fee_percent,
            not_after: bound(self.closed_before),
        }
    }
}

impl CancelTerms {
    /// What is kept of a price that is cancelled now: never below nothing, nor above the price.
    ///
    /// # Errors
    /// Since when it is too late.
    pub fn fee(&self, price: Money, now: Timestamp) -> Result<Money, Timestamp> {
        if let Some(closed_since) = self.not_after.filter(|not_after| *not_after <= now) {
            return Err(closed_since);
        }
        let is_free = self.free_until.is_some_and(|free_until| now < free_until);
        Ok(if is_free { Money::zero(price.currency()) } else { self.fee_percent.of(price) })
    }
}

#[cfg(test)]
mod tests {
    use kernel::{CivilDate, Currency, Quantity};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::BookedFields;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn won(minor: i64) -> Money {
        Money::from_minor(minor, Currency::from_code("KRW").expect("known"))
    }

    fn percent(hundredths: i64) -> Percent {
        Percent::new(hundredths).expect("in range")
    }

    /// Until 72 hours before it for nothing, until 24 hours before it for 30 percent.
    fn policy(starts_at: Option<Timestamp>) -> CancelPolicy {
        CancelPolicy {
            free_before: Some(72 * HOUR),
            fee_percent: percent(30),
            closed_before: Some(24 * HOUR),
            starts_at,
            time_zone: TimeZoneName::new("Asia/Seoul").expect("known"),
        }
    }

    fn places() -> Booked {
        Booked::Units(Quantity::new(2).expect("few"))
    }

    /// Midnight in UTC.
    fn midnight(text: &str) -> Timestamp {
        let date: CivilDate = text.parse().expect("a date");
        TimeZoneName::new("UTC").expect("known").start_of(date)
    }

    #[test]
    fn t09_free_until_then_the_fee_then_not_any_more() {
        let start = midnight("2027-05-10");
        let terms = policy(Some(start)).terms(&places());
        let (free, closed) = (midnight("2027-05-07"), midnight("2027-05-09"));
        let moment = Duration::from_micros(1);
        for (now, fee) in [
            (midnight("2026-01-01"), Ok(won(0))),
            (free.minus(moment), Ok(won(0))),
            (free, Ok(won(49_500))),
            (closed.minus(moment), Ok(won(49_500))),
            (closed, Err(closed)),
            (start, Err(closed)),
        ] {
            assert_eq!(terms.fee(won(165_000), now), fee, "{now}");
        }
    }

    #[test]
    fn t09_a_stay_begins_at_midnight_of_its_first_night_at_the_place() {
        let stay = BookedFields {
            quantity: 1,
            seats: Vec::new(),
            check_in: Some("2027-05-10".parse()),
            check_out: Some("2027-05-12".parse()),
        };
        let stay = Booked::read(stay).expect("two nights");
        let terms = policy(Some(midnight("2030-01-01"))).terms(&stay);
        // Midnight in Seoul is 15:00 of the day before in UTC.
        let start = midnight("2027-05-09").plus(15 * HOUR);
        assert_eq!(terms.free_until, Some(start.minus(72 * HOUR)));
        assert_eq!(terms.not_after, Some(start.minus(24 * HOUR)));
    }

    #[test]
    fn t09_what_is_not_said_does_not_bind() {
        let now = midnight("2027-05-10");
        let none = CancelTerms::default();
        assert_eq!(none.fee(won(9), now), Ok(won(0)));
        let fee_alone = CancelPolicy { free_before: None, closed_before: None, ..policy(None) };
        let terms = fee_alone.terms(&places());
        assert_eq!(terms.fee(won(9), now), Ok(won(3)));
        assert_eq!(policy(None).terms(&places()), CancelTerms::default());
    }

    proptest! {
        #[test]
        fn a_fee_is_never_below_nothing_nor_above_the_price_nor_falls_as_time_goes(
            price in 0..=i64::MAX, hundredths in 0..=100_i64, free in option::of(any::<i64>()),
            (first, later) in any::<(i64, i64)>(),
        ) {
            let free_until = free.map(Timestamp::from_micros);
            let terms = CancelTerms { free_until, fee_percent: percent(hundredths), not_after: None };
            let fee = |at| terms.fee(won(price), Timestamp::from_micros(at)).expect("open").minor();
            let (early, late) = (fee(first.min(later)), fee(first.max(later)));
            prop_assert!(0 <= early && early <= late && late <= price);
        }
    }
}
