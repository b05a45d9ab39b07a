//! What carries events from one context to another.

use std::sync::Arc;

use kernel::Publisher;
use nats_bus::{NatsBus, NatsSettings};
use telemetry_metrics::before_reading;
use telemetry_metrics::names::{BUS_CONNECTED, NONE};

use crate::process::Process;
use crate::start_error::StartError;

/// The name under which health tells whether the bus is connected, apart from readiness: without it
/// events wait in the outbox and nothing else stops.
const HEALTH_NAME: &str = "bus";

/// The bus of a process.
#[derive(Clone)]
pub struct Bus {
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) nats: Option<NatsBus>,
}

impl Bus {
    /// A bus within the process, which knows its consumers already.
    #[must_use]
    pub fn within(publisher: Arc<dyn Publisher>) -> Self {
        Self { publisher, nats: None }
    }

    /// NATS, when `NATS_URL` is set. The process is not ready before it was connected once. To be
    /// called before databases are opened: it is closed before them.
    ///
    /// # Errors
    /// [`StartError`] that names `NATS_URL`.
    pub async fn nats(process: &mut Process) -> Result<Option<Self>, StartError> {
        let Some(url) = &process.settings.nats_url else { return Ok(None) };
        let settings = NatsSettings {
            replicas: process.settings.nats_stream_replicas,
            max_bytes: process.settings.nats_stream_max_bytes,
            monitor_url: process.settings.nats_monitor_url.clone(),
            ..NatsSettings::named(process.settings.context.unwrap_or("boxoffice"))
        };
        let nats = NatsBus::connect(url.secret(), settings).await;
        let nats = nats.map_err(|wrong| StartError::Setting {
            name: "NATS_URL",
            problem: wrong.to_string(),
        })?;
        process.needs_at_first("bus", nats.connected());
        process.tell_health(HEALTH_NAME, nats.connected());
        let connected = nats.connected();
        before_reading(move || {
            BUS_CONNECTED.set(NONE, f64::from(u8::from(*connected.borrow())));
            true
        });
        let closing = nats.clone();
        process.close_at_end(async move { closing.close().await });
        Ok(Some(Self { publisher: Arc::new(nats.clone()), nats: Some(nats) }))
    }
}
