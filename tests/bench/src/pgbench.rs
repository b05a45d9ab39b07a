//! PostgreSQL's own load generator, with 256 holds a transaction: what the database does where no server of ours stands
//! before it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{fs, iter};

use contract::Fresh;
use servers::{Scratch, postgres_program};
use tokio::task::block_in_place;

use crate::in_server::database_processes;
use crate::measurement::Measurement;
use crate::processor::Watch;

/// As each transaction of the scripts says.
const HOLDS_EACH: usize = 256;

/// SQL that holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    /// What is made once, beside the tables that are there.
    pub(crate) tables: &'static str,
    /// What is repeated.
    pub(crate) transaction: &'static str,
    /// How many holds there are.
    pub(crate) counted: &'static str,
}

/// Holds with so many connections for so long. A hold has waited for as long as its transaction.
pub(crate) async fn measure(
    fresh: &Fresh,
    script: Script,
    connections: u16,
    time: Duration,
) -> Measurement {
    let scratch = Scratch::fresh("pgbench").unwrap_or_else(|error| panic!("{error}"));
    let written = |name: &str, sql: &str| {
        let file = scratch.path().join(name);
        fs::write(&file, sql).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        file
    };
    let (tables, transaction) =
        (written("tables.sql", script.tables), written("transaction.sql", script.transaction));
    let connections = connections.to_string();
    let once = ["-t", "1"].map(str::to_owned);
    run(fresh, &tables, &once);
    let seconds = |time: Duration| {
        let seconds = time.as_secs().to_string();
        ["-M", "prepared", "-c", &connections, "-T", &seconds].map(str::to_owned)
    };
    run(fresh, &transaction, &seconds(Duration::from_secs(1)));
    let before: i64 = fresh.value(script.counted).await;
    let log = format!("--log-prefix={}", scratch.path().join("log").display());
    let logged = [vec!["-l".to_owned(), log], seconds(time).into()].concat();
    let watch = Watch::begin(database_processes("postgres"));
    run(fresh, &transaction, &logged);
    let used = watch.end();
    let after: i64 = fresh.value(script.counted).await;
    let waits: Vec<_> = transactions(scratch.path())
        .into_iter()
        .flat_map(|took| iter::repeat_n(took, HOLDS_EACH))
        .collect();
    assert_eq!(usize::try_from(after - before), Ok(waits.len()), "rows and what pgbench has told");
    Measurement::of(waits, 0, time, &used)
}

fn run(fresh: &Fresh, script: &Path, arguments: &[String]) {
    let program = postgres_program("pgbench").unwrap_or_else(|error| panic!("{error}"));
    let mut pgbench = Command::new(program);
    pgbench.arg("-n").args(arguments).arg("-f").arg(script).arg(fresh.url.to_string());
    let ended = block_in_place(|| pgbench.output());
    let ended = ended.unwrap_or_else(|error| panic!("pgbench: {error}"));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "pgbench ended with {}: {said}", ended.status);
}

/// How long each took: the third word of each line of its logs, in microseconds.
fn transactions(folder: &Path) -> Vec<Duration> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let logs = files.filter(|file| file.file_name().to_string_lossy().starts_with("log"));
    let text: String = logs.filter_map(|log| fs::read_to_string(log.path()).ok()).collect();
    let took = |line: &str| line.split(' ').nth(2)?.parse().ok().map(Duration::from_micros);
    text.lines().filter_map(took).collect()
}
