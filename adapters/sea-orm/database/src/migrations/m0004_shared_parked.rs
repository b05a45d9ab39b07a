//! Messages that the bus refuses are set aside, and what was set aside can be tried again.

use sea_orm_migration::prelude::*;

use crate::steps::{add_column, create_index};
use crate::tables::{DeadLetter, Outbox};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let refusals = ColumnDef::new(Outbox::Refusals).integer().not_null().default(0).take();
        add_column(manager, Outbox::Table, refusals).await?;
        let parked_at = ColumnDef::new(Outbox::ParkedAtUs).big_integer().take();
        add_column(manager, Outbox::Table, parked_at).await?;
        let parked = Index::create()
            .name("outbox_parked")
            .table(Outbox::Table)
            .col(Outbox::ParkedAtUs)
            .to_owned();
        create_index(manager, parked).await?;
        let retry_at = ColumnDef::new(DeadLetter::RetryAtUs).big_integer().take();
        add_column(manager, DeadLetter::Table, retry_at).await?;
        let tries = ColumnDef::new(DeadLetter::Tries).integer().not_null().default(0).take();
        add_column(manager, DeadLetter::Table, tries).await
    }
}
