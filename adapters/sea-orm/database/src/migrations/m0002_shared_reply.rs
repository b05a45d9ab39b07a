//! Reply records: what callers' idempotency keys were answered.

use sea_orm_migration::prelude::*;

use crate::steps::{create_index, create_table, long_blob};
use crate::tables::Reply;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Reply::Table)
            .col(ColumnDef::new(Reply::Scope).string_len(255).not_null())
            .col(ColumnDef::new(Reply::Key).string_len(255).not_null())
            .col(ColumnDef::new(Reply::Fingerprint).blob().not_null())
            .col(ColumnDef::new(Reply::ResourceId).string_len(191).not_null())
            .col(&mut long_blob(manager, Reply::Body))
            .col(ColumnDef::new(Reply::CreatedAtUs).big_integer().not_null())
            .primary_key(Index::create().col(Reply::Scope).col(Reply::Key))
            // An answer that is still to come must be findable by its resource.
            .check(Expr::col(Reply::Body).is_not_null().or(Expr::col(Reply::ResourceId).ne("")))
            .to_owned();
        create_table(manager, table).await?;
        for (name, column) in
            [("reply_resource", Reply::ResourceId), ("reply_created_at", Reply::CreatedAtUs)]
        {
            let index = Index::create().name(name).table(Reply::Table).col(column).to_owned();
            create_index(manager, index).await?;
        }
        Ok(())
    }
}
