//! What a database's error means for the transaction that met it.

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

use super::mysql;

/// Refusals by the engine after which the same transaction, run again, may succeed (F15).
const POSTGRES_SERIALIZATION_DEADLOCK_LOCK: [&str; 3] = ["40001", "40P01", POSTGRES_LOCK_WAIT];
const POSTGRES_LOCK_WAIT: &str = "55P03";
/// Mostly by its statement_timeout.
const POSTGRES_CANCELLED: &str = "57014";
const POSTGRES_ADMIN_SHUTDOWN_CRASH_STARTING: [&str; 3] = ["57P01", "57P02", "57P03"];
const MYSQL_DEADLOCK_LOCK_WAIT_SNAPSHOT: [u16; 3] = [1213, MYSQL_LOCK_WAIT, 1020];
const MYSQL_LOCK_WAIT: u16 = 1205;
const POSTGRES_NO_TABLE: &str = "42P01";
const MYSQL_NO_TABLE: u16 = 1146;
const MYSQL_COLUMN_THERE: u16 = 1060;
const MYSQL_INDEX_THERE: u16 = 1061;
const MARIADB_MYSQL_OUT_OF_TIME: [u16; 2] = [1969, 3024];
const MYSQL_SHUTDOWN_KILLED: [u16; 2] = [1053, 1927];
/// A key that is there already, and text that the column's character set does not have.
const MYSQL_REPEATING: [u16; 2] = [1062, 1366];
/// The class of SQLSTATE of data that does not fit.
const DOES_NOT_FIT: &str = "22";
const SQL_STATE_CHARS: usize = 5;
const SQLITE_BUSY_RECOVERY_SNAPSHOT: [&str; 3] = ["5", "261", "517"];

/// Whether the same transaction, run again from its beginning, may succeed. A unique key that the
/// transaction did not expect to be taken is a race with another one: the second run sees the winner's row.
pub(crate) fn is_passing(error: &DbErr) -> bool {
    let Some(source) = source(error) else { return false };
    if matches!(source, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed)
    {
        return true;
    }
    let Some(refusal) = source.as_database_error() else { return false };
    if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
        return true;
    }
    match mysql::number(source) {
        Some(number) => is_passing_number(number),
        None => refusal.code().is_some_and(|code| is_passing_code(&code)),
    }
}

/// Whether the database has answered a statement, if only with its refusal.
pub(crate) fn is_answer(error: &DbErr) -> bool {
    source(error).is_some_and(|source| source.as_database_error().is_some())
}

/// Whether a transaction waited too long for another one's lock: too many want the same row.
pub(crate) fn is_lock_wait(error: &DbErr) -> bool {
    let Some(source) = source(error) else { return false };
    let sqlx::Error::Database(refusal) = source else { return false };
    match mysql::number(source) {
        Some(number) => number == MYSQL_LOCK_WAIT,
        None => refusal.code().is_some_and(|code| code == POSTGRES_LOCK_WAIT),
    }
}

/// Whether the database ended a statement that took longer than it was given.
#[must_use]
pub fn is_out_of_time(error: &DbErr) -> bool {
    let Some(source) = source(error) else { return false };
    let sqlx::Error::Database(refusal) = source else { return false };
    match mysql::number(source) {
        Some(number) => MARIADB_MYSQL_OUT_OF_TIME.contains(&number),
        None => refusal.code().is_some_and(|code| code == POSTGRES_CANCELLED),
    }
}

/// Whether a query named a table that is not there.
pub(crate) fn is_table_missing(error: &DbErr) -> bool {
    let Some(source) = source(error) else { return false };
    let sqlx::Error::Database(refusal) = source else { return false };
    match mysql::number(source) {
        Some(number) => number == MYSQL_NO_TABLE,
        None => refusal.code().is_some_and(|code| code == POSTGRES_NO_TABLE),
    }
}

/// Whether MySQL has an index of this name already. (The others undo what did not come to its end.)
pub(crate) fn is_index_there(error: &DbErr) -> bool {
    source(error).and_then(mysql::number) == Some(MYSQL_INDEX_THERE)
}

/// Whether MySQL has a column of this name already.
pub(crate) fn is_column_there(error: &DbErr) -> bool {
    source(error).and_then(mysql::number) == Some(MYSQL_COLUMN_THERE)
}

/// The error's text, for logs and traces. One of a statement that was refused for what it wants to store repeats
/// that, which may be somebody's name or address: of such only the code is told.
pub(crate) fn without_values(error: &DbErr) -> String {
    let refusal = source(error).and_then(sqlx::Error::as_database_error);
    let Some(refusal) = refusal else { return error.to_string() };
    let number = source(error).and_then(mysql::number);
    match refusal.code() {
        Some(code) if repeats_values(&code, number) => {
            let number = number.map(|number| format!(" ({number})")).unwrap_or_default();
            format!("the database refuses a value: code {code}{number}")
        }
        _ => error.to_string(),
    }
}

/// PostgreSQL's texts of broken constraints name the constraint and leave the values to the details, which nobody reads.
fn repeats_values(sql_state: &str, number: Option<u16>) -> bool {
    // SQLite's codes are numbers too, of at most four digits, and its texts name columns only.
    let does_not_fit = sql_state.len() == SQL_STATE_CHARS && sql_state.starts_with(DOES_NOT_FIT);
    does_not_fit || number.is_some_and(|number| MYSQL_REPEATING.contains(&number))
}

fn source(error: &DbErr) -> Option<&sqlx::Error> {
    if let DbErr::Exec(RuntimeErr::SqlxError(source))
    | DbErr::Query(RuntimeErr::SqlxError(source))
    | DbErr::Conn(RuntimeErr::SqlxError(source)) = error
    {
        return Some(source);
    }
    None
}

fn is_passing_number(number: u16) -> bool {
    MYSQL_DEADLOCK_LOCK_WAIT_SNAPSHOT.contains(&number) || MYSQL_SHUTDOWN_KILLED.contains(&number)
}

fn is_passing_code(code: &str) -> bool {
    POSTGRES_SERIALIZATION_DEADLOCK_LOCK.contains(&code)
        || POSTGRES_ADMIN_SHUTDOWN_CRASH_STARTING.contains(&code)
        || SQLITE_BUSY_RECOVERY_SNAPSHOT.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g03_refused_values_are_known_by_the_code() {
        for (code, number) in [("22P02", None), ("23000", Some(1062)), ("HY000", Some(1366))] {
            assert!(repeats_values(code, number), "{code} {number:?}");
        }
        let telling = [
            ("23505", None),
            ("23514", None),
            ("23000", Some(4025)),
            ("2067", None),
            ("53100", None),
        ];
        for (code, number) in telling {
            assert!(!repeats_values(code, number), "{code} {number:?}");
        }
    }

    #[test]
    fn f15_what_passes_is_known_by_its_code() {
        for code in ["5", "261", "517", "40001", "40P01", "55P03", "57P01"] {
            assert!(is_passing_code(code), "{code}");
        }
        for code in ["", "1", "13", "23505", "57014", "1555", "2067"] {
            assert!(!is_passing_code(code), "{code}");
        }
        for number in [1205, 1213, 1020, 1053] {
            assert!(is_passing_number(number), "{number}");
        }
        for number in [1062, 1064, 1049] {
            assert!(!is_passing_number(number), "{number}");
        }
    }
}
