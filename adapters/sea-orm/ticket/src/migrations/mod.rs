//! The ticket context's tables. Names of migrations never change.

mod m0001_ticket;
mod m0002_stock;
mod m0003_hold;
mod m0004_kinds;
mod m0005_ticket_search;
mod m0006_house_hold;
mod m0007_cancel_policy;

use sea_orm_migration::MigrationTrait;

/// The migrations, in order.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0001_ticket::Migration),
        Box::new(m0002_stock::Migration),
        Box::new(m0003_hold::Migration),
        Box::new(m0004_kinds::Migration),
        Box::new(m0005_ticket_search::Migration),
        Box::new(m0006_house_hold::Migration),
        Box::new(m0007_cancel_policy::Migration),
    ]
}
