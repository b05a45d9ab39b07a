//! What the provider has taken and given back.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Charge {
    Table,
    Id,
    AmountMinor,
    Currency,
    PaymentMethod,
    Outcome,
    DeclineReason,
    ReceivedAtUs,
    DueAtUs,
}

#[derive(DeriveIden)]
enum Refund {
    Table,
    Id,
    ChargeId,
    AmountMinor,
    Currency,
    CreatedAtUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, charges()).await?;
        create_table(manager, refunds()).await?;
        let by_charge = Index::create()
            .name("refund_charge")
            .table(Refund::Table)
            .col(Refund::ChargeId)
            .to_owned();
        create_index(manager, by_charge).await
    }
}

fn charges() -> TableCreateStatement {
    let declined = Expr::col(Charge::Outcome).eq("DECLINED");
    Table::create()
        .table(Charge::Table)
        .col(ColumnDef::new(Charge::Id).string_len(64).not_null().primary_key())
        .col(ColumnDef::new(Charge::AmountMinor).big_integer().not_null())
        .col(ColumnDef::new(Charge::Currency).string_len(3).not_null())
        .col(ColumnDef::new(Charge::PaymentMethod).string_len(255).not_null())
        .col(ColumnDef::new(Charge::Outcome).string_len(16).not_null())
        .col(ColumnDef::new(Charge::DeclineReason).string_len(255))
        .col(ColumnDef::new(Charge::ReceivedAtUs).big_integer().not_null())
        .col(ColumnDef::new(Charge::DueAtUs).big_integer().not_null())
        .check(Expr::col(Charge::AmountMinor).gte(0))
        .check(Expr::col(Charge::Outcome).is_in(["APPROVED", "DECLINED"]))
        .check(declined.eq(Expr::col(Charge::DeclineReason).is_not_null()))
        .check(Expr::col(Charge::DueAtUs).gte(Expr::col(Charge::ReceivedAtUs)))
        .to_owned()
}

fn refunds() -> TableCreateStatement {
    Table::create()
        .table(Refund::Table)
        .col(ColumnDef::new(Refund::Id).string_len(36).not_null().primary_key())
        .col(ColumnDef::new(Refund::ChargeId).string_len(64).not_null())
        .col(ColumnDef::new(Refund::AmountMinor).big_integer().not_null())
        .col(ColumnDef::new(Refund::Currency).string_len(3).not_null())
        .col(ColumnDef::new(Refund::CreatedAtUs).big_integer().not_null())
        .check(Expr::col(Refund::AmountMinor).gte(0))
        .to_owned()
}
