//! Bookings, each with its process.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum Booking {
    Table,
    Id,
    TicketId,
    TicketName,
    OrganizerId,
    BuyerId,
    BuyerLocale,
    Quantity,
    Currency,
    TotalMinor,
    RefundedMinor,
    Status,
    Reason,
    Stage,
    Unclear,
    Money,
    Stock,
    PayByUs,
    Attempt,
    PaymentMethod,
    PaymentId,
    Revision,
    EventVersion,
    CreatedAtUs,
    UpdatedAtUs,
    NextActionAtUs,
    Tries,
    LeaseOwner,
    LeaseUntilUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, table()).await?;
        let indexes = [
            ("booking_due", vec![Booking::NextActionAtUs]),
            ("booking_of_buyer", vec![Booking::BuyerId, Booking::CreatedAtUs, Booking::Id]),
            (
                "booking_of_ticket",
                vec![Booking::TicketId, Booking::Status, Booking::CreatedAtUs, Booking::Id],
            ),
        ];
        for (name, columns) in indexes {
            let mut index = Index::create().name(name).table(Booking::Table).to_owned();
            for column in columns {
                index.col(column);
            }
            create_index(manager, index).await?;
        }
        Ok(())
    }
}

fn table() -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table(Booking::Table)
        .col(ColumnDef::new(Booking::Id).string_len(36).not_null().primary_key())
        .col(ColumnDef::new(Booking::TicketId).string_len(36).not_null())
        .col(ColumnDef::new(Booking::TicketName).text().not_null())
        .col(ColumnDef::new(Booking::OrganizerId).string_len(128).not_null())
        .col(ColumnDef::new(Booking::BuyerId).string_len(128).not_null())
        .col(ColumnDef::new(Booking::BuyerLocale).string_len(8).not_null())
        .col(ColumnDef::new(Booking::Quantity).big_integer().not_null())
        .col(ColumnDef::new(Booking::Currency).string_len(3).not_null())
        .col(ColumnDef::new(Booking::TotalMinor).big_integer().not_null())
        .col(ColumnDef::new(Booking::RefundedMinor).big_integer().not_null())
        .col(ColumnDef::new(Booking::Status).string_len(32).not_null())
        .col(ColumnDef::new(Booking::Reason).string_len(32))
        .col(ColumnDef::new(Booking::Stage).string_len(32))
        .col(ColumnDef::new(Booking::Unclear).boolean().not_null())
        .col(ColumnDef::new(Booking::Money).string_len(32))
        .col(ColumnDef::new(Booking::Stock).string_len(32))
        .col(ColumnDef::new(Booking::PayByUs).big_integer())
        .col(ColumnDef::new(Booking::Attempt).big_integer().not_null())
        .col(ColumnDef::new(Booking::PaymentMethod).string_len(1024).not_null())
        .col(ColumnDef::new(Booking::PaymentId).string_len(36))
        .col(ColumnDef::new(Booking::Revision).big_integer().not_null())
        .col(ColumnDef::new(Booking::EventVersion).big_integer().not_null())
        .col(ColumnDef::new(Booking::CreatedAtUs).big_integer().not_null())
        .col(ColumnDef::new(Booking::UpdatedAtUs).big_integer().not_null())
        .col(ColumnDef::new(Booking::NextActionAtUs).big_integer())
        .col(ColumnDef::new(Booking::Tries).big_integer().not_null())
        .col(ColumnDef::new(Booking::LeaseOwner).string_len(191))
        .col(ColumnDef::new(Booking::LeaseUntilUs).big_integer());
    for check in state_checks().into_iter().chain(number_checks()) {
        table.check(check);
    }
    table
}

/// Each status has the columns that it needs, and a live one has a timer (invariant I5).
fn state_checks() -> Vec<SimpleExpr> {
    let col = |column: Booking| Expr::col(column);
    let is = |status: &str| Expr::col(Booking::Status).eq(status);
    // A null is no name, and a CHECK lets null through.
    let one_of = |column: Booking, names: &[&str]| {
        col(column).is_not_null().and(col(column).is_in(names.iter().copied()))
    };
    let unless = |status: &str, needs: SimpleExpr| is(status).not().or(needs);
    vec![
        col(Booking::Status).is_in([
            "PENDING",
            "AWAITING_PAYMENT",
            "CONFIRMED",
            "CANCELLING",
            "CANCELLED",
            "REJECTED",
            "EXPIRED",
        ]),
        unless("PENDING", col(Booking::Stage).is_not_null()),
        unless("AWAITING_PAYMENT", col(Booking::PayByUs).is_not_null()),
        unless("AWAITING_PAYMENT", one_of(Booking::Stock, &["UNPIN_DUE", "UNPINNED"])),
        // Invariant N01.
        unless("CONFIRMED", col(Booking::PaymentId).is_not_null()),
        unless("CONFIRMED", one_of(Booking::Stock, &["COMMIT_DUE", "COMMITTED"])),
        unless("CANCELLING", one_of(Booking::Money, &["NOT_TAKEN", "WAITING", "STUCK", "SETTLED"])),
        unless("CANCELLING", one_of(Booking::Stock, &["WAITING", "RETURNED"])),
        unless("REJECTED", one_of(Booking::Stock, &["RELEASE_DUE", "RELEASED"])),
        unless("EXPIRED", one_of(Booking::Stock, &["RELEASE_DUE", "RELEASED"])),
        is("PENDING").or(is("CONFIRMED")).or(col(Booking::Reason).is_not_null()),
        col(Booking::NextActionAtUs).is_not_null().or(col(Booking::Status).is_not_in([
            "PENDING",
            "AWAITING_PAYMENT",
            "CANCELLING",
        ])),
    ]
}

fn number_checks() -> Vec<SimpleExpr> {
    let col = |column: Booking| Expr::col(column);
    vec![
        col(Booking::Quantity).between(1, 10_000),
        col(Booking::TotalMinor).gte(0),
        col(Booking::RefundedMinor).gte(0),
        col(Booking::RefundedMinor).lte(Expr::col(Booking::TotalMinor)),
        col(Booking::Attempt).gte(1),
        col(Booking::Revision).gte(1),
        col(Booking::EventVersion).gte(1),
        col(Booking::Tries).gte(0),
        col(Booking::LeaseOwner).is_null().and(col(Booking::LeaseUntilUs).is_null()).or(col(
            Booking::LeaseOwner,
        )
        .is_not_null()
        .and(col(Booking::LeaseUntilUs).is_not_null())),
    ]
}
