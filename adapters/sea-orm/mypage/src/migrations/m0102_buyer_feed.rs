//! The number of the last change of each buyer's rows.

use sea_orm_database::create_table;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum BuyerFeed {
    Table,
    BuyerId,
    LastChange,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(BuyerFeed::Table)
            .col(ColumnDef::new(BuyerFeed::BuyerId).string_len(128).not_null().primary_key())
            .col(ColumnDef::new(BuyerFeed::LastChange).big_integer().not_null())
            .check(Expr::col(BuyerFeed::LastChange).gte(1))
            .to_owned();
        create_table(manager, table).await
    }
}
