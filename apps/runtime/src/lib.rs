//! What every binary of the house does: read its settings, keep its files, open its admin port
//! first, run its loops, and stop in order. No rule of the trade lives here.

mod admin;
mod config;
mod data_dir;
mod entry;
mod file_limit;
mod issuer;
mod key_file;
mod limits;
mod metrics;
mod platform;
mod process;
mod readiness;
mod service_token;
mod shutdown;
mod start_error;
mod system;
mod telemetry;
mod workers;

pub use admin::Admin;
pub use config::{PaymentProvider, Settings, read};
pub use data_dir::prepare_data_dir;
pub use entry::{block_on, serve};
pub use issuer::{Bearer, DEVELOPMENT_ISSUER, Issuer};
pub use metrics::Metrics;
pub use platform::{Context, Platform, open_database};
pub use process::{Process, bind};
pub use readiness::{Part, Readiness};
pub use service_token::ServiceToken;
pub use start_error::StartError;
pub use system::{SystemClock, UuidV7Ids};
pub use telemetry::init_telemetry;
pub use workers::Workers;
