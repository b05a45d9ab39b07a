//! The tables of the provider's ledger.

mod m0101_provider_ledger;

use sea_orm_migration::MigrationTrait;

/// The ledger's migrations, for `Database::open`.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(m0101_provider_ledger::Migration)]
}
