//! What the process tells of itself: logs on stderr, traces to a collector, numbers at `/metrics`.

mod fields;
mod level;
mod logs;
mod queue;
mod settings;
mod traces;

use opentelemetry_sdk::trace::SdkTracerProvider;
use telemetry_metrics::names::{NONE, SERVICE_LIVE};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub(crate) use level::keep;
pub use settings::{LogFormat, OtlpProtocol, TelemetrySettings, TracesSampler};
pub(crate) use traces::flush;

use crate::config::Settings;
use crate::metrics::read_process;
use crate::start_error::StartError;

/// Starts logs, traces and metrics of the program `service`. A second call, as from tests in one process,
/// changes nothing. MUST be called within the async runtime.
///
/// # Errors
/// [`StartError::Setting`] that names a variable of a collector that cannot be used. One that is away is no
/// error: what it does not take is dropped.
pub fn init_telemetry(settings: &Settings, service: &'static str) -> Result<(), StartError> {
    let telemetry = &settings.telemetry;
    let provider = traces::provider(telemetry, service)?;
    telemetry_metrics::start(service);
    SERVICE_LIVE.set(NONE, 1.0);
    let traced = !telemetry.otel_sdk_disabled;
    let layers = tracing_subscriber::registry()
        .with(traced.then(|| traces::layer(&provider)))
        .with(traced.then(traces::exemplars))
        .with(logs::layer(telemetry));
    if layers.try_init().is_err() {
        tracing::debug!("telemetry was started before");
        return Ok(());
    }
    traces::keep(provider);
    read_process();
    Ok(())
}

/// So that the provider's type is named once.
type Provider = SdkTracerProvider;
