//! Copies of what the statements look at, side by side in one SQLite that belongs to one look.
//!
//! Each database is attached under its name as a temporary one of its own, in memory until it grows too large
//! for that, then in a file without a name. SQLite drops it with the connection.

use boxoffice_ticket::SlotName;
use kernel::Timestamp;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Error, Executor, QueryBuilder, Row, Sqlite};

use super::tables::{DATABASES, Kind, Table};

/// One value on its way.
pub(super) enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
}

/// The copies.
pub(super) struct Scratch(pub(super) SqliteConnection);

impl Scratch {
    /// An empty one, with these tables.
    pub(super) async fn with(tables: &[Table]) -> Result<Self, String> {
        let failed = |error: Error| format!("preparing temporary tables: {error}");
        let options = SqliteConnectOptions::new().filename("").disable_statement_logging();
        let mut connection = options.connect().await.map_err(failed)?;
        let mut statements = Vec::new();
        for database in DATABASES {
            statements.push(format!("ATTACH DATABASE '' AS {database}"));
            // It is thrown away when anything goes wrong: nothing is ever rolled back.
            statements.push(format!("PRAGMA {database}.journal_mode = OFF"));
            statements.push(format!("PRAGMA {database}.synchronous = OFF"));
            statements.push(format!("CREATE TABLE {database}.clock (now_us INTEGER NOT NULL)"));
        }
        statements.extend(tables.iter().map(|table| {
            let columns = table.columns().map(|(name, kind)| match kind {
                Kind::Text => format!("{name} TEXT"),
                Kind::Number | Kind::Presence => format!("{name} INTEGER"),
            });
            let columns = columns.collect::<Vec<_>>().join(", ");
            format!("CREATE TABLE {}.{} ({columns})", table.database, table.name)
        }));
        for statement in statements {
            connection.execute(AssertSqlSafe(statement)).await.map_err(failed)?;
        }
        Ok(Self(connection))
    }

    /// Says what time it is by a database's own clock.
    pub(super) async fn set_clock(&mut self, database: &str, now: Timestamp) -> Result<(), String> {
        let insert = format!("INSERT INTO {database}.clock VALUES ({})", now.as_micros());
        let inserted = self.0.execute(AssertSqlSafe(insert)).await;
        inserted.map(drop).map_err(|error| error.to_string())
    }

    /// Adds rows to the copy of a table.
    pub(super) async fn insert(&mut self, table: &Table, rows: &[Vec<Cell>]) -> Result<(), String> {
        if rows.is_empty() {
            return Ok(());
        }
        let into = format!("INSERT INTO {}.{} ", table.database, table.name);
        let mut insert = QueryBuilder::<Sqlite>::new(into);
        insert.push_values(rows, |mut values, row| {
            for cell in row {
                match cell {
                    Cell::Text(text) => values.push_bind(text.as_deref()),
                    Cell::Number(number) => values.push_bind(*number),
                };
            }
        });
        let inserted = insert.build().execute(&mut self.0).await;
        inserted.map(drop).map_err(|error| format!("copying: {error}"))
    }

    /// The first column of what a statement finds, in its order and at most so many, and the slot that it names where
    /// it names one.
    pub(super) async fn find(
        &mut self,
        sql: &str,
        rows_max: usize,
    ) -> Result<Vec<(String, Option<SlotName>)>, Error> {
        let sql = format!("SELECT * FROM ({sql}) ORDER BY 1 LIMIT {rows_max}");
        let rows = self.0.fetch_all(AssertSqlSafe(sql)).await?;
        rows.iter().map(found).collect()
    }
}

fn found(row: &SqliteRow) -> Result<(String, Option<SlotName>), Error> {
    let slot = match (row.try_get("ticket_id"), row.try_get("slot")) {
        (Ok(ticket_id), Ok(slot)) => Some(SlotName { ticket_id, slot }),
        (Err(Error::ColumnNotFound(_)), _) | (_, Err(Error::ColumnNotFound(_))) => None,
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    Ok((row.try_get(0)?, slot))
}
