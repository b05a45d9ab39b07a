//! A message that is told again is no repeat that the bus may drop.

use sea_orm_migration::prelude::*;

use crate::steps::add_column;
use crate::tables::Outbox;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let told_again = ColumnDef::new(Outbox::ToldAgain).integer().not_null().default(0).take();
        add_column(manager, Outbox::Table, told_again).await
    }
}
