//! What was learned of recipients.

use sea_orm_database::create_table;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Recipient {
    Table,
    Kind,
    Name,
    Locale,
    LearnedAtUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Recipient::Table)
            .col(ColumnDef::new(Recipient::Kind).string_len(16).not_null())
            .col(ColumnDef::new(Recipient::Name).string_len(128).not_null())
            .col(ColumnDef::new(Recipient::Locale).string_len(8).not_null())
            .col(ColumnDef::new(Recipient::LearnedAtUs).big_integer().not_null())
            .primary_key(Index::create().col(Recipient::Kind).col(Recipient::Name))
            .check(Expr::col(Recipient::Kind).is_in(["BUYER", "ORGANIZER"]))
            .check(Expr::col(Recipient::Locale).is_in(["en", "ko"]))
            .to_owned();
        create_table(manager, table).await
    }
}
