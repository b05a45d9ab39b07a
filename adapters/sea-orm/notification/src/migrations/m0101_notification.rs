//! What was sent to whom.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Notification {
    Table,
    Id,
    EventId,
    EventType,
    BookingId,
    TicketId,
    RecipientKind,
    Recipient,
    Channel,
    Subject,
    Body,
    Status,
    CreateTimeUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, table()).await?;
        create_index(manager, once_for_each_channel()).await?;
        create_index(manager, by_recipient()).await?;
        create_index(manager, by_booking()).await
    }
}

fn table() -> TableCreateStatement {
    Table::create()
        .table(Notification::Table)
        .col(ColumnDef::new(Notification::Id).string_len(36).not_null().primary_key())
        .col(ColumnDef::new(Notification::EventId).string_len(36).not_null())
        .col(ColumnDef::new(Notification::EventType).string_len(64).not_null())
        .col(ColumnDef::new(Notification::BookingId).string_len(36))
        .col(ColumnDef::new(Notification::TicketId).string_len(36))
        .col(ColumnDef::new(Notification::RecipientKind).string_len(16).not_null())
        .col(ColumnDef::new(Notification::Recipient).string_len(128).not_null())
        .col(ColumnDef::new(Notification::Channel).string_len(16).not_null())
        .col(ColumnDef::new(Notification::Subject).text().not_null())
        .col(ColumnDef::new(Notification::Body).text().not_null())
        .col(ColumnDef::new(Notification::Status).string_len(16).not_null())
        .col(ColumnDef::new(Notification::CreateTimeUs).big_integer().not_null())
        .check(Expr::col(Notification::RecipientKind).is_in(["BUYER", "ORGANIZER"]))
        .check(Expr::col(Notification::Status).is_in(["PENDING", "SENT", "FAILED"]))
        .check(Expr::col(Notification::Subject).ne(""))
        .check(Expr::col(Notification::Body).ne(""))
        .to_owned()
}

/// Invariant I7, beside the inbox.
fn once_for_each_channel() -> IndexCreateStatement {
    Index::create()
        .name("notification_event_recipient_channel")
        .table(Notification::Table)
        .col(Notification::EventId)
        .col(Notification::RecipientKind)
        .col(Notification::Recipient)
        .col(Notification::Channel)
        .unique()
        .to_owned()
}

fn by_recipient() -> IndexCreateStatement {
    Index::create()
        .name("notification_recipient_newest")
        .table(Notification::Table)
        .col(Notification::RecipientKind)
        .col(Notification::Recipient)
        .col(Notification::CreateTimeUs)
        .col(Notification::Id)
        .to_owned()
}

fn by_booking() -> IndexCreateStatement {
    Index::create()
        .name("notification_booking")
        .table(Notification::Table)
        .col(Notification::BookingId)
        .to_owned()
}
