//! The booking context's store on SeaORM: one row a booking, its process in the same row.

mod all;
mod measure;
mod migrations;
mod open;
mod progress;
mod row;
mod state_row;
mod store;

pub use all::AllBookings;
pub use measure::measure;
pub use migrations::migrations;
pub use open::{FoundBookings, OpenBooking, OpenBookings};
pub use store::SeaOrmBookingStore;
