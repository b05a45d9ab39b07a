//! The my page context's own tables.

mod m0101_booking_view;
mod m0102_buyer_feed;

use sea_orm_migration::MigrationTrait;

/// The context's migrations, in their order.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(m0101_booking_view::Migration), Box::new(m0102_buyer_feed::Migration)]
}
