//! What a process counts and measures: one table of all metrics ([`names`]), one way to write them, one text.
//!
//! The numbers are the process's, as autometrics' are, so they live in statics; labels are names from the code
//! (routes, rpcs, events, outcomes), never ids (trap R47).

pub mod events;
mod kinds;
pub mod messages;
pub mod names;
mod text;

use std::sync::{Mutex, OnceLock, PoisonError};

use autometrics::settings::{AutometricsSettings, AutometricsSettingsBuilder};
use prometheus_client::registry::Registry;

pub use kinds::{Counter, Gauge, Histogram};
pub use text::Format;

/// Upper bounds of the histograms, in seconds.
pub const BUCKETS_S: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Where the code is: nowhere yet.
const REPOSITORY: &str = "";

static STARTED: OnceLock<&'static AutometricsSettings> = OnceLock::new();
static BEFORE_READING: Mutex<Vec<Reading>> = Mutex::new(Vec::new());

type Reading = Box<dyn FnMut() -> bool + Send>;

/// Names the process in autometrics' own numbers. A second call, as from tests in one process, changes nothing.
pub fn start(service: &'static str) {
    STARTED.get_or_init(|| settings().service_name(service).init());
}

/// Has `read` write its gauges whenever somebody is about to look, until it says that it has ended. It MUST NOT block.
pub fn before_reading(read: impl FnMut() -> bool + Send + 'static) {
    BEFORE_READING.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(read));
}

/// All numbers as they are now.
#[must_use]
pub fn render(format: Format) -> String {
    BEFORE_READING.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(|read| read());
    let settings = STARTED.get_or_init(|| settings().init());
    text::write(settings.prometheus_client_registry(), format)
}

fn settings() -> AutometricsSettingsBuilder {
    let mut registry = Registry::default();
    names::register(&mut registry);
    AutometricsSettings::builder()
        .repo_url(REPOSITORY)
        .histogram_buckets(BUCKETS_S)
        .prometheus_client_registry(registry)
}
