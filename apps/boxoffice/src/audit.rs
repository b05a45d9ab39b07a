//! `boxoffice audit`: the invariants, checked on the databases of a data folder, running or not.
//!
//! Reads only. What is under way may look wrong for a moment, so a finding counts only if a second
//! look, `grace_secs` later, finds it again.

mod statements;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use runtime::Settings;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};

use statements::{Check, checks};

/// The databases, by the name the statements know them by.
const DATABASES: [&str; 6] = ["ticket", "booking", "payment", "notification", "mypage", "provider"];
const VIOLATED: u8 = 1;
const NOT_CHECKED: u8 = 2;

/// One thing that should not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    check: &'static str,
    id: String,
}

/// Checks every invariant and says what is violated. Exit code 0: nothing; 1: something; 2: could not check.
pub async fn audit(
    settings: &Settings,
    grace_secs: u64,
    say: &mut (dyn FnMut(&str) + Send),
) -> ExitCode {
    match findings(settings, grace_secs).await {
        Ok(found) if found.is_empty() => {
            say(&format!("clean: {} checks found nothing", checks().len()));
            ExitCode::SUCCESS
        }
        Ok(found) => {
            for Finding { check, id } in &found {
                let rule = checks()
                    .into_iter()
                    .find(|known| known.id == *check)
                    .map_or("", |known| known.rule);
                say(&format!("{check}  {id}  {rule}"));
            }
            say(&format!("{} violations", found.len()));
            ExitCode::from(VIOLATED)
        }
        Err(error) => {
            say(&format!("could not check: {error}"));
            ExitCode::from(NOT_CHECKED)
        }
    }
}

async fn findings(settings: &Settings, grace_secs: u64) -> Result<BTreeSet<Finding>, String> {
    let mut databases = open(settings).await?;
    let first = look(&mut databases).await?;
    if first.is_empty() {
        return Ok(first);
    }
    tokio::time::sleep(Duration::from_secs(grace_secs)).await;
    let second = look(&mut databases).await?;
    Ok(first.intersection(&second).cloned().collect())
}

/// One connection that sees all databases, each under its own name. A pool will not do: what is attached
/// belongs to the connection.
async fn open(settings: &Settings) -> Result<SqliteConnection, String> {
    let files = DATABASES.map(|name| (name, settings.data_dir.join(format!("{name}.db"))));
    if let Some((_, missing)) = files.iter().find(|(_, file)| !file.exists()) {
        return Err(format!("{} does not exist", missing.display()));
    }
    // What it is opened on matters not, but for one thing: to a database in memory others are attached
    // in memory too.
    let [(_, any), ..] = &files;
    let options = SqliteConnectOptions::new().filename(any).disable_statement_logging();
    let mut connection = options.connect().await.map_err(|error| error.to_string())?;
    for (name, file) in &files {
        let path = file.display().to_string().replace('\'', "''");
        let attach = AssertSqlSafe(format!("ATTACH DATABASE '{path}' AS {name}"));
        connection.execute(attach).await.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    connection.execute("PRAGMA query_only = ON").await.map_err(|error| error.to_string())?;
    Ok(connection)
}

async fn look(databases: &mut SqliteConnection) -> Result<BTreeSet<Finding>, String> {
    let mut found = BTreeSet::new();
    for Check { id: check, sql, .. } in checks() {
        let rows = databases.fetch_all(AssertSqlSafe(sql)).await;
        for row in rows.map_err(|error| format!("{check}: {error}"))? {
            let id = row.try_get(0).map_err(|error| format!("{check}: {error}"))?;
            found.insert(Finding { check, id });
        }
    }
    Ok(found)
}
