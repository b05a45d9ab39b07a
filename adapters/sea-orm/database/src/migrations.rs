//! The migrations that every context's database gets before its own.

mod m0001_shared_messages;
mod m0002_shared_reply;
mod m0003_shared_lease;
mod m0004_shared_parked;
mod m0005_shared_told_again;
mod m0006_shared_operator_log;

use sea_orm_migration::MigrationTrait;

pub(crate) fn shared_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0001_shared_messages::Migration),
        Box::new(m0002_shared_reply::Migration),
        Box::new(m0003_shared_lease::Migration),
        Box::new(m0004_shared_parked::Migration),
        Box::new(m0005_shared_told_again::Migration),
        Box::new(m0006_shared_operator_log::Migration),
    ]
}
