//! Two ways compared: measured by turns, so that what changes on the machine meanwhile is in both, and told as the
//! ratios of pairs.

use serde::Serialize;

use crate::measurement::Measurement;

/// One measurement in each way, next to each other in time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Pair {
    pub(crate) baseline: Measurement,
    pub(crate) ours: Measurement,
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
    pub(crate) benchmark: String,
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
        let of = async |(name, side): (&str, &S)| {
            let measured = measure(side).await;
            println!("round {} {name:<10} {measured}", round + 1);
            measured
        };
        let [baseline, ours] = sides;
        pairs.push(if ours_first(round) {
            let ours = of(ours).await;
            Pair { baseline: of(baseline).await, ours }
        } else {
            Pair { baseline: of(baseline).await, ours: of(ours).await }
        });
    }
    pairs
}

impl Comparison {
    /// Our number, divided by the baseline's.
    pub(crate) fn ratio(&self, number: impl Fn(&Measurement) -> f64) -> Ratio {
        let ratios = self.pairs.iter().map(|pair| number(&pair.ours) / number(&pair.baseline));
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
        let pair = |baseline, ours| Pair { baseline: at(baseline), ours: at(ours) };
        let pairs = vec![pair(100.0, 90.0), pair(10.0, 10.0), pair(50.0, 40.0)];
        let benchmark = "b".to_owned();
        let comparison = Comparison { benchmark, callers: 1, baseline: "off", ours: "on", pairs };
        let ratio = comparison.ratio(|measured| measured.per_second);
        assert_eq!(ratio, Ratio { median: 0.9, lowest: 0.8, highest: 1.0 });
        let middle = comparison.middle(|pair| pair.baseline.per_second);
        assert!((middle - 50.0).abs() < f64::EPSILON, "{middle}");
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
