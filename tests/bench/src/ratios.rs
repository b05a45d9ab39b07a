//! Two ways compared: measured by turns, so that what changes on the machine meanwhile is in both, and told as the
//! ratios of pairs.

use serde::Serialize;

use crate::measurement::Measurement;

/// One measurement in each way, next to each other in time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Pair {
    pub(crate) without: Measurement,
    pub(crate) with: Measurement,
}

/// The ratios of all pairs, as their middle and their ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

/// Two ways and how they compare.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Comparison {
    /// The benchmark's name.
    pub(crate) benchmark: &'static str,
    pub(crate) without: &'static str,
    pub(crate) with: &'static str,
    pub(crate) pairs: Vec<Pair>,
}

impl Comparison {
    /// The number with, divided by the number without.
    pub(crate) fn ratio(&self, number: impl Fn(&Measurement) -> f64) -> Ratio {
        let ratios = self.pairs.iter().map(|pair| number(&pair.with) / number(&pair.without));
        let mut ratios: Vec<_> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        Ratio { median: median(&ratios), lowest: end(ratios.first()), highest: end(ratios.last()) }
    }

    /// The middle of a number of one way.
    pub(crate) fn middle(&self, number: impl Fn(&Pair) -> f64) -> f64 {
        let mut numbers: Vec<_> = self.pairs.iter().map(number).collect();
        numbers.sort_by(f64::total_cmp);
        median(&numbers)
    }
}

/// Whether the way `with` has the first turn of a round: A B, B A, A B, …, so that neither is always the second.
pub(crate) const fn with_first(round: u16) -> bool {
    round % 2 == 1
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or(f64::NAN);
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|below| sorted.get(below)).copied();
    f64::midpoint(lower.unwrap_or(f64::NAN), upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bookings_per_second: f64) -> Measurement {
        let (median_ms, p99_ms, cpu_ms_per_booking) = (1.0, 2.0, 1.0);
        Measurement {
            bookings_per_second,
            median_ms,
            p99_ms,
            cpu_ms_per_booking,
            failed: 0,
            spans_sent: 0.0,
        }
    }

    #[test]
    fn a_ratio_is_of_pairs_and_not_of_sums() {
        let pair = |without, with| Pair { without: at(without), with: at(with) };
        let pairs = vec![pair(100.0, 90.0), pair(10.0, 10.0), pair(50.0, 40.0)];
        let comparison = Comparison { benchmark: "b", without: "off", with: "on", pairs };
        let ratio = comparison.ratio(|measured| measured.bookings_per_second);
        assert_eq!(ratio, Ratio { median: 0.9, lowest: 0.8, highest: 1.0 });
        let middle = comparison.middle(|pair| pair.without.bookings_per_second);
        assert!((middle - 50.0).abs() < f64::EPSILON, "{middle}");
    }

    #[test]
    fn the_middle_of_an_even_number_is_between_two() {
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn each_way_is_as_often_the_first() {
        let firsts: Vec<_> = (0..4).map(with_first).collect();
        assert_eq!(firsts, [false, true, false, true]);
    }
}
