//! One row for each booking, half from its own events and half from its payments'.

use sea_orm_database::{create_index, create_table};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum BookingView {
    Table,
    BookingId,
    Revision,
    BookingVersion,
    TicketId,
    TicketName,
    OrganizerId,
    BuyerId,
    Quantity,
    Seats,
    CheckIn,
    CheckOut,
    Currency,
    TotalMinor,
    RefundedMinor,
    Status,
    StatusReason,
    PayByUs,
    CreateTimeUs,
    BookingUpdateTimeUs,
    PaymentVersion,
    PaymentStatus,
    PaymentCurrency,
    PaymentRefundedMinor,
    PaymentUpdateTimeUs,
    GrossMinor,
    GivenBackMinor,
    ChangeNumber,
}

/// Known all together, with the booking's first event.
const BOOKING_HALF: [BookingView; 14] = [
    BookingView::BookingVersion,
    BookingView::TicketId,
    BookingView::TicketName,
    BookingView::OrganizerId,
    BookingView::BuyerId,
    BookingView::Quantity,
    BookingView::Seats,
    BookingView::Currency,
    BookingView::TotalMinor,
    BookingView::RefundedMinor,
    BookingView::Status,
    BookingView::StatusReason,
    BookingView::CreateTimeUs,
    BookingView::BookingUpdateTimeUs,
];

/// Known all together, with the first event of its payments.
const PAYMENT_HALF: [BookingView; 5] = [
    BookingView::PaymentVersion,
    BookingView::PaymentStatus,
    BookingView::PaymentCurrency,
    BookingView::PaymentRefundedMinor,
    BookingView::PaymentUpdateTimeUs,
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, table()).await?;
        create_index(manager, newest("booking_view_buyer_newest", BookingView::BuyerId)).await?;
        let by_organizer = newest("booking_view_organizer_newest", BookingView::OrganizerId);
        create_index(manager, by_organizer).await?;
        create_index(manager, changes_of_a_buyer()).await
    }
}

fn table() -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table(BookingView::Table)
        .col(ColumnDef::new(BookingView::BookingId).string_len(36).not_null().primary_key())
        .col(ColumnDef::new(BookingView::Revision).big_integer().not_null())
        .col(ColumnDef::new(BookingView::GrossMinor).big_integer().not_null())
        .col(ColumnDef::new(BookingView::GivenBackMinor).big_integer().not_null())
        .col(ColumnDef::new(BookingView::ChangeNumber).big_integer().not_null());
    booking_columns(&mut table);
    payment_columns(&mut table);
    table
        .check(Expr::col(BookingView::Revision).gte(1))
        .check(Expr::col(BookingView::GrossMinor).gte(0))
        .check(Expr::col(BookingView::GivenBackMinor).gte(0))
        .check(together(&BOOKING_HALF))
        .check(together(&PAYMENT_HALF))
        .to_owned()
}

fn booking_columns(table: &mut TableCreateStatement) {
    table
        .col(ColumnDef::new(BookingView::BookingVersion).big_integer())
        .col(ColumnDef::new(BookingView::TicketId).string_len(36))
        .col(ColumnDef::new(BookingView::TicketName).text())
        .col(ColumnDef::new(BookingView::OrganizerId).string_len(128))
        .col(ColumnDef::new(BookingView::BuyerId).string_len(128))
        .col(ColumnDef::new(BookingView::Quantity).big_integer())
        .col(ColumnDef::new(BookingView::Seats).json())
        .col(ColumnDef::new(BookingView::CheckIn).string_len(10))
        .col(ColumnDef::new(BookingView::CheckOut).string_len(10))
        .col(ColumnDef::new(BookingView::Currency).string_len(3))
        .col(ColumnDef::new(BookingView::TotalMinor).big_integer())
        .col(ColumnDef::new(BookingView::RefundedMinor).big_integer())
        .col(ColumnDef::new(BookingView::Status).string_len(32))
        .col(ColumnDef::new(BookingView::StatusReason).string_len(191))
        .col(ColumnDef::new(BookingView::PayByUs).big_integer())
        .col(ColumnDef::new(BookingView::CreateTimeUs).big_integer())
        .col(ColumnDef::new(BookingView::BookingUpdateTimeUs).big_integer())
        .check(Expr::col(BookingView::BookingVersion).gte(1))
        .check(Expr::col(BookingView::Quantity).gte(1))
        .check(Expr::col(BookingView::TotalMinor).gte(0))
        .check(Expr::col(BookingView::RefundedMinor).gte(0))
        .check(Expr::col(BookingView::Status).is_in([
            "PENDING",
            "AWAITING_PAYMENT",
            "CONFIRMED",
            "CANCELLING",
            "CANCELLED",
            "REJECTED",
            "EXPIRED",
        ]));
}

fn payment_columns(table: &mut TableCreateStatement) {
    table
        .col(ColumnDef::new(BookingView::PaymentVersion).big_integer())
        .col(ColumnDef::new(BookingView::PaymentStatus).string_len(32))
        .col(ColumnDef::new(BookingView::PaymentCurrency).string_len(3))
        .col(ColumnDef::new(BookingView::PaymentRefundedMinor).big_integer())
        .col(ColumnDef::new(BookingView::PaymentUpdateTimeUs).big_integer())
        .check(Expr::col(BookingView::PaymentVersion).gte(1))
        .check(Expr::col(BookingView::PaymentRefundedMinor).gte(0))
        .check(Expr::col(BookingView::PaymentStatus).is_in([
            "PROCESSING",
            "APPROVED",
            "DECLINED",
            "UNKNOWN",
            "PARTIALLY_REFUNDED",
            "REFUNDED",
        ]));
}

/// All of the columns have a value, or none has.
fn together(columns: &[BookingView]) -> SimpleExpr {
    let each = |test: fn(Expr) -> Expr| {
        columns.iter().map(|column| test(Expr::col(*column))).reduce(ExprTrait::and)
    };
    let none = each(|column| column.is_null());
    let all = each(|column| column.is_not_null());
    none.into_iter().chain(all).reduce(ExprTrait::or).unwrap_or_else(|| Expr::val(true))
}

fn newest(name: &str, viewer: BookingView) -> IndexCreateStatement {
    Index::create()
        .name(name)
        .table(BookingView::Table)
        .col(viewer)
        .col(BookingView::CreateTimeUs)
        .col(BookingView::BookingId)
        .to_owned()
}

/// For watchers: no two changes of a buyer's rows have one number.
fn changes_of_a_buyer() -> IndexCreateStatement {
    Index::create()
        .name("booking_view_buyer_change")
        .table(BookingView::Table)
        .col(BookingView::BuyerId)
        .col(BookingView::ChangeNumber)
        .unique()
        .to_owned()
}
