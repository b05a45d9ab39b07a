//! Leases: who leads what, until when.

use sea_orm_migration::prelude::*;

use crate::steps::create_table;
use crate::tables::Lease;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Lease::Table)
            .col(ColumnDef::new(Lease::Name).string_len(64).not_null().primary_key())
            .col(ColumnDef::new(Lease::Owner).string_len(191).not_null())
            .col(ColumnDef::new(Lease::Epoch).big_integer().not_null())
            .col(ColumnDef::new(Lease::UntilUs).big_integer().not_null())
            .check(Expr::col(Lease::Epoch).gte(1))
            .to_owned();
        create_table(manager, table).await
    }
}
