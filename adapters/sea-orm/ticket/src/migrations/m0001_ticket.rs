//! Tickets.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Ticket {
    Table,
    Id,
    OrganizerId,
    OrganizerLocale,
    Kind,
    Allocation,
    Status,
    Name,
    Description,
    Venue,
    Category,
    SearchText,
    TimeZone,
    Currency,
    UnitPriceMinor,
    SaleStartsAtUs,
    SaleEndsAtUs,
    StartsAtUs,
    EndsAtUs,
    MaxPerBuyer,
    HoldTtlUs,
    CreatedAtUs,
    UpdatedAtUs,
    Revision,
    EventVersion,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, table()).await?;
        for (name, columns) in [
            ("ticket_created", [Ticket::Status, Ticket::CreatedAtUs, Ticket::Id]),
            ("ticket_organizer", [Ticket::OrganizerId, Ticket::CreatedAtUs, Ticket::Id]),
            ("ticket_category", [Ticket::Category, Ticket::CreatedAtUs, Ticket::Id]),
            ("ticket_starts", [Ticket::Status, Ticket::StartsAtUs, Ticket::Id]),
            ("ticket_price", [Ticket::Currency, Ticket::UnitPriceMinor, Ticket::Id]),
        ] {
            let mut index = Index::create().name(name).table(Ticket::Table).to_owned();
            for column in columns {
                index.col(column);
            }
            create_index(manager, index).await?;
        }
        Ok(())
    }
}

fn table() -> TableCreateStatement {
    Table::create()
        .table(Ticket::Table)
        .col(ColumnDef::new(Ticket::Id).string_len(36).not_null().primary_key())
        .col(ColumnDef::new(Ticket::OrganizerId).string_len(128).not_null())
        .col(ColumnDef::new(Ticket::OrganizerLocale).string_len(8).not_null())
        .col(ColumnDef::new(Ticket::Kind).string_len(16).not_null())
        .col(ColumnDef::new(Ticket::Allocation).string_len(16).not_null())
        .col(ColumnDef::new(Ticket::Status).string_len(16).not_null())
        .col(ColumnDef::new(Ticket::Name).string_len(200).not_null())
        .col(ColumnDef::new(Ticket::Description).text().not_null())
        .col(ColumnDef::new(Ticket::Venue).string_len(200).not_null())
        .col(ColumnDef::new(Ticket::Category).string_len(64).not_null())
        .col(ColumnDef::new(Ticket::SearchText).text().not_null())
        .col(ColumnDef::new(Ticket::TimeZone).string_len(64).not_null())
        .col(ColumnDef::new(Ticket::Currency).string_len(3).not_null())
        .col(ColumnDef::new(Ticket::UnitPriceMinor).big_integer().not_null())
        .col(ColumnDef::new(Ticket::SaleStartsAtUs).big_integer())
        .col(ColumnDef::new(Ticket::SaleEndsAtUs).big_integer())
        .col(ColumnDef::new(Ticket::StartsAtUs).big_integer())
        .col(ColumnDef::new(Ticket::EndsAtUs).big_integer())
        .col(ColumnDef::new(Ticket::MaxPerBuyer).big_integer().not_null())
        .col(ColumnDef::new(Ticket::HoldTtlUs).big_integer().not_null())
        .col(ColumnDef::new(Ticket::CreatedAtUs).big_integer().not_null())
        .col(ColumnDef::new(Ticket::UpdatedAtUs).big_integer().not_null())
        .col(ColumnDef::new(Ticket::Revision).big_integer().not_null())
        .col(ColumnDef::new(Ticket::EventVersion).big_integer().not_null())
        .check(Expr::col(Ticket::Kind).is_in(["ADMISSION", "SEATED", "NIGHTLY"]))
        .check(Expr::col(Ticket::Allocation).is_in(["HOLD_FIRST", "PAY_FIRST"]))
        .check(Expr::col(Ticket::Status).is_in(["ON_SALE", "PAUSED", "RETIRING", "RETIRED"]))
        .check(Expr::col(Ticket::Name).ne(""))
        .check(Expr::col(Ticket::UnitPriceMinor).gte(0))
        .check(Expr::col(Ticket::MaxPerBuyer).gte(0))
        .check(Expr::col(Ticket::HoldTtlUs).gt(0))
        .check(Expr::col(Ticket::Revision).gte(1))
        .check(Expr::col(Ticket::EventVersion).gte(1))
        .to_owned()
}
