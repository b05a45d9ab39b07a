//! `boxoffice audit`: the invariants, checked over the databases of a platform, running or not.
//!
//! Reads only, unless it is told to repair. Each database, whatever its engine, is copied as it is at one moment, all
//! at nearly the same one, and the statements run over the copies. What is under way may look wrong for a moment, so
//! a finding counts only if a second look, `grace_secs` later, finds it again.

mod explanation;
mod repair;
mod scratch;
mod snapshot;
mod statements;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use boxoffice_ticket::SlotName;
use clap::Args;
use runtime::{PaymentProvider, Settings};
use sea_orm_database::Database;
use serde_json::json;

use crate::databases::DatabaseArguments;
use explanation::Explanation;
use scratch::Scratch;
use snapshot::Snapshot;
use statements::{Check, checks};
use tables::{DATABASES, tables};

const VIOLATED: u8 = 1;
const NOT_CHECKED: u8 = 2;
/// What is told of one check at most, so that a broken database does not fill the memory.
const FINDINGS_MAX: usize = 10_000;
/// The books of the simulated provider, and the checks that read them. A real one's are elsewhere.
const LEDGER: &str = "provider";
const OF_LEDGER: &str = "I9";

/// How to look, and where.
#[derive(Debug, Clone, Args)]
pub struct AuditArguments {
    /// How many seconds a violation must last to count: what is found is looked for once more after this time.
    /// On a platform at work give it longer than messages take to arrive
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    grace_secs: u64,

    /// Print one line of JSON: {"clean", "checks", "violations": [{"check", "id", "rule"}]}, and with --repair "slots"
    #[arg(long)]
    json: bool,

    /// Explain each slot whose counters, ledger and holds differ: what they say, which of them stands alone against
    /// the other two, which holds and entries differ, and what a repair would do. Changes nothing
    #[arg(long)]
    repair: bool,

    /// Repair: set the counters to what ledger and holds agree on, slot by slot, each under the locks of a hold. What
    /// they do not agree on is left alone, with what to do about it. Servers may go on working
    #[arg(long, requires = "repair")]
    apply: bool,

    #[command(flatten)]
    databases: DatabaseArguments,
}

/// One thing that should not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    check: &'static str,
    id: String,
    /// The slot whose accounts may explain it.
    slot: Option<SlotName>,
}

/// What was found, and what it comes from where that was asked for.
struct Findings {
    found: BTreeSet<Finding>,
    /// How many checks were made.
    checks: usize,
    explained: Option<Vec<Explanation>>,
}

/// Checks every invariant and says what is violated. Exit code 0: nothing; 1: something, repaired or not; 2: could
/// not check, or not repair.
pub async fn audit(
    settings: &Settings,
    arguments: &AuditArguments,
    say: &mut (dyn FnMut(&str) + Send),
) -> ExitCode {
    let found = findings(settings, arguments).await;
    if arguments.json {
        say(&as_json(&found));
    } else {
        as_text(&found).iter().for_each(|line| say(line));
    }
    match found {
        Ok(Findings { found, .. }) if found.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(VIOLATED),
        Err(_) => ExitCode::from(NOT_CHECKED),
    }
}

fn as_text(findings: &Result<Findings, String>) -> Vec<String> {
    match findings {
        Ok(Findings { found, checks, .. }) if found.is_empty() => {
            vec![format!("clean: {checks} checks found nothing")]
        }
        Ok(Findings { found, explained, .. }) => {
            let rules = rules();
            let line = |Finding { check, id, .. }: &Finding| {
                format!("{check}  {id}  {}", rules.get(check).copied().unwrap_or_default())
            };
            let explained = explained.iter().flatten().flat_map(Explanation::as_text);
            let count = format!("{} violations", found.len());
            found.iter().map(line).chain(explained).chain([count]).collect()
        }
        Err(error) => vec![format!("could not check: {error}")],
    }
}

fn as_json(findings: &Result<Findings, String>) -> String {
    let told = match findings {
        Ok(Findings { found, checks, explained }) => {
            let rules = rules();
            let violation = |Finding { check, id, .. }: &Finding| json!({"check": check, "id": id, "rule": rules.get(check)});
            let violations: Vec<_> = found.iter().map(violation).collect();
            let mut told =
                json!({"clean": found.is_empty(), "checks": checks, "violations": violations});
            if let (Some(explained), Some(told)) = (explained, told.as_object_mut()) {
                let slots = explained.iter().map(Explanation::as_json).collect();
                told.insert("slots".to_owned(), slots);
            }
            told
        }
        Err(error) => json!({"error": error}),
    };
    told.to_string()
}

/// What should hold, by the check's number.
fn rules() -> BTreeMap<&'static str, &'static str> {
    checks().into_iter().map(|check| (check.id, check.rule)).collect()
}

async fn findings(settings: &Settings, arguments: &AuditArguments) -> Result<Findings, String> {
    let (found, checks) = look_twice(settings, arguments).await?;
    let explained = if arguments.repair {
        Some(repair::explain(settings, &arguments.databases, &found, arguments.apply).await?)
    } else {
        None
    };
    Ok(Findings { found, checks, explained })
}

async fn look_twice(
    settings: &Settings,
    arguments: &AuditArguments,
) -> Result<(BTreeSet<Finding>, usize), String> {
    let ledger = settings.payment_provider == PaymentProvider::Simulated;
    let mut databases = Vec::new();
    for name in DATABASES.into_iter().filter(|name| ledger || *name != LEDGER) {
        let database = arguments.databases.open(settings, name).await;
        databases.push((name, database.map_err(|error| error.to_string())?));
    }
    let found = two_looks(&databases, Duration::from_secs(arguments.grace_secs)).await;
    for (_, database) in &databases {
        database.close().await;
    }
    Ok((found?, checks_over(&databases).len()))
}

/// Those that these databases can answer.
fn checks_over(databases: &[(&'static str, Database)]) -> Vec<Check> {
    let ledger = databases.iter().any(|(name, _)| *name == LEDGER);
    checks().into_iter().filter(|check| ledger || !check.id.starts_with(OF_LEDGER)).collect()
}

async fn two_looks(
    databases: &[(&'static str, Database)],
    grace: Duration,
) -> Result<BTreeSet<Finding>, String> {
    let first = look(databases).await?;
    if first.is_empty() {
        return Ok(first);
    }
    tokio::time::sleep(grace).await;
    let second = look(databases).await?;
    Ok(first.intersection(&second).cloned().collect())
}

async fn look(databases: &[(&'static str, Database)]) -> Result<BTreeSet<Finding>, String> {
    let mut snapshots = Vec::new();
    for (name, database) in databases {
        let taken = Snapshot::take(database).await;
        snapshots.push((*name, taken.map_err(|error| format!("{name}: {error}"))?));
    }
    let tables = tables();
    let mut scratch = Scratch::with(&tables).await?;
    for (name, snapshot) in snapshots {
        let of_it = tables.iter().filter(|table| table.database == name);
        let copied = snapshot.copy(name, of_it, &mut scratch).await;
        copied.map_err(|error| format!("{name}: {error}"))?;
    }
    let mut found = BTreeSet::new();
    for Check { id: check, sql, .. } in checks_over(databases) {
        let rows = scratch.find(&sql, FINDINGS_MAX).await;
        let rows = rows.map_err(|error| format!("{check}: {error}"))?;
        found.extend(rows.into_iter().map(|(id, slot)| Finding { check, id, slot }));
    }
    Ok(found)
}
