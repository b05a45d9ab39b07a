//! Runs steps under headings and sums them up.

use std::fmt;
use std::time::{Duration, Instant};

/// How a step ended.
pub(crate) enum Outcome {
    Passed,
    /// There was nothing to do, and why.
    Skipped(String),
    Failed(String),
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<(&'static str, Outcome, Duration)>,
}

impl Report {
    /// Runs a step under its heading and keeps how it ended.
    pub(crate) fn step(&mut self, name: &'static str, run: impl FnOnce() -> Outcome) {
        println!("\n=== {name}");
        let started = Instant::now();
        let outcome = run();
        let time = started.elapsed();
        println!("--- {name}: {outcome}, {:.1} s", time.as_secs_f64());
        self.steps.push((name, outcome, time));
    }

    pub(crate) fn all_passed(&self) -> bool {
        !self.steps.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)))
    }
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(problem) => Self::Failed(problem),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(f, "passed"),
            Self::Skipped(why) => write!(f, "skipped ({why})"),
            Self::Failed(why) => write!(f, "FAILED ({why})"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n=== summary")?;
        for (name, outcome, time) in &self.steps {
            writeln!(f, "{name:<14} {:>8.1} s  {outcome}", time.as_secs_f64())?;
        }
        let verdict = if self.all_passed() { "all passed" } else { "NOT all passed" };
        write!(f, "{verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_is_the_whole_runs_and_every_step_is_shown() {
        let mut report = Report::default();
        report.step("first", || Outcome::Failed("why".to_owned()));
        report.step("second", || Outcome::Passed);
        report.step("third", || Outcome::Skipped("nothing there".to_owned()));
        assert!(!report.all_passed());
        let text = report.to_string();
        for part in ["FAILED (why)", "second", "skipped (nothing there)", "NOT all passed"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn what_is_skipped_does_not_fail() {
        let mut report = Report::default();
        report.step("only", || Outcome::Skipped("nothing there".to_owned()));
        assert!(report.all_passed());
    }
}
