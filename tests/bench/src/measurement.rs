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
    /// Of calls that were answered, each after so long, while so much of the processor was used.
    pub(crate) fn of(mut waits: Vec<Duration>, failed: usize, took: Duration, used: &Used) -> Self {
        waits.sort_unstable();
        let at = |per_mille: usize| {
            let place = (waits.len() * per_mille / 1_000).min(waits.len().saturating_sub(1));
            waits.get(place).copied().unwrap_or_default().as_secs_f64() * 1_000.0
        };
        let answered = as_number(waits.len());
        let each = |(name, time): (&String, &Duration)| {
            (name.clone(), time.as_secs_f64() * 1_000.0 / answered.max(1.0))
        };
        Self {
            per_second: answered / took.as_secs_f64(),
            p50_ms: at(500),
            p99_ms: at(990),
            p999_ms: at(999),
            cpu_ms_each: used.by_process.iter().map(each).collect(),
            others_percent: used.others_percent,
            failed,
        }
    }
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
