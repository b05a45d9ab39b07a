//! What is not at rest is counted every few seconds: found by its status.

use sea_orm_database::create_index;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Payment {
    Table,
    Status,
}

#[derive(DeriveIden)]
enum Refund {
    Table,
    Status,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let payments = Index::create()
            .name("payment_status")
            .table(Payment::Table)
            .col(Payment::Status)
            .to_owned();
        create_index(manager, payments).await?;
        let refunds = Index::create()
            .name("refund_status")
            .table(Refund::Table)
            .col(Refund::Status)
            .to_owned();
        create_index(manager, refunds).await
    }
}
