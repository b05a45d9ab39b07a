//! What servers take of the machine's memory while something happens.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use procfs::process::Process;
use tokio::time::{MissedTickBehavior, interval};

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// The resident memory of each server at a moment, in MiB, by its name: `booking-1`.
pub type Sample = BTreeMap<String, f64>;

/// Does some work and looks at the servers meanwhile, as often as said.
pub async fn sampled<T>(
    servers: &[(String, u32)],
    every: Duration,
    work: impl Future<Output = T>,
) -> (T, Vec<Sample>) {
    let mut work = pin!(work);
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut samples = Vec::new();
    loop {
        tokio::select! {
            done = &mut work => return (done, samples),
            _ = turns.tick() => samples.push(now(servers)),
        }
    }
}

/// What each takes now, in MiB; no number where a server has ended, which is no way to take little.
#[must_use]
pub fn now(servers: &[(String, u32)]) -> Sample {
    let of = |pid: u32| {
        let process = Process::new(pid.try_into().ok()?).ok()?;
        let pages = process.statm().ok()?.resident;
        let bytes = u32::try_from(pages * procfs::page_size() / 1024).ok()?;
        Some(f64::from(bytes) * 1024.0 / MEBIBYTE)
    };
    servers.iter().map(|(name, pid)| (name.clone(), of(*pid).unwrap_or(f64::NAN))).collect()
}

/// The most that each took.
#[must_use]
pub fn peaks(samples: &[Sample]) -> Sample {
    let mut peaks = Sample::new();
    for (name, mebibytes) in samples.iter().flatten() {
        let peak = peaks.entry(name.clone()).or_default();
        *peak = mebibytes.max(*peak);
    }
    peaks
}
