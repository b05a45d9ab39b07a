//! The notification context's ledger of what was sent, on SeaORM.

mod deliver;
mod languages;
mod migrations;
mod recipient_row;
mod row;
mod store;

pub use migrations::migrations;
pub use store::SeaOrmNotificationStore;
