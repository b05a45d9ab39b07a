//! The rows of the my page view, on SeaORM.

mod feed_row;
mod fold;
mod migrations;
mod names;
mod repair;
mod row;
mod store;
mod write;

pub use migrations::migrations;
pub use store::SeaOrmViewStore;
