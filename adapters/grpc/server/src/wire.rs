//! Between the kernel's types and google's: the one place for it.

mod check;
mod page;
mod resume;

pub use check::Check;
pub use page::page_token;
pub use resume::{fingerprint, resume_token};

use std::time::Duration;

use kernel::{CivilDate, Money, Timestamp};
use proto::google::r#type as google;

const MICROS_PER_SEC: i64 = 1_000_000;

/// An instant on the wire.
#[must_use]
pub fn timestamp(instant: Timestamp) -> prost_types::Timestamp {
    let micros = instant.as_micros();
    // Below 10^9 by construction, so the conversion cannot fail.
    let nanos = i32::try_from(micros.rem_euclid(MICROS_PER_SEC) * 1_000).unwrap_or(0);
    prost_types::Timestamp { seconds: micros.div_euclid(MICROS_PER_SEC), nanos }
}

/// An amount on the wire.
#[must_use]
pub fn money(amount: Money) -> google::Money {
    google::Money {
        currency_code: amount.currency().code().to_owned(),
        units: amount.units(),
        nanos: amount.nanos(),
    }
}

/// A civil date on the wire.
#[must_use]
pub fn date(date: CivilDate) -> google::Date {
    google::Date { year: date.year(), month: date.month(), day: date.day() }
}

/// Reads a length of time; `None` where it is negative or has nanos that are none. Not by prost's own conversion: it
/// negates what is negative, which of the least number there is overflows.
fn length(wire: &prost_types::Duration) -> Option<Duration> {
    let nanos = u32::try_from(wire.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(wire.seconds).ok()?, nanos))
}

/// Reads an instant; `None` outside the years 1 to 9999 or with nanos that are none.
fn instant(wire: &prost_types::Timestamp) -> Option<Timestamp> {
    const YEARS_1_TO_9999: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
    let sound = YEARS_1_TO_9999.contains(&wire.seconds) && (0..1_000_000_000).contains(&wire.nanos);
    let micros = wire.seconds.checked_mul(MICROS_PER_SEC)? + i64::from(wire.nanos / 1_000);
    sound.then(|| Timestamp::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_round_trip() {
        for micros in [0, 1, -1, 1_700_000_000_123_456, -62_135_596_800_000_000] {
            let there = timestamp(Timestamp::from_micros(micros));
            assert!((0..1_000_000_000).contains(&there.nanos));
            assert_eq!(instant(&there), Some(Timestamp::from_micros(micros)));
        }
    }

    #[test]
    fn impossible_instants_are_none() {
        for (seconds, nanos) in
            [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0), (253_402_300_800, 0)]
        {
            assert_eq!(instant(&prost_types::Timestamp { seconds, nanos }), None);
        }
    }

    #[test]
    fn row20_the_extremes_of_a_length_are_read_or_refused() {
        let wire = |seconds, nanos| prost_types::Duration { seconds, nanos };
        for (seconds, nanos) in
            [(i64::MIN, 0), (i64::MIN, i32::MIN), (-1, 0), (0, -1), (1, -1), (0, 1_000_000_000)]
        {
            assert_eq!(length(&wire(seconds, nanos)), None, "{seconds} s {nanos} ns");
        }
        assert_eq!(length(&wire(i64::MAX, i32::MAX)), None);
        let longest = Duration::new(i64::MAX.unsigned_abs(), 999_999_999);
        assert_eq!(length(&wire(i64::MAX, 999_999_999)), Some(longest));
        assert_eq!(length(&wire(0, 0)), Some(Duration::ZERO));
    }

    #[test]
    fn amounts_and_dates_keep_their_parts() {
        let amount = Money::from_units("USD", -19, -990_000_000).expect("an amount");
        let there = money(amount);
        assert_eq!(
            (there.currency_code.as_str(), there.units, there.nanos),
            ("USD", -19, -990_000_000)
        );
        let leap = date(CivilDate::new(2028, 2, 29).expect("exists"));
        assert_eq!((leap.year, leap.month, leap.day), (2028, 2, 29));
    }
}
