//! The booking context's own tables.

mod m0101_booking;
mod m0102_booked;
mod m0103_cancel_terms;
mod m0104_reduction;

use sea_orm_migration::MigrationTrait;

/// The context's migrations, in their order.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0101_booking::Migration),
        Box::new(m0102_booked::Migration),
        Box::new(m0103_cancel_terms::Migration),
        Box::new(m0104_reduction::Migration),
    ]
}
