//! The bus of the embedded default: hands messages from the outbox relay to the consumers of the same
//! process. It stores nothing: a message stays in its outbox until every consumer handled or parked it.

mod bus;
mod settings;

pub use bus::InProcessBus;
pub use settings::BusSettings;
