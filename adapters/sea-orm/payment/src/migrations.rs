//! The tables of the payment context.

mod m0101_settlement;
mod m0102_payment;
mod m0103_refund;
mod m0104_open;

use sea_orm_migration::MigrationTrait;

/// This context's migrations, for `Database::open`.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0101_settlement::Migration),
        Box::new(m0102_payment::Migration),
        Box::new(m0103_refund::Migration),
        Box::new(m0104_open::Migration),
    ]
}
