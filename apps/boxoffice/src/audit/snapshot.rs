//! A database of any engine as it was at one moment, read through one transaction.

use futures::TryStreamExt;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult, StreamTrait};
use sea_orm_database::{Database, database_now};

use super::scratch::{Cell, Scratch};
use super::tables::{Kind, Table};

/// Rows that are on their way from a database to the scratch at a time.
const CHUNK_ROWS: usize = 500;

/// A database as it was at one moment.
pub(super) struct Snapshot(DatabaseTransaction);

impl Snapshot {
    /// Takes it now: what is committed later is not seen.
    pub(super) async fn take(database: &Database) -> Result<Self, DbErr> {
        database.reader().snapshot().await.map(Self)
    }

    /// Copies the database's own time, by which its deadlines are missed or not, and then the tables.
    pub(super) async fn copy<'a>(
        &self,
        database: &'static str,
        tables: impl Iterator<Item = &'a Table>,
        scratch: &mut Scratch,
    ) -> Result<(), String> {
        let now = database_now(&self.0).await.map_err(|error| error.to_string())?;
        scratch.set_clock(database, now).await?;
        for table in tables {
            self.copy_table(table, scratch)
                .await
                .map_err(|error| format!("{}: {error}", table.name))?;
        }
        Ok(())
    }

    async fn copy_table(&self, table: &Table, scratch: &mut Scratch) -> Result<(), String> {
        let failed = |error: DbErr| error.to_string();
        let select = select(table, ConnectionTrait::get_database_backend(&self.0));
        let mut rows = self.0.stream(&select).await.map_err(failed)?;
        let mut chunk = Vec::with_capacity(CHUNK_ROWS);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            chunk.push(cells(table, &row).map_err(failed)?);
            if chunk.len() == CHUNK_ROWS {
                scratch.insert(table, &chunk).await?;
                chunk.clear();
            }
        }
        scratch.insert(table, &chunk).await
    }
}

/// The engine itself makes texts of its texts and 64-bit numbers of its numbers, so that all engines' rows are
/// read alike.
fn select(table: &Table, backend: DbBackend) -> SelectStatement {
    let (text, number) = match backend {
        DbBackend::MySql => ("CHAR", "SIGNED"),
        DbBackend::Postgres => ("TEXT", "BIGINT"),
        DbBackend::Sqlite | _ => ("TEXT", "INTEGER"),
    };
    let mut query = Query::select();
    query.from(table.name);
    for (name, kind) in table.columns() {
        let value = match kind {
            Kind::Text => Expr::col(name).cast_as(Alias::new(text)),
            Kind::Number => Expr::col(name).cast_as(Alias::new(number)),
            Kind::Presence => Expr::cust(format!("CASE WHEN {name} IS NULL THEN NULL ELSE 1 END"))
                .cast_as(Alias::new(number)),
        };
        query.expr_as(value, name);
    }
    query
}

fn cells(table: &Table, row: &QueryResult) -> Result<Vec<Cell>, DbErr> {
    let cell = |(at, (_, kind)): (usize, (&str, Kind))| match kind {
        Kind::Text => row.try_get_by_index(at).map(Cell::Text),
        Kind::Number | Kind::Presence => row.try_get_by_index(at).map(Cell::Number),
    };
    table.columns().enumerate().map(cell).collect()
}
