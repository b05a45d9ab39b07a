//! What seats and nights need: their order, prices and rules beside their counters, the quantity beside a hold's lines.

use sea_orm_database::add_column;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Ticket {
    Table,
    Sections,
    MinNights,
    MaxNights,
}

#[derive(DeriveIden)]
enum Stock {
    Table,
    Position,
    UnitPriceMinor,
    ClosedToArrival,
    ClosedToDeparture,
}

#[derive(DeriveIden)]
enum Hold {
    Table,
    Quantity,
}

/// Until now a hold had the one line of its admission. A tombstone has no quantity.
const QUANTITY: &str = "UPDATE hold SET quantity = (SELECT SUM(hold_line.quantity) FROM hold_line \
                        WHERE hold_line.hold_id = hold.id) WHERE quantity IS NULL AND ticket_id IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let count =
            |column: Ticket| ColumnDef::new(column).big_integer().not_null().default(0).to_owned();
        let sections = ColumnDef::new(Ticket::Sections).text().to_owned();
        for column in [sections, count(Ticket::MinNights), count(Ticket::MaxNights)] {
            add_column(manager, Ticket::Table, column).await?;
        }
        let closed =
            |column: Stock| ColumnDef::new(column).boolean().not_null().default(false).to_owned();
        let position =
            ColumnDef::new(Stock::Position).big_integer().not_null().default(0).to_owned();
        let price = ColumnDef::new(Stock::UnitPriceMinor).big_integer().to_owned();
        let closed = [closed(Stock::ClosedToArrival), closed(Stock::ClosedToDeparture)];
        for column in [position, price].into_iter().chain(closed) {
            add_column(manager, Stock::Table, column).await?;
        }
        let quantity = ColumnDef::new(Hold::Quantity).big_integer().to_owned();
        add_column(manager, Hold::Table, quantity).await?;
        manager.get_connection().execute_unprepared(QUANTITY).await.map(drop)
    }
}
