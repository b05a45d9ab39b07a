//! The results: tables for people, a file for who compares them with others.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use crate::figures::{self, Claim, Figure};
use crate::measurement::{Measurement, as_number};
use crate::plan::Plan;
use crate::ratios::{Comparison, Pair, Spread};

/// What a scenario found.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Found {
    pub(crate) comparisons: Vec<Comparison>,
    /// Where nothing is compared: what was measured at each step, and its numbers by name.
    pub(crate) steps: Vec<(String, Vec<(String, f64)>)>,
    pub(crate) claims: Vec<Claim>,
    /// Figures that were not to be measured this time, and why.
    pub(crate) left_out: Vec<(Figure, &'static str)>,
}

impl Found {
    /// Figures that are not to be measured; all others of a scenario are missed where they are not.
    pub(crate) fn leave_out(
        &mut self,
        figures: impl IntoIterator<Item = Figure>,
        why: &'static str,
    ) {
        self.left_out.extend(figures.into_iter().map(|figure| (figure, why)));
    }

    /// At the end of a scenario: what it should have come to and did not stands among its claims, as not measured.
    pub(crate) fn complete(&mut self, scenario: &str) {
        let claimed = self.claims.iter().map(|claim| claim.figure);
        let known: Vec<_> =
            claimed.chain(self.left_out.iter().map(|(figure, _)| *figure)).collect();
        let missing = figures::of(scenario).filter(|figure| !known.contains(figure));
        self.claims.extend(missing.map(|figure| figure.claimed(Spread::of([]))));
    }

    /// None of its claims is judged.
    pub(crate) fn unjudged(&mut self, why: &'static str) {
        let claims = std::mem::take(&mut self.claims).into_iter();
        self.claims = claims.map(|claim| claim.unjudged(why)).collect();
    }

    /// Adds a step and tells it, so that whoever waits sees something.
    pub(crate) fn step(
        &mut self,
        step: impl Into<String>,
        numbers: impl IntoIterator<Item = (impl Into<String>, f64)>,
    ) {
        let step = step.into();
        let numbers: Vec<_> =
            numbers.into_iter().map(|(name, number)| (name.into(), number)).collect();
        println!("{step}: {}", line(&numbers));
        self.steps.push((step, numbers));
    }

    /// The same with all that is told of a measurement, and more.
    pub(crate) fn measured(
        &mut self,
        step: impl Into<String>,
        measured: &Measurement,
        more: impl IntoIterator<Item = (String, f64)>,
    ) {
        let numbers = NUMBERS.iter().map(|(name, number)| ((*name).to_owned(), number(measured)));
        let failed = ("failed".to_owned(), as_number(measured.failed));
        let cpu = measured.cpu_ms_each.iter();
        let cpu = cpu.map(|(process, each)| (format!("CPU ms each, {process}"), *each));
        self.step(step, numbers.chain([failed]).chain(cpu).chain(more));
    }
}

/// What is told of a measurement: its name and how it is read.
type Number = (&'static str, fn(&Measurement) -> f64);

const NUMBERS: [Number; 5] = [
    ("per second", |measured| measured.per_second),
    ("p50, ms", |measured| measured.p50_ms),
    ("p99, ms", |measured| measured.p99_ms),
    ("p99.9, ms", |measured| measured.p999_ms),
    ("others took, %", |measured| measured.others_percent),
];

/// All that a scenario has measured.
pub(crate) fn tables(found: &Found) -> String {
    let step = |(step, numbers): &(String, Vec<_>)| format!("{step:<32} {}\n", line(numbers));
    found.comparisons.iter().map(table).chain(found.steps.iter().map(step)).collect()
}

fn line(numbers: &[(String, f64)]) -> String {
    let numbers: Vec<_> =
        numbers.iter().map(|(name, number)| format!("{name} {number:.2}")).collect();
    numbers.join("; ")
}

/// The middles of both ways, and the ratios of the pairs.
fn table(comparison: &Comparison) -> String {
    let Comparison { name, callers, baseline, ours, pairs } = comparison;
    let mut table = format!(
        "\n{name}, {callers} callers: medians of {} pairs\n\
         {:<24} {baseline:>11} {ours:>11} {:>10}  lowest to highest\n",
        pairs.len(),
        "",
        "ratio"
    );
    for (name, number) in NUMBERS {
        row(&mut table, name, comparison, number);
    }
    let both = |pair: &Pair| [pair.baseline.clone(), pair.ours.clone()];
    let measured: Vec<_> = pairs.iter().flat_map(both).collect();
    let processes: BTreeSet<_> = measured.iter().flat_map(|one| one.cpu_ms_each.keys()).collect();
    for process in processes {
        let cpu = |one: &Measurement| one.cpu_ms_each.get(process).copied().unwrap_or_default();
        row(&mut table, &format!("CPU ms each, {process}"), comparison, cpu);
    }
    let failed: usize = measured.iter().map(|one| one.failed).sum();
    let disturbed = pairs.iter().filter(|pair| pair.disturbed).count();
    // Writing to a string does not fail.
    let _ = writeln!(table, "{failed} calls failed; others disturbed {disturbed} of the pairs");
    table
}

fn row(
    table: &mut String,
    name: &str,
    comparison: &Comparison,
    number: impl Fn(&Measurement) -> f64,
) {
    let Spread { median, lowest, highest, .. } = comparison.ratio(&number);
    let middle = |side: fn(&Pair) -> &Measurement| {
        Spread::of(comparison.pairs.iter().map(|pair| number(side(pair)))).median
    };
    let (baseline, ours) = (middle(|pair| &pair.baseline), middle(|pair| &pair.ours));
    let _ = writeln!(
        table,
        "{name:<24} {baseline:>11.3} {ours:>11.3} {median:>10.3}  {lowest:.3} to {highest:.3}"
    );
}

/// The figures that the scenarios came to, and those that were left out.
pub(crate) fn summary<'a>(scenarios: impl Iterator<Item = &'a Found>) -> String {
    let mut table = format!("\n{:<69} {:>8} {:>8} {:>9}\n", "figure", "floor", "goal", "found");
    for found in scenarios {
        for claim in &found.claims {
            let _ = writeln!(table, "{claim}");
        }
        for (figure, why) in &found.left_out {
            let Figure { id, scenario, what, .. } = figure;
            let _ = writeln!(table, "{id:<3} {scenario:<14} {what:<50} left out: {why}");
        }
    }
    table
}

/// Writes what a scenario found as JSON and gives the file.
pub(crate) fn keep(
    plan: &Plan,
    results: &Path,
    scenario: &str,
    found: &Found,
) -> Result<PathBuf, String> {
    let kept = json!({
        "scenario": scenario,
        "optimized": !cfg!(debug_assertions),
        "rounds": plan.rounds(),
        "seconds": plan.seconds,
        "found": found,
        "ratios": found.comparisons.iter().map(ratios).collect::<Vec<_>>(),
    });
    let file = results.join(format!("{scenario}.json"));
    let text = serde_json::to_string_pretty(&kept).map_err(|error| error.to_string())?;
    fs::create_dir_all(results)
        .and_then(|()| fs::write(&file, text + "\n"))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

fn ratios(comparison: &Comparison) -> serde_json::Value {
    let ratio = |(name, number): &Number| ((*name).to_owned(), json!(comparison.ratio(number)));
    let ratios: serde_json::Map<_, _> = NUMBERS.iter().map(ratio).collect();
    json!({ "name": comparison.name, "callers": comparison.callers, "ratios": ratios })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{GATEWAY_AGAINST_GO, GATEWAY_AGAINST_NGINX, Verdict};

    #[test]
    fn a_figure_that_nobody_measured_is_missed_unless_it_was_left_out() {
        let mut found = Found::default();
        found.leave_out([GATEWAY_AGAINST_GO], "not here");
        found.complete("gateway");
        let verdicts: Vec<_> =
            found.claims.iter().map(|claim| (claim.figure, claim.verdict)).collect();
        assert_eq!(verdicts, [(GATEWAY_AGAINST_NGINX, Verdict::NotMeasured)]);
        found.complete("gateway");
        assert_eq!(found.claims.len(), 1);
        let told = summary([&found].into_iter());
        assert!(told.contains("NOT MEASURED") && told.contains("left out: not here"), "{told}");
    }
}
