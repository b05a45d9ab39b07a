//! Whose the processor's time was: each measured process', and the share of it that anybody else took.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use procfs::process::Process;
use servers::process::descendants;

/// What the callers are called, and with them the server where the scenario is inside one.
const OWN: &str = "bench";

/// Processes by their names, each with all that it has started; looked at from its beginning to its end.
pub(crate) struct Watch {
    processes: Vec<(String, u32)>,
    before: Reading,
}

/// What was used between two readings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used {
    pub(crate) by_process: BTreeMap<String, Duration>,
    /// Of all the time there was, what went to other processes and other machines on the same iron.
    pub(crate) others_percent: f64,
}

/// Ticks since the start, of each process and of the machine.
struct Reading {
    by_process: Vec<u64>,
    own: u64,
    /// At work, other than for interrupts, which are nobody's.
    busy: u64,
    all: u64,
}

impl Watch {
    /// Begins with these and the own process.
    pub(crate) fn begin(processes: Vec<(String, u32)>) -> Self {
        let before = Reading::take(&processes);
        Self { processes, before }
    }

    pub(crate) fn end(self) -> Used {
        let (before, after) = (&self.before, Reading::take(&self.processes));
        let since = |before: u64, after: u64| after.saturating_sub(before);
        let each = before.by_process.iter().zip(&after.by_process);
        let mut ticks: Vec<_> = each.map(|(before, after)| since(*before, *after)).collect();
        ticks.push(since(before.own, after.own));
        let ours: u64 = ticks.iter().sum();
        let others = since(before.busy, after.busy).saturating_sub(ours);
        let all = since(before.all, after.all).max(1);
        let names = self.processes.into_iter().map(|(name, _)| name).chain([OWN.to_owned()]);
        let by_process = names.zip(ticks.into_iter().map(time)).collect();
        Used { by_process, others_percent: number(others) * 100.0 / number(all) }
    }
}

impl Reading {
    fn take(processes: &[(String, u32)]) -> Self {
        let family = |root: u32| -> u64 {
            [root].into_iter().chain(descendants(root)).filter_map(ticks_of).sum()
        };
        let by_process = processes.iter().map(|(_, pid)| family(*pid)).collect();
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let total = stat.lines().next().unwrap_or_default();
        let fields: Vec<u64> =
            total.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests' time is in the first two already.
        let sum = |fields: &[usize], of: &[u64]| fields.iter().filter_map(|at| of.get(*at)).sum();
        Self {
            by_process,
            // Servers that it has started are told apart, those that have ended are its own.
            own: ticks_of(std::process::id()).unwrap_or_default(),
            busy: sum(&[0, 1, 2, 7], &fields),
            all: fields.iter().take(8).sum(),
        }
    }
}

/// Its own and those of its children that have ended, so that a family loses none.
fn ticks_of(pid: u32) -> Option<u64> {
    let stat = Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
    let ended = u64::try_from(stat.cutime + stat.cstime).unwrap_or_default();
    Some(stat.utime + stat.stime + ended)
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1_000 / procfs::ticks_per_second())
}

/// Exact for as many ticks as a measurement has.
fn number(ticks: u64) -> f64 {
    f64::from(u32::try_from(ticks).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_work_is_told_by_name() {
        let watch = Watch::begin(Vec::new());
        let mut number = 0_u64;
        while ticks_of(std::process::id()).unwrap_or_default() <= watch.before.own + 2 {
            number = std::hint::black_box(number + 1);
        }
        let used = watch.end();
        assert!(used.by_process.get(OWN).is_some_and(|own| *own >= Duration::from_millis(20)));
        assert!((0.0..=100.0).contains(&used.others_percent), "{used:?}");
    }
}
