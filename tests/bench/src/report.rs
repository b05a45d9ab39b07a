//! The results: a table for people, a file for who compares them with others.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::Plan;
use crate::measurement::Measurement;
use crate::ratios::{Comparison, Ratio};

/// What is told of a measurement: its name, how it is read, and whether more of it is better.
type Number = (&'static str, fn(&Measurement) -> f64);

const NUMBERS: [Number; 4] = [
    ("per_second", |measured| measured.per_second),
    ("median_ms", |measured| measured.median_ms),
    ("p99_ms", |measured| measured.p99_ms),
    ("cpu_ms_each", |measured| measured.cpu_ms_each),
];

/// The middles of both ways, and the ratios of the pairs.
pub(crate) fn table(comparison: &Comparison) -> String {
    let Comparison { benchmark, callers, baseline, ours, pairs } = comparison;
    let mut table = format!(
        "\n{benchmark}, {callers} callers: medians of {} pairs\n\
         {:<20} {baseline:>10} {ours:>10} {:>12}  lowest to highest\n",
        pairs.len(),
        "",
        "ratio"
    );
    for (name, number) in NUMBERS {
        let Ratio { median, lowest, highest } = comparison.ratio(number);
        let baseline = comparison.middle(|pair| number(&pair.baseline));
        let ours = comparison.middle(|pair| number(&pair.ours));
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "{name:<20} {baseline:>10.2} {ours:>10.2} {median:>12.3}  {lowest:.3} to {highest:.3}"
        );
    }
    let failed: usize = pairs.iter().map(|pair| pair.baseline.failed + pair.ours.failed).sum();
    let _ = writeln!(table, "{failed} calls failed");
    table
}

/// Writes them as JSON and gives the file.
pub(crate) fn keep(plan: &Plan, comparison: &Comparison) -> Result<PathBuf, String> {
    let ratios: serde_json::Map<_, _> = NUMBERS
        .iter()
        .map(|(name, number)| ((*name).to_owned(), json!(comparison.ratio(number))))
        .collect();
    let results = json!({
        "benchmark": comparison.benchmark,
        "optimized": !cfg!(debug_assertions),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "callers": comparison.callers,
        "ratios": ratios,
        "pairs": comparison.pairs,
    });
    let file = plan.results.join(format!("{}-{}.json", comparison.benchmark, comparison.callers));
    let text = serde_json::to_string_pretty(&results).map_err(|error| error.to_string())?;
    fs::create_dir_all(&plan.results)
        .and_then(|()| fs::write(&file, text + "\n"))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}
