//! The payment context's settlements, on SeaORM.

mod all;
mod measure;
mod migrations;
mod open_refunds;
mod rows;
mod store;

pub use all::AllSettlements;
pub use measure::measure;
pub use migrations::migrations;
pub use open_refunds::{FoundRefunds, OpenRefund, OpenRefunds};
pub use store::SeaOrmSettlementStore;
