//! The notification context's own tables.

mod m0101_notification;
mod m0102_recipient;

use sea_orm_migration::MigrationTrait;

/// The context's migrations, in their order.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(m0101_notification::Migration), Box::new(m0102_recipient::Migration)]
}
