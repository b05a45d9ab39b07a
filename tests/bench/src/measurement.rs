//! The numbers of one span of time.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::Serialize;

use crate::processor::Used;

/// The numbers of one span of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Measurement {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    /// Processor time for each call, by process.
    pub(crate) cpu_ms_each: BTreeMap<String, f64>,
    /// The share of the machine that others took.
    pub(crate) others_percent: f64,
    /// Calls without a definite answer; not among the others.
    pub(crate) failed: usize,
}

impl Measurement {
    /// Of a closed loop: all answers that came in this time, each after so long, while so much of the processor was
    /// used.
    pub(crate) fn of(waits: Vec<Duration>, failed: usize, took: Duration, used: &Used) -> Self {
        let answered = waits.len();
        Self::offered(waits, answered, failed, took, used)
    }

    /// Of an open loop: so many answers came in this time, and these are the waits of what was due in it, however late
    /// they ended. What nobody was answered is no number, and nothing is divided by it.
    pub(crate) fn offered(
        mut waits: Vec<Duration>,
        answered: usize,
        failed: usize,
        took: Duration,
        used: &Used,
    ) -> Self {
        waits.sort_unstable();
        let answered = if answered == 0 { f64::NAN } else { as_number(answered) };
        let each = |(name, time): (&String, &Duration)| {
            (name.clone(), time.as_secs_f64() * 1_000.0 / answered)
        };
        Self {
            per_second: answered / took.as_secs_f64(),
            p50_ms: percentile_ms(&waits, 500),
            p99_ms: percentile_ms(&waits, 990),
            p999_ms: percentile_ms(&waits, 999),
            cpu_ms_each: used.by_process.iter().map(each).collect(),
            others_percent: used.others_percent,
            failed,
        }
    }
}

/// The wait that so many in a thousand do not exceed, in milliseconds; no number where there are none.
pub(crate) fn percentile_ms(sorted: &[Duration], per_mille: usize) -> f64 {
    let place = (sorted.len() * per_mille).div_ceil(1_000).saturating_sub(1);
    sorted.get(place).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1_000.0)
}

/// Beside a measurement the share of the machine that others took meanwhile.
pub(crate) fn told(measured: Measurement) -> (Measurement, f64) {
    let others_percent = measured.others_percent;
    (measured, others_percent)
}

/// The greatest; no number where one of them is none, or where there are none.
pub(crate) fn worst(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let greater = |one: f64, other: f64| {
        if one.is_nan() || other.is_nan() { f64::NAN } else { one.max(other) }
    };
    numbers.into_iter().reduce(greater).unwrap_or(f64::NAN)
}

impl Display for Measurement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { per_second, p50_ms, p99_ms, p999_ms, cpu_ms_each, others_percent, failed } =
            self;
        let cpu: f64 = cpu_ms_each.values().sum();
        write!(
            f,
            "{per_second:>9.1}/s, p50 {p50_ms:>7.1} ms, p99 {p99_ms:>7.1} ms, p99.9 {p999_ms:>7.1} ms, {cpu:.3} ms of \
             processor each, others took {others_percent:.0} %, {failed} failed"
        )
    }
}

/// Exact for as many as can be counted here.
pub(crate) fn as_number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(milliseconds: impl Iterator<Item = u64>) -> Vec<Duration> {
        milliseconds.map(Duration::from_millis).collect()
    }

    #[test]
    fn a_percentile_is_the_wait_that_so_many_do_not_exceed() {
        let all = waits(1..=200);
        let found = [500, 990, 999, 1_000].map(|per_mille| percentile_ms(&all, per_mille));
        assert_eq!(found, [100.0, 198.0, 200.0, 200.0]);
        assert!(percentile_ms(&[], 990).is_nan());
    }

    #[test]
    fn of_no_answers_nothing_is_a_number() {
        let used = Used {
            by_process: [("a".to_owned(), Duration::from_secs(1))].into(),
            ..Used::default()
        };
        let none = Measurement::of(Vec::new(), 3, Duration::from_secs(1), &used);
        let numbers = [none.per_second, none.p50_ms, none.p99_ms, none.p999_ms];
        assert!(numbers.iter().chain(none.cpu_ms_each.values()).all(|number| number.is_nan()));
        assert_eq!(none.failed, 3);
    }

    #[test]
    fn an_open_loop_has_the_rate_of_answers_and_the_waits_of_what_was_due() {
        let due = waits([30, 10, 20].into_iter());
        let found = Measurement::offered(due, 2, 0, Duration::from_secs(2), &Used::default());
        assert_eq!((found.per_second, found.p50_ms, found.p99_ms), (1.0, 20.0, 30.0));
    }

    #[test]
    fn the_worst_of_numbers_leaves_none_out() {
        assert_eq!(worst([1.0, 3.0, 2.0]).to_bits(), 3.0_f64.to_bits());
        assert!(worst([1.0, f64::NAN, 2.0]).is_nan());
        assert!(worst([]).is_nan());
    }
}
