//! What a process counts and measures: one table of all metrics ([`names`]), one way to write them, one text.
//!
//! The numbers are the process's, as autometrics' are, so they live in statics; labels are names from the code
//! (routes, rpcs, events, outcomes), never ids (trap R47).

pub mod events;
mod kinds;
pub mod messages;
pub mod names;
mod text;

use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use autometrics::autometrics;
use autometrics::settings::{AutometricsSettings, AutometricsSettingsBuilder};
use prometheus_client::registry::Registry;

pub use kinds::{Counter, Gauge, Histogram, Labelled, Total};
pub use text::Format;

/// Upper bounds of the histograms, in seconds.
pub const BUCKETS_S: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Where the code is: nowhere yet.
const REPOSITORY: &str = "";

static OURS: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::default();
    names::register(&mut registry);
    registry
});
/// `None` where it has measured before it was started, as in a test: then nobody can read what it has.
static AUTOMETRICS: OnceLock<Option<&'static AutometricsSettings>> = OnceLock::new();
static BEFORE_READING: Mutex<Vec<Reading>> = Mutex::new(Vec::new());

type Reading = Box<dyn FnMut() -> bool + Send>;

/// Names the process in autometrics' own numbers. A second call, as from tests in one process, changes nothing.
pub fn start(service: &'static str) {
    AUTOMETRICS.get_or_init(|| begun(settings().service_name(service)));
}

/// Has `read` write its gauges whenever somebody is about to look, until it says that it has ended. It MUST NOT block.
pub fn before_reading(read: impl FnMut() -> bool + Send + 'static) {
    BEFORE_READING.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(read));
}

/// All numbers as they are now.
#[must_use]
pub fn render(format: Format) -> String {
    BEFORE_READING.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(|read| read());
    let autometrics = AUTOMETRICS.get_or_init(|| begun(settings()));
    let theirs = autometrics.map(AutometricsSettings::prometheus_client_registry);
    text::write(std::iter::once(&*OURS).chain(theirs), format)
}

fn settings() -> AutometricsSettingsBuilder {
    AutometricsSettings::builder().repo_url(REPOSITORY).histogram_buckets(BUCKETS_S)
}

fn begun(settings: AutometricsSettingsBuilder) -> Option<&'static AutometricsSettings> {
    let begun = settings.try_init().ok();
    tell_build_info();
    begun
}

/// `build_info` comes with the first call that is measured; a server that nobody has called yet has one, too.
#[autometrics]
fn tell_build_info() {}
