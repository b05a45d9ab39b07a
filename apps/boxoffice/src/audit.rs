//! `boxoffice audit`: the invariants, checked on the databases of a data folder, running or not.
//!
//! Reads only. What is under way may look wrong for a moment, so a finding counts only if a second
//! look, `grace_secs` later, finds it again.

mod statements;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use runtime::Settings;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr};

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
pub async fn audit(settings: &Settings, grace_secs: u64, say: &mut (dyn FnMut(&str) + Send)) -> ExitCode {
    match findings(settings, grace_secs).await {
        Ok(found) if found.is_empty() => {
            say(&format!("clean: {} checks found nothing", checks().len()));
            ExitCode::SUCCESS
        }
        Ok(found) => {
            for Finding { check, id } in &found {
                let rule = checks().into_iter().find(|known| known.id == *check).map_or("", |known| known.rule);
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

async fn findings(settings: &Settings, grace_secs: u64) -> Result<BTreeSet<Finding>, DbErr> {
    let databases = open(settings).await?;
    let first = look(&databases).await?;
    if first.is_empty() {
        return Ok(first);
    }
    tokio::time::sleep(Duration::from_secs(grace_secs)).await;
    let second = look(&databases).await?;
    Ok(first.intersection(&second).cloned().collect())
}

/// One connection that sees all databases, each under its own name.
async fn open(settings: &Settings) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await?;
    for name in DATABASES {
        let file = settings.data_dir.join(format!("{name}.db"));
        if !file.exists() {
            return Err(DbErr::Custom(format!("{} does not exist", file.display())));
        }
        let file = file.display().to_string().replace('\'', "''");
        connection.execute_unprepared(&format!("ATTACH DATABASE '{file}' AS {name}")).await?;
    }
    connection.execute_unprepared("PRAGMA query_only = ON").await?;
    Ok(connection)
}

async fn look(databases: &DatabaseConnection) -> Result<BTreeSet<Finding>, DbErr> {
    let mut found = BTreeSet::new();
    for Check { id: check, sql, .. } in checks() {
        let statement = sea_orm::Statement::from_string(databases.get_database_backend(), sql);
        let rows = databases.query_all_raw(statement).await;
        let rows = rows.map_err(|error| DbErr::Custom(format!("{check}: {error}")))?;
        for row in rows {
            found.insert(Finding { check, id: row.try_get_by_index(0)? });
        }
    }
    Ok(found)
}
