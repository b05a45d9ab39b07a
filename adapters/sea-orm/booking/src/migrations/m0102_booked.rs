//! Bookings of seats and nights, and refusals in the words of who refused. Rows from before are of units.

use sea_orm_database::add_column;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum Booking {
    Table,
    Seats,
    CheckIn,
    CheckOut,
    Refusal,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            ColumnDef::new(Booking::Seats).json().take(),
            // A civil date as YYYY-MM-DD, which no engine or zone can shift (trap R25).
            ColumnDef::new(Booking::CheckIn).string_len(10).take(),
            ColumnDef::new(Booking::CheckOut).string_len(10).take(),
            ColumnDef::new(Booking::Refusal).blob().take(),
        ] {
            add_column(manager, Booking::Table, column).await?;
        }
        Ok(())
    }
}
