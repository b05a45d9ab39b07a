//! Attempts. What a row can state of its invariants, its checks state: an answer is there exactly
//! when there is one, only taken money is refunded, and never more than was taken.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Payment {
    Table,
    Id,
    BookingId,
    Attempt,
    BuyerId,
    BuyerLocale,
    AmountMinor,
    RefundedMinor,
    RefundsMinor,
    Currency,
    Method,
    Status,
    ProviderRef,
    DeclineReason,
    Tries,
    CreatedAtUs,
    UpdatedAtUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, table()).await?;
        let attempts = Index::create()
            .name("payment_booking_attempt")
            .table(Payment::Table)
            .col(Payment::BookingId)
            .col(Payment::Attempt)
            .unique()
            .to_owned();
        create_index(manager, attempts).await?;
        let newest = Index::create()
            .name("payment_buyer_newest")
            .table(Payment::Table)
            .col(Payment::BuyerId)
            .col(Payment::CreatedAtUs)
            .col(Payment::Id)
            .to_owned();
        create_index(manager, newest).await
    }
}

fn table() -> TableCreateStatement {
    let taken = Expr::col(Payment::Status).is_in(["APPROVED", "PARTIALLY_REFUNDED", "REFUNDED"]);
    let untaken = Expr::col(Payment::Status).is_in(["PROCESSING", "UNKNOWN", "DECLINED"]);
    let (status, refunded) = (Expr::col(Payment::Status), Expr::col(Payment::RefundedMinor));
    let amount = Expr::col(Payment::AmountMinor);
    let refunded_in_part = refunded.clone().gt(0).and(refunded.clone().lt(amount.clone()));
    Table::create()
        .table(Payment::Table)
        .col(ColumnDef::new(Payment::Id).string_len(36).not_null().primary_key())
        .col(ColumnDef::new(Payment::BookingId).string_len(36).not_null())
        .col(ColumnDef::new(Payment::Attempt).integer().not_null())
        .col(ColumnDef::new(Payment::BuyerId).string_len(128).not_null())
        .col(ColumnDef::new(Payment::BuyerLocale).string_len(2).not_null())
        .col(ColumnDef::new(Payment::AmountMinor).big_integer().not_null())
        .col(ColumnDef::new(Payment::RefundedMinor).big_integer().not_null())
        .col(ColumnDef::new(Payment::RefundsMinor).big_integer().not_null())
        .col(ColumnDef::new(Payment::Currency).string_len(3).not_null())
        .col(ColumnDef::new(Payment::Method).string_len(255).not_null())
        .col(ColumnDef::new(Payment::Status).string_len(32).not_null())
        .col(ColumnDef::new(Payment::ProviderRef).string_len(255))
        .col(ColumnDef::new(Payment::DeclineReason).text())
        .col(ColumnDef::new(Payment::Tries).integer().not_null())
        .col(ColumnDef::new(Payment::CreatedAtUs).big_integer().not_null())
        .col(ColumnDef::new(Payment::UpdatedAtUs).big_integer().not_null())
        .check(Expr::col(Payment::Attempt).gte(1))
        .check(Expr::col(Payment::Tries).gte(0))
        .check(Expr::col(Payment::BuyerLocale).is_in(["en", "ko"]))
        .check(amount.clone().gte(0))
        .check(refunded.clone().gte(0))
        .check(refunded.clone().lte(Expr::col(Payment::RefundsMinor)))
        .check(Expr::col(Payment::RefundsMinor).lte(amount.clone()))
        .check(taken.clone().or(untaken.clone()))
        .check(taken.clone().or(Expr::col(Payment::RefundsMinor).eq(0)))
        .check(taken.eq(Expr::col(Payment::ProviderRef).is_not_null()))
        .check(status.clone().eq("DECLINED").eq(Expr::col(Payment::DeclineReason).is_not_null()))
        .check(status.clone().ne("APPROVED").or(refunded.clone().eq(0)))
        .check(status.clone().ne("PARTIALLY_REFUNDED").or(refunded_in_part))
        .check(status.ne("REFUNDED").or(refunded.eq(amount)))
        .to_owned()
}
