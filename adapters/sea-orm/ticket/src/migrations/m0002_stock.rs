//! The counters of every slot, with invariant I1 as a CHECK, and the ledger of their movements.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Stock {
    Table,
    TicketId,
    Slot,
    Capacity,
    Held,
    Sold,
}

#[derive(DeriveIden)]
enum StockEntry {
    Table,
    Seq,
    TicketId,
    Slot,
    HoldId,
    Kind,
    DHeld,
    DSold,
    AtUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, counters()).await?;
        create_table(manager, ledger()).await?;
        let by_slot = Index::create()
            .name("stock_entry_slot")
            .table(StockEntry::Table)
            .col(StockEntry::TicketId)
            .col(StockEntry::Slot)
            .to_owned();
        create_index(manager, by_slot).await?;
        let by_hold = Index::create()
            .name("stock_entry_hold")
            .table(StockEntry::Table)
            .col(StockEntry::HoldId)
            .to_owned();
        create_index(manager, by_hold).await
    }
}

fn counters() -> TableCreateStatement {
    let taken = Expr::col(Stock::Held).add(Expr::col(Stock::Sold));
    Table::create()
        .table(Stock::Table)
        .col(ColumnDef::new(Stock::TicketId).string_len(36).not_null())
        .col(ColumnDef::new(Stock::Slot).string_len(80).not_null())
        .col(ColumnDef::new(Stock::Capacity).big_integer().not_null())
        .col(ColumnDef::new(Stock::Held).big_integer().not_null())
        .col(ColumnDef::new(Stock::Sold).big_integer().not_null())
        .primary_key(Index::create().col(Stock::TicketId).col(Stock::Slot))
        .check(Expr::col(Stock::Held).gte(0))
        .check(Expr::col(Stock::Sold).gte(0))
        .check(taken.lte(Expr::col(Stock::Capacity)))
        .to_owned()
}

fn ledger() -> TableCreateStatement {
    let kinds = ["HOLD", "RETAKE", "COMMIT", "RELEASE", "EXPIRE", "RETURN"];
    Table::create()
        .table(StockEntry::Table)
        .col(
            ColumnDef::new(StockEntry::Seq).big_integer().not_null().auto_increment().primary_key(),
        )
        .col(ColumnDef::new(StockEntry::TicketId).string_len(36).not_null())
        .col(ColumnDef::new(StockEntry::Slot).string_len(80).not_null())
        .col(ColumnDef::new(StockEntry::HoldId).string_len(36).not_null())
        .col(ColumnDef::new(StockEntry::Kind).string_len(16).not_null())
        .col(ColumnDef::new(StockEntry::DHeld).big_integer().not_null())
        .col(ColumnDef::new(StockEntry::DSold).big_integer().not_null())
        .col(ColumnDef::new(StockEntry::AtUs).big_integer().not_null())
        .check(Expr::col(StockEntry::Kind).is_in(kinds))
        .to_owned()
}
