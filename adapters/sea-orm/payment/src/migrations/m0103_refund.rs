//! Returns of money.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Refund {
    Table,
    Id,
    PaymentId,
    AmountMinor,
    Currency,
    Status,
    ProviderRef,
    RefusalReason,
    Tries,
    Refusals,
    CreatedAtUs,
    UpdatedAtUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, table()).await?;
        let by_payment = Index::create()
            .name("refund_payment")
            .table(Refund::Table)
            .col(Refund::PaymentId)
            .to_owned();
        create_index(manager, by_payment).await
    }
}

fn table() -> TableCreateStatement {
    let statuses = ["REQUESTED", "PENDING", "SUCCEEDED", "FAILED", "MANUAL_REVIEW"];
    let refused = Expr::col(Refund::Status).is_in(["FAILED", "MANUAL_REVIEW"]);
    let succeeded = Expr::col(Refund::Status).eq("SUCCEEDED");
    Table::create()
        .table(Refund::Table)
        .col(ColumnDef::new(Refund::Id).string_len(36).not_null().primary_key())
        .col(ColumnDef::new(Refund::PaymentId).string_len(36).not_null())
        .col(ColumnDef::new(Refund::AmountMinor).big_integer().not_null())
        .col(ColumnDef::new(Refund::Currency).string_len(3).not_null())
        .col(ColumnDef::new(Refund::Status).string_len(16).not_null())
        .col(ColumnDef::new(Refund::ProviderRef).string_len(255))
        .col(ColumnDef::new(Refund::RefusalReason).text())
        .col(ColumnDef::new(Refund::Tries).integer().not_null())
        .col(ColumnDef::new(Refund::Refusals).integer().not_null())
        .col(ColumnDef::new(Refund::CreatedAtUs).big_integer().not_null())
        .col(ColumnDef::new(Refund::UpdatedAtUs).big_integer().not_null())
        .check(Expr::col(Refund::AmountMinor).gte(0))
        .check(Expr::col(Refund::Refusals).gte(0))
        .check(Expr::col(Refund::Refusals).lte(Expr::col(Refund::Tries)))
        .check(Expr::col(Refund::Status).is_in(statuses))
        .check(succeeded.eq(Expr::col(Refund::ProviderRef).is_not_null()))
        .check(refused.eq(Expr::col(Refund::RefusalReason).is_not_null()))
        .to_owned()
}
