//! The payment context's settlements, on SeaORM.

mod migrations;
mod rows;
mod store;

pub use migrations::migrations;
pub use store::SeaOrmSettlementStore;
