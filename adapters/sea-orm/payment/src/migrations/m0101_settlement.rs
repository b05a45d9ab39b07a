//! One row for each booking's money. `due_at_us` is its timer and, while a call is under way, the
//! call's lease; null at rest.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Settlement {
    Table,
    BookingId,
    Voided,
    DueAtUs,
    Revision,
    EventVersion,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Settlement::Table)
            .col(ColumnDef::new(Settlement::BookingId).string_len(36).not_null().primary_key())
            .col(ColumnDef::new(Settlement::Voided).boolean().not_null())
            .col(ColumnDef::new(Settlement::DueAtUs).big_integer())
            .col(ColumnDef::new(Settlement::Revision).big_integer().not_null())
            .col(ColumnDef::new(Settlement::EventVersion).big_integer().not_null())
            .check(Expr::col(Settlement::Revision).gte(1))
            .check(Expr::col(Settlement::EventVersion).gte(0))
            .to_owned();
        create_table(manager, table).await?;
        let due = Index::create()
            .name("settlement_due")
            .table(Settlement::Table)
            .col(Settlement::DueAtUs)
            .to_owned();
        create_index(manager, due).await
    }
}
