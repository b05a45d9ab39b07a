//! Two ways compared: measured by turns, so that what changes on the machine meanwhile is in both, and told as the
//! ratios of pairs.

use serde::Serialize;

use crate::figures::{Claim, Figure};
use crate::measurement::Measurement;

/// Fewer pairs than these tell how it goes, and are no figure.
pub(crate) const ROUNDS_MIN: u16 = 3;
/// A pair of which others took more than this is measured once more.
const OTHERS_MAX_PERCENT: f64 = 15.0;

/// One measurement in each way, next to each other in time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Pair {
    pub(crate) baseline: Measurement,
    pub(crate) ours: Measurement,
    /// Others took much of the machine, also when it was measured once more.
    pub(crate) disturbed: bool,
}

/// Numbers as their middle and their ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    /// How many there are.
    pub(crate) rounds: usize,
}

/// Two ways and how they compare.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Comparison {
    /// What is compared: `hot-hold over PostgreSQL`.
    pub(crate) name: String,
    /// How many call at once.
    pub(crate) callers: u16,
    pub(crate) baseline: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) pairs: Vec<Pair>,
}

/// Measures a baseline and ours by turns, so often: A B, B A, A B, …, so that neither is always the second.
pub(crate) async fn alternated<S>(
    rounds: u16,
    sides: [(&'static str, &S); 2],
    measure: impl AsyncFn(&S) -> Measurement,
) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for round in 0..rounds {
        let mut pair = one_pair(round, sides, &measure).await;
        if pair.disturbed && rounds >= ROUNDS_MIN {
            println!("round {} once more: others took much of the machine", round + 1);
            pair = one_pair(round, sides, &measure).await;
        }
        pairs.push(pair);
    }
    pairs
}

/// Measures what is compared with nothing: once, and once more if others took much of the machine meanwhile. Beside what
/// is measured stands the share that they took.
pub(crate) async fn undisturbed<T>(rounds: u16, measure: impl AsyncFn() -> (T, f64)) -> T {
    let (measured, others_percent) = measure().await;
    if others_percent <= OTHERS_MAX_PERCENT || rounds < ROUNDS_MIN {
        return measured;
    }
    println!("once more: others took {others_percent:.0} % of the machine");
    let (measured, others_percent) = measure().await;
    if others_percent > OTHERS_MAX_PERCENT {
        println!("DISTURBED again: others took {others_percent:.0} % of the machine");
    }
    measured
}

async fn one_pair<S>(
    round: u16,
    [baseline, ours]: [(&'static str, &S); 2],
    measure: &impl AsyncFn(&S) -> Measurement,
) -> Pair {
    let of = async |(name, side): (&str, &S)| {
        let measured = measure(side).await;
        println!("round {} {name:<10} {measured}", round + 1);
        measured
    };
    let (baseline, ours) = if ours_first(round) {
        let ours = of(ours).await;
        (of(baseline).await, ours)
    } else {
        (of(baseline).await, of(ours).await)
    };
    let disturbed = baseline.others_percent.max(ours.others_percent) > OTHERS_MAX_PERCENT;
    Pair { baseline, ours, disturbed }
}

impl Comparison {
    /// A figure that is our number, divided by the baseline's.
    pub(crate) fn claim(&self, figure: Figure, number: impl Fn(&Measurement) -> f64) -> Claim {
        let disturbed = self.pairs.iter().filter(|pair| pair.disturbed).count();
        let failed: usize =
            self.pairs.iter().map(|pair| pair.baseline.failed + pair.ours.failed).sum();
        let conditions = [(disturbed, "pairs disturbed by others"), (failed, "calls that failed")];
        let mut claim = figure.claimed(self.ratio(number));
        for (count, what) in conditions.into_iter().filter(|(count, _)| *count > 0) {
            claim = claim.under(format!("{count} {what}"));
        }
        claim
    }

    /// Our number, divided by the baseline's.
    pub(crate) fn ratio(&self, number: impl Fn(&Measurement) -> f64) -> Spread {
        Spread::of(self.pairs.iter().map(|pair| number(&pair.ours) / number(&pair.baseline)))
    }
}

impl Spread {
    /// Of these numbers; none where one of them is none, which is not left out in favour of the others.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        let rounds = numbers.len();
        if !numbers.iter().all(|number| number.is_finite()) {
            numbers.clear();
        }
        numbers.sort_by(f64::total_cmp);
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        let (lowest, highest) = (end(numbers.first()), end(numbers.last()));
        Self { median: median(&numbers), lowest, highest, rounds }
    }
}

const fn ours_first(round: u16) -> bool {
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

    fn at(per_second: f64) -> Measurement {
        Measurement { per_second, ..Measurement::default() }
    }

    #[test]
    fn a_ratio_is_of_pairs_and_not_of_sums() {
        let pair =
            |baseline, ours| Pair { baseline: at(baseline), ours: at(ours), disturbed: false };
        let pairs = vec![pair(100.0, 90.0), pair(10.0, 10.0), pair(50.0, 40.0)];
        let name = "b".to_owned();
        let comparison = Comparison { name, callers: 1, baseline: "off", ours: "on", pairs };
        let ratio = comparison.ratio(|measured| measured.per_second);
        assert_eq!(ratio, Spread { median: 0.9, lowest: 0.8, highest: 1.0, rounds: 3 });
    }

    #[test]
    fn one_round_without_a_number_takes_the_others_along() {
        for none in [f64::NAN, -f64::NAN, f64::INFINITY] {
            let Spread { median, lowest, highest, rounds } = Spread::of([1.0, none, 2.0, 3.0]);
            assert!(median.is_nan() && lowest.is_nan() && highest.is_nan(), "{none}");
            assert_eq!(rounds, 4);
        }
    }

    #[tokio::test]
    async fn what_others_disturb_is_measured_once_more_and_not_again() {
        for (others, rounds, times) in [(15.0, 3, 1), (16.0, 3, 2), (16.0, 1, 1)] {
            let measured = std::cell::Cell::new(0);
            let measure = async || {
                measured.set(measured.get() + 1);
                (measured.get(), others)
            };
            assert_eq!(undisturbed(rounds, measure).await, times, "{others} % in {rounds} rounds");
        }
    }

    #[test]
    fn the_middle_of_an_even_number_is_between_two() {
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn each_way_is_as_often_the_first() {
        let firsts: Vec<_> = (0..4).map(ours_first).collect();
        assert_eq!(firsts, [false, true, false, true]);
    }
}
