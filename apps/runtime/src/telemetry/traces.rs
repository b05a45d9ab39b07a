//! Traces: spans that are kept go to a collector over OTLP, in batches, from a bounded queue that drops what
//! does not fit. A collector that is away slows nothing.

use std::collections::HashMap;
use std::sync::OnceLock;

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
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Id, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, Targets, dynamic_filter_fn};
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::Provider;
use super::queue::Queue;
use super::settings::{OtlpHeaders, OtlpProtocol, Pairs, TelemetrySettings};
use crate::limits::FLUSH;
use crate::start_error::StartError;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// What sends the spans would otherwise tell of its own sending.
const MACHINERY: [&str; 6] = ["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry"];
/// Those who say at debug that something is tried again, which is an event of the span it happens in.
const RETRIES: [&str; 2] = ["sea_orm_database", "grpc_client"];
/// Where the spans of statements come from, and those of the transactions around them.
const STATEMENTS: &str = "sea_orm::";
const TRANSACTIONS: &str = "sea_orm_database::unit_of_work";

static KEPT: OnceLock<Provider> = OnceLock::new();

/// Who makes spans; without a collector they are made, so that logs and messages have their ids, and not kept.
pub(super) fn provider(
    settings: &TelemetrySettings,
    service: &'static str,
) -> Result<Provider, StartError> {
    let name = settings.otel_service_name.clone().unwrap_or_else(|| service.to_owned());
    let said = settings.otel_resource_attributes.iter().flat_map(|Pairs(pairs)| pairs.iter());
    let resource = Resource::builder()
        .with_attributes(said.map(|(name, value)| KeyValue::new(name.clone(), value.clone())))
        .with_service_name(name)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let builder = Provider::builder().with_sampler(settings.sampler()).with_resource(resource);
    let Some(collector) = settings.collector() else { return Ok(builder.build()) };
    let exporter = exporter(settings, collector).map_err(|error| StartError::Setting {
        name: ENDPOINT,
        problem: format!("no collector can be reached there: {error}"),
    })?;
    Ok(builder.with_span_processor(Queue::to(exporter, settings.timeout())).build())
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
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("boxoffice"));
    let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
    let retries = RETRIES.map(|target| (target, LevelFilter::DEBUG));
    layer.with_filter(ours().with_targets(retries).and(database_within_kept()))
}

/// Gives autometrics the examples that it shows beside its numbers.
pub(super) fn exemplars<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // Without a filter of its own it would have every span of every library made; nobody measures within a
    // statement or a transaction.
    let database = [STATEMENTS, TRANSACTIONS].map(|target| (target, LevelFilter::OFF));
    Exemplars.with_filter(ours().with_targets(database))
}

fn ours() -> Targets {
    let off = MACHINERY.map(|target| (target, LevelFilter::OFF));
    Targets::new().with_default(LevelFilter::INFO).with_targets(off)
}

/// Transactions and statements are told of within a span that is kept. They are most of all spans: in traces that
/// nobody keeps they would cost for nothing, and the loops that ask their databases many times a second would be
/// traces of their own.
fn database_within_kept<S>() -> impl Filter<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let of_database = |metadata: &Metadata<'_>| {
        let target = metadata.target();
        metadata.is_span() && (target.starts_with(STATEMENTS) || target.starts_with(TRANSACTIONS))
    };
    let filter = dynamic_filter_fn(move |metadata: &Metadata<'_>, _: &Context<'_, S>| {
        !of_database(metadata) || in_kept_trace()
    });
    // Everything else is decided once for each place in the code.
    let filter = filter.with_callsite_filter(move |metadata| {
        if of_database(metadata) { Interest::sometimes() } else { Interest::always() }
    });
    filter.with_max_level_hint(LevelFilter::DEBUG)
}

fn in_kept_trace() -> bool {
    TraceContext::map_current(|context| context.span().span_context().is_sampled())
}

pub(super) fn keep(provider: Provider) {
    KEPT.get_or_init(|| provider);
}

/// Sends what was not sent yet, for a moment. To be called last.
pub(crate) async fn flush() {
    let Some(provider) = KEPT.get().cloned() else { return };
    let flushing = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
    if !matches!(tokio::time::timeout(FLUSH, flushing).await, Ok(Ok(Ok(())))) {
        tracing::debug!("the last spans were not sent");
    }
}

/// autometrics looks here for the trace that an example of a measurement belongs to.
struct Exemplars;

impl<S> Layer<S> for Exemplars
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        // First, as it is cheap and mostly the end of it.
        if !in_kept_trace() {
            return;
        }
        let Some(span) = context.span(id) else { return };
        if span.extensions().get::<HashMap<&'static str, String>>().is_some() {
            return;
        }
        let trace_id =
            TraceContext::map_current(|context| context.span().span_context().trace_id());
        span.extensions_mut().replace(HashMap::from([("trace_id", trace_id.to_string())]));
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

#[cfg(test)]
mod tests {
    use opentelemetry::SpanId;
    use opentelemetry_sdk::trace::Sampler;
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn with_layers(sampler: Sampler, act: impl FnOnce()) {
        let provider = Provider::builder().with_sampler(sampler).build();
        let layers = tracing_subscriber::registry().with(layer(&provider)).with(exemplars());
        tracing::subscriber::with_default(layers, act);
    }

    #[test]
    fn spans_of_the_machinery_are_not_made() {
        with_layers(Sampler::AlwaysOn, || {
            assert!(!tracing::enabled!(target: "h2::proto", Level::TRACE));
            assert!(!tracing::enabled!(target: "sqlx::query", Level::DEBUG));
            assert!(tracing::enabled!(target: "booking", Level::INFO));
        });
    }

    #[test]
    fn a_statement_is_told_of_within_a_span_that_is_kept() {
        let current = || TraceContext::current().span().span_context().span_id();
        let statement = || {
            let span = tracing::info_span!(target: "sea_orm::database", "sea_orm.execute");
            span.in_scope(current)
        };
        for (sampler, told) in [(Sampler::AlwaysOn, true), (Sampler::AlwaysOff, false)] {
            with_layers(sampler, || {
                assert_eq!(statement(), SpanId::INVALID, "a loop asks");
                let _rpc = tracing::info_span!("rpc").entered();
                assert_ne!(current(), SpanId::INVALID, "lines have their ids in any case");
                assert_eq!(statement() != current(), told, "a call asks");
            });
        }
    }
}
