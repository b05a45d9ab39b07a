//! Outbox, inbox and dead letters.

use sea_orm_migration::prelude::*;

use crate::steps::{create_index, create_table, long_blob};
use crate::tables::{DeadLetter, Inbox, Outbox};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, outbox(long_blob(manager, Outbox::Payload))).await?;
        create_index(manager, one_writer_of_a_version()).await?;
        create_index(manager, unpublished_in_order()).await?;
        create_table(manager, inbox()).await?;
        create_index(manager, inbox_by_age()).await?;
        create_table(manager, dead_letter(long_blob(manager, DeadLetter::Payload))).await
    }
}

fn outbox(mut payload: ColumnDef) -> TableCreateStatement {
    Table::create()
        .table(Outbox::Table)
        .col(ColumnDef::new(Outbox::Seq).big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new(Outbox::Id).string_len(36).not_null().unique_key())
        .col(ColumnDef::new(Outbox::EventType).string_len(191).not_null())
        .col(ColumnDef::new(Outbox::Source).string_len(64).not_null())
        .col(ColumnDef::new(Outbox::AggregateType).string_len(64).not_null())
        .col(ColumnDef::new(Outbox::AggregateId).string_len(191).not_null())
        .col(ColumnDef::new(Outbox::Version).big_integer().not_null())
        .col(ColumnDef::new(Outbox::CorrelationId).string_len(191).not_null())
        .col(ColumnDef::new(Outbox::CausationId).string_len(191))
        .col(ColumnDef::new(Outbox::Traceparent).string_len(191))
        .col(ColumnDef::new(Outbox::OccurredAtUs).big_integer().not_null())
        .col(payload.not_null())
        .col(ColumnDef::new(Outbox::CreatedAtUs).big_integer().not_null())
        .col(ColumnDef::new(Outbox::PublishedAtUs).big_integer())
        .col(ColumnDef::new(Outbox::Attempts).integer().not_null().default(0))
        .col(ColumnDef::new(Outbox::LastError).text())
        .col(ColumnDef::new(Outbox::NextAttemptAtUs).big_integer().not_null())
        .check(Expr::col(Outbox::Version).gte(1))
        .check(Expr::col(Outbox::Attempts).gte(0))
        .to_owned()
}

fn one_writer_of_a_version() -> IndexCreateStatement {
    Index::create()
        .name("outbox_aggregate_version")
        .table(Outbox::Table)
        .col(Outbox::AggregateType)
        .col(Outbox::AggregateId)
        .col(Outbox::Version)
        .unique()
        .to_owned()
}

fn unpublished_in_order() -> IndexCreateStatement {
    Index::create()
        .name("outbox_published_seq")
        .table(Outbox::Table)
        .col(Outbox::PublishedAtUs)
        .col(Outbox::Seq)
        .to_owned()
}

fn inbox() -> TableCreateStatement {
    Table::create()
        .table(Inbox::Table)
        .col(ColumnDef::new(Inbox::Consumer).string_len(64).not_null())
        .col(ColumnDef::new(Inbox::EventId).string_len(36).not_null())
        .col(ColumnDef::new(Inbox::ProcessedAtUs).big_integer().not_null())
        .primary_key(Index::create().col(Inbox::Consumer).col(Inbox::EventId))
        .to_owned()
}

fn inbox_by_age() -> IndexCreateStatement {
    Index::create()
        .name("inbox_processed_at")
        .table(Inbox::Table)
        .col(Inbox::ProcessedAtUs)
        .to_owned()
}

fn dead_letter(mut payload: ColumnDef) -> TableCreateStatement {
    Table::create()
        .table(DeadLetter::Table)
        .col(ColumnDef::new(DeadLetter::Consumer).string_len(64).not_null())
        .col(ColumnDef::new(DeadLetter::EventId).string_len(36).not_null())
        .col(ColumnDef::new(DeadLetter::EventType).string_len(191).not_null())
        .col(ColumnDef::new(DeadLetter::Source).string_len(64).not_null())
        .col(ColumnDef::new(DeadLetter::AggregateType).string_len(64).not_null())
        .col(ColumnDef::new(DeadLetter::AggregateId).string_len(191).not_null())
        .col(ColumnDef::new(DeadLetter::Version).big_integer().not_null())
        .col(ColumnDef::new(DeadLetter::CorrelationId).string_len(191).not_null())
        .col(ColumnDef::new(DeadLetter::CausationId).string_len(191))
        .col(ColumnDef::new(DeadLetter::Traceparent).string_len(191))
        .col(ColumnDef::new(DeadLetter::OccurredAtUs).big_integer().not_null())
        .col(payload.not_null())
        .col(ColumnDef::new(DeadLetter::Reason).text().not_null())
        .col(ColumnDef::new(DeadLetter::ParkedAtUs).big_integer().not_null())
        .primary_key(Index::create().col(DeadLetter::Consumer).col(DeadLetter::EventId))
        .to_owned()
}
