//! The few numbers of `/metrics` that exist from the first day, in Prometheus' text format.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use crate::readiness::Readiness;

/// What `/live` answers, and the first lines of `/metrics` (api.md, "Ports and configuration").
pub(crate) const LIVE: &str = "# HELP service_live Service liveness signal\n\
                               # TYPE service_live gauge\n\
                               service_live 1\n";

type Reading = Box<dyn Fn() -> f64 + Send + Sync>;

/// The gauges of a process; clones add to the same set.
#[derive(Clone, Default)]
pub struct Metrics {
    gauges: Arc<Mutex<Vec<Gauge>>>,
}

struct Gauge {
    name: &'static str,
    help: &'static str,
    read: Reading,
}

impl Metrics {
    /// Adds a gauge that is read whenever somebody looks.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let gauge = Gauge { name, help, read: Box::new(read) };
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner).push(gauge);
    }

    pub(crate) fn render(&self, readiness: &Readiness) -> String {
        let mut text = LIVE.to_owned();
        let ready = f64::from(u8::from(readiness.is_ready()));
        line(&mut text, "service_ready", "", "Whether the service can do its work", ready);
        let version = concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}");
        line(&mut text, "build_info", version, "The version that runs", 1.0);
        for gauge in self.gauges.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            line(&mut text, gauge.name, "", gauge.help, (gauge.read)());
        }
        text
    }
}

fn line(text: &mut String, name: &str, labels: &str, help: &str, value: f64) {
    // Writing to a string does not fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{labels} {value}\n");
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
