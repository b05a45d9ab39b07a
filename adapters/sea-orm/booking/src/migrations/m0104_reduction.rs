//! The part of a confirmed booking that is on its way back. Of bookings from before there is none.

use sea_orm_database::add_column;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum Booking {
    Table,
    ReductionDueMinor,
    ReductionMoney,
    ReductionStock,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            ColumnDef::new(Booking::ReductionDueMinor).big_integer().take(),
            ColumnDef::new(Booking::ReductionMoney).string_len(32).take(),
            ColumnDef::new(Booking::ReductionStock).string_len(32).take(),
        ] {
            add_column(manager, Booking::Table, column).await?;
        }
        Ok(())
    }
}
