//! Holds and their lines. A hold without a ticket is a tombstone.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Hold {
    Table,
    Id,
    State,
    Told,
    PinnedSinceUs,
    TicketId,
    BuyerId,
    Currency,
    UnitPriceMinor,
    TotalMinor,
    ExpiresAtUs,
    Revision,
    EventVersion,
}

#[derive(DeriveIden)]
enum HoldLine {
    Table,
    HoldId,
    Slot,
    Quantity,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, holds()).await?;
        create_table(manager, lines()).await?;
        for (name, columns) in [
            ("hold_ticket_buyer", vec![Hold::TicketId, Hold::BuyerId, Hold::State]),
            ("hold_ticket_state", vec![Hold::TicketId, Hold::State]),
            ("hold_due", vec![Hold::State, Hold::ExpiresAtUs]),
        ] {
            let mut index = Index::create().name(name).table(Hold::Table).to_owned();
            for column in columns {
                index.col(column);
            }
            create_index(manager, index).await?;
        }
        Ok(())
    }
}

fn holds() -> TableCreateStatement {
    let states = ["ACTIVE", "COMMITTED", "RETURNED", "RELEASED", "EXPIRED"];
    let given_up = Expr::col(Hold::State).is_in(["RETURNED", "RELEASED"]);
    let known =
        [Hold::BuyerId, Hold::Currency, Hold::UnitPriceMinor, Hold::TotalMinor, Hold::ExpiresAtUs]
            .into_iter()
            .fold(Expr::col(Hold::TicketId).is_not_null(), |all, column| {
                all.and(Expr::col(column).is_not_null())
            });
    let tombstone = Expr::col(Hold::TicketId).is_null().and(Expr::col(Hold::State).eq("RELEASED"));
    Table::create()
        .table(Hold::Table)
        .col(ColumnDef::new(Hold::Id).string_len(36).not_null().primary_key())
        .col(ColumnDef::new(Hold::State).string_len(16).not_null())
        .col(ColumnDef::new(Hold::Told).boolean().not_null())
        .col(ColumnDef::new(Hold::PinnedSinceUs).big_integer())
        .col(ColumnDef::new(Hold::TicketId).string_len(36))
        .col(ColumnDef::new(Hold::BuyerId).string_len(128))
        .col(ColumnDef::new(Hold::Currency).string_len(3))
        .col(ColumnDef::new(Hold::UnitPriceMinor).big_integer())
        .col(ColumnDef::new(Hold::TotalMinor).big_integer())
        .col(ColumnDef::new(Hold::ExpiresAtUs).big_integer())
        .col(ColumnDef::new(Hold::Revision).big_integer().not_null())
        .col(ColumnDef::new(Hold::EventVersion).big_integer().not_null())
        .check(Expr::col(Hold::State).is_in(states))
        .check(known.or(tombstone))
        .check(Expr::col(Hold::PinnedSinceUs).is_null().or(Expr::col(Hold::State).eq("ACTIVE")))
        .check(Expr::col(Hold::Told).eq(false).or(given_up))
        .check(Expr::col(Hold::Told).eq(true).or(Expr::col(Hold::State).ne("RETURNED")))
        .check(Expr::col(Hold::Revision).gte(1))
        .to_owned()
}

fn lines() -> TableCreateStatement {
    Table::create()
        .table(HoldLine::Table)
        .col(ColumnDef::new(HoldLine::HoldId).string_len(36).not_null())
        .col(ColumnDef::new(HoldLine::Slot).string_len(80).not_null())
        .col(ColumnDef::new(HoldLine::Quantity).big_integer().not_null())
        .primary_key(Index::create().col(HoldLine::HoldId).col(HoldLine::Slot))
        .check(Expr::col(HoldLine::Quantity).gt(0))
        .to_owned()
}
