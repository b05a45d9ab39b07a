//! What every binary of the house does: read its settings, keep its files, open its admin port
//! first, run its loops, and stop in order. No rule of the trade lives here.

mod admin;
mod bus;
mod claim;
mod command_line;
mod config;
mod data_dir;
mod databases;
mod entry;
mod file_limit;
mod host;
mod issuer;
mod key_file;
mod limits;
mod metrics;
mod nats_url;
mod platform;
mod process;
mod program;
mod readiness;
mod server;
mod service_token;
mod shutdown;
mod start_error;
mod system;
mod telemetry;
mod workers;

pub use admin::Admin;
pub use bus::Bus;
pub use command_line::read;
pub use config::{PaymentProvider, Settings, Switch};
pub use data_dir::prepare_data_dir;
pub use databases::{migrate_databases, open_database};
pub use entry::run;
pub use issuer::{Bearer, DEVELOPMENT_ISSUER, Issuer};
pub use nats_url::NatsUrl;
pub use platform::{Context, Platform};
pub use process::{Process, bind};
pub use readiness::{Part, Readiness};
pub use server::{Endpoints, NoEndpoints, endpoint, serve_context, serve_gateway};
pub use service_token::ServiceToken;
pub use start_error::StartError;
pub use system::{SystemClock, UuidV7Ids};
pub use telemetry::{LogFormat, OtlpProtocol, TelemetrySettings, TracesSampler, init_telemetry};
pub use workers::Workers;
