//! The numbers of one span of time.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::Serialize;

/// The numbers of one span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Measurement {
    pub(crate) per_second: f64,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time of the process that is measured.
    pub(crate) cpu_ms_each: f64,
    /// Calls without a definite answer; not among the others.
    pub(crate) failed: usize,
}

impl Measurement {
    /// Of calls that were answered, each after so long, while the process used so much of the processor.
    pub(crate) fn of(
        mut waits: Vec<Duration>,
        failed: usize,
        took: Duration,
        cpu: Duration,
    ) -> Self {
        waits.sort_unstable();
        let at = |percent: usize| {
            let found = waits.get((waits.len() * percent / 100).min(waits.len().saturating_sub(1)));
            found.copied().unwrap_or_default().as_secs_f64() * 1000.0
        };
        let answered = as_number(waits.len());
        Self {
            per_second: answered / took.as_secs_f64(),
            median_ms: at(50),
            p99_ms: at(99),
            cpu_ms_each: cpu.as_secs_f64() * 1000.0 / answered.max(1.0),
            failed,
        }
    }
}

impl Display for Measurement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { per_second, median_ms, p99_ms, cpu_ms_each, failed } = self;
        write!(
            f,
            "{per_second:>9.1}/s, median {median_ms:>7.1} ms, p99 {p99_ms:>7.1} ms, {cpu_ms_each:.3} ms of processor \
             each, {failed} failed"
        )
    }
}

/// Exact for as many as can be counted here.
fn as_number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
