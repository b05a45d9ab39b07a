//! The payment context's settlements, on SeaORM.

mod all;
mod measure;
mod migrations;
mod rows;
mod store;

pub use all::AllSettlements;
pub use measure::measure;
pub use migrations::migrations;
pub use store::SeaOrmSettlementStore;
