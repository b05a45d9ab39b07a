//! Traces: spans that are kept go to a collector over OTLP, in batches, from a bounded queue that drops what
//! does not fit. A collector that is away slows nothing.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{Context as TraceContext, KeyValue};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use tokio::runtime::Handle;
use tonic::metadata::MetadataMap;
use tracing::{Id, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::Provider;
use super::settings::{OtlpHeaders, OtlpProtocol, TelemetrySettings};
use crate::start_error::StartError;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const FLUSH: Duration = Duration::from_secs(2);
/// What sends the spans would otherwise tell of its own sending.
const MACHINERY: [&str; 6] = ["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry"];

static KEPT: OnceLock<Provider> = OnceLock::new();

/// Who makes spans; without a collector they are made, so that logs and messages have their ids, and not kept.
pub(super) fn provider(
    settings: &TelemetrySettings,
    service: &'static str,
) -> Result<Provider, StartError> {
    let name = settings.otel_service_name.clone().unwrap_or_else(|| service.to_owned());
    // The builder reads OTEL_RESOURCE_ATTRIBUTES by itself.
    let resource = Resource::builder()
        .with_service_name(name)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let builder = Provider::builder().with_sampler(settings.sampler()).with_resource(resource);
    let Some(collector) = settings.collector() else { return Ok(builder.build()) };
    let exporter = exporter(settings, collector).map_err(|error| StartError::Setting {
        name: ENDPOINT,
        problem: format!("no collector can be reached there: {error}"),
    })?;
    Ok(builder.with_batch_exporter(exporter).build())
}

fn exporter(
    settings: &TelemetrySettings,
    collector: &str,
) -> Result<SpanExporter, ExporterBuildError> {
    let headers = || {
        settings
            .otel_exporter_otlp_headers
            .iter()
            .flat_map(|OtlpHeaders(pairs)| pairs.iter().cloned())
    };
    match settings.otel_exporter_otlp_protocol {
        OtlpProtocol::Grpc => SpanExporter::builder()
            .with_tonic()
            .with_endpoint(collector)
            .with_timeout(settings.timeout())
            .with_metadata(MetadataMap::from_headers(headers().collect()))
            .build(),
        OtlpProtocol::HttpProtobuf => {
            let text = |(name, value): (http::HeaderName, http::HeaderValue)| {
                Some((name.to_string(), value.to_str().ok()?.to_owned()))
            };
            let client = HyperClient::with_default_connector(settings.timeout(), None);
            SpanExporter::builder()
                .with_http()
                .with_endpoint(format!("{}/v1/traces", collector.trim_end_matches('/')))
                .with_timeout(settings.timeout())
                .with_headers(headers().filter_map(text).collect::<HashMap<_, _>>())
                .with_http_client(Within { client, runtime: Handle::current() })
                .build()
        }
    }
}

/// Spans of ours as the provider's.
pub(super) fn layer<S>(provider: &Provider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let off = MACHINERY.map(|target| (target, tracing::level_filters::LevelFilter::OFF));
    let ours = Targets::new().with_default(tracing::Level::INFO).with_targets(off);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("boxoffice"));
    layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_filter(ours)
}

pub(super) fn keep(provider: Provider) {
    KEPT.get_or_init(|| provider);
}

pub(super) async fn flush() {
    let Some(provider) = KEPT.get().cloned() else { return };
    let flushing = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
    if !matches!(tokio::time::timeout(FLUSH, flushing).await, Ok(Ok(Ok(())))) {
        tracing::debug!("the last spans were not sent");
    }
}

/// autometrics looks here for the trace that an example of a measurement belongs to.
pub(super) struct Exemplars;

impl<S> Layer<S> for Exemplars
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let traced = TraceContext::current();
        let traced = traced.span();
        let traced = traced.span_context();
        if !traced.is_sampled()
            || span.extensions().get::<HashMap<&'static str, String>>().is_some()
        {
            return;
        }
        let ids = HashMap::from([("trace_id", traced.trace_id().to_string())]);
        span.extensions_mut().replace(ids);
    }
}

/// A client whose requests run where there is a runtime: the exporter's own thread has none.
#[derive(Debug)]
struct Within {
    client: HyperClient,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Within {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}
