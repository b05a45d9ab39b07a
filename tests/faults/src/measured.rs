//! How calls went: how many, how long they took, and what those that failed were told.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};
use std::time::Duration;

/// One call as its client saw it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which call: the path and the key.
    pub what: String,
    /// From sending it to its answer.
    pub took: Duration,
    /// What it was told, or that it was told nothing, where the answer was not definite.
    pub failure: Option<String>,
}

/// Some calls.
#[derive(Debug, Clone, Default)]
pub struct Measured(pub(crate) Vec<Call>);

impl Measured {
    /// The calls that had no definite answer.
    pub fn failures(&self) -> impl Iterator<Item = &Call> {
        self.0.iter().filter(|call| call.failure.is_some())
    }

    /// The calls that had one.
    pub fn answered(&self) -> impl Iterator<Item = &Call> {
        self.0.iter().filter(|call| call.failure.is_none())
    }

    /// How many calls there were.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// Only the calls that begin so: a path, or a path and the beginning of a key.
    #[must_use]
    pub fn of(mut self, what: &str) -> Self {
        self.0.retain(|call| call.what.starts_with(what));
        self
    }

    /// How long the middle one of them took.
    #[must_use]
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// How long the slowest of the quickest `percent` in a hundred took.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut all: Vec<_> = self.0.iter().map(|call| call.took).collect();
        all.sort_unstable();
        let place = (all.len() * percent / 100).min(all.len().saturating_sub(1));
        all.get(place).copied().unwrap_or_default()
    }

    /// How long the slowest of the failed ones took.
    #[must_use]
    pub fn slowest_failure(&self) -> Duration {
        self.failures().map(|call| call.took).max().unwrap_or_default()
    }
}

impl Display for Measured {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let slowest = self.0.iter().map(|call| call.took).max().unwrap_or_default();
        let seconds = Duration::as_secs_f64;
        write!(
            f,
            "{} calls, {} failed, median {:.3} s, slowest {:.2} s, slowest failed {:.2} s",
            self.count(),
            self.failures().count(),
            seconds(&self.median()),
            seconds(&slowest),
            seconds(&self.slowest_failure()),
        )?;
        let mut by_words = BTreeMap::<_, usize>::new();
        for call in self.failures() {
            *by_words.entry(&call.failure).or_default() += 1;
        }
        for (words, times) in by_words {
            write!(f, "\n  {times} x {}", words.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_slowest_failed_call_are_found() {
        let call = |took, failure: Option<&str>| Call {
            what: "booked".to_owned(),
            took: Duration::from_secs(took),
            failure: failure.map(str::to_owned),
        };
        let calls = vec![call(9, None), call(1, Some("503")), call(2, None), call(3, Some("503"))];
        let measured = Measured(calls);
        assert_eq!(measured.median(), Duration::from_secs(3));
        assert_eq!(measured.percentile(99), Duration::from_secs(9));
        assert_eq!(measured.slowest_failure(), Duration::from_secs(3));
        assert!(measured.to_string().contains("2 x 503"), "{measured}");
        assert_eq!((measured.clone().of("book").count(), measured.of("cancel").count()), (4, 0));
    }
}
