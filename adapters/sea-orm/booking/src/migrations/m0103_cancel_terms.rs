//! Until when a booking may be cancelled, and what is kept of its price. Bookings from before are free at any time.

use sea_orm_database::add_column;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum Booking {
    Table,
    CancelFreeUntilUs,
    CancelFeePercent,
    CancelNotAfterUs,
    CancelFeeMinor,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let instant = |column: Booking| ColumnDef::new(column).big_integer().take();
        // An older server beside leaves them out of what it inserts.
        let count =
            |column: Booking| ColumnDef::new(column).big_integer().not_null().default(0).take();
        for column in [
            instant(Booking::CancelFreeUntilUs),
            count(Booking::CancelFeePercent),
            instant(Booking::CancelNotAfterUs),
            count(Booking::CancelFeeMinor),
        ] {
            add_column(manager, Booking::Table, column).await?;
        }
        Ok(())
    }
}
