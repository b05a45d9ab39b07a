//! What a ticket says about cancelling. Tickets from before say nothing: free at any time.

use sea_orm_database::add_column;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum Ticket {
    Table,
    CancelFreeBeforeUs,
    CancelFeePercent,
    CancelClosedBeforeUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in
            [Ticket::CancelFreeBeforeUs, Ticket::CancelFeePercent, Ticket::CancelClosedBeforeUs]
        {
            let column = ColumnDef::new(column).big_integer().take();
            add_column(manager, Ticket::Table, column).await?;
        }
        Ok(())
    }
}
