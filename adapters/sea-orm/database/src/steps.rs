//! Steps of migrations that can be taken again: on MySQL a migrator that is killed leaves what its
//! statements did so far.

use sea_orm::DbBackend;
use sea_orm::sea_query::{
    ColumnDef, ColumnType, IndexCreateStatement, IntoIden, IntoTableRef, Table,
    TableCreateStatement,
};
use sea_orm_migration::SchemaManager;
use sea_orm_migration::prelude::DbErr;

use crate::engine::{is_column_there, is_index_there};

/// Creates a table unless it is there.
///
/// # Errors
/// The database's.
pub async fn create_table(
    manager: &SchemaManager<'_>,
    mut table: TableCreateStatement,
) -> Result<(), DbErr> {
    manager.create_table(table.if_not_exists().take()).await
}

/// Adds a column to a table unless it is there.
///
/// # Errors
/// The database's.
pub async fn add_column(
    manager: &SchemaManager<'_>,
    table: impl IntoTableRef,
    mut column: ColumnDef,
) -> Result<(), DbErr> {
    match manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await {
        Err(error) if is_column_there(&error) => Ok(()),
        added => added,
    }
}

/// Creates an index unless it is there.
///
/// # Errors
/// The database's.
pub async fn create_index(
    manager: &SchemaManager<'_>,
    index: IndexCreateStatement,
) -> Result<(), DbErr> {
    match manager.create_index(index).await {
        Err(error) if is_index_there(&error) => Ok(()),
        created => created,
    }
}

/// A column for bytes that may be more than MySQL's BLOB holds, which are 64 KiB.
pub fn long_blob(manager: &SchemaManager<'_>, column: impl IntoIden) -> ColumnDef {
    let bytes = match manager.get_database_backend() {
        DbBackend::MySql => ColumnType::custom("mediumblob"),
        DbBackend::Postgres | DbBackend::Sqlite | _ => ColumnType::Blob,
    };
    ColumnDef::new_with_type(column, bytes)
}
