//! What becomes of spans, counted: those that ended and were neither sent nor lost wait in the queue, or did not fit.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use telemetry_metrics::names::SPANS;

/// A queue whose spans are counted as they end.
#[derive(Debug)]
pub(super) struct CountedQueue(BatchSpanProcessor);

impl CountedQueue {
    pub(super) fn to(exporter: impl SpanExporter + 'static) -> Self {
        Self(BatchSpanProcessor::builder(CountedSending(exporter)).build())
    }
}

impl SpanProcessor for CountedQueue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            SPANS.add(["ended"]);
        }
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// A way to a collector whose spans are counted by whether it took them.
#[derive(Debug)]
struct CountedSending<E>(E);

impl<E: SpanExporter> SpanExporter for CountedSending<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sent = self.0.export(batch).await;
        SPANS.add_many([if sent.is_ok() { "sent" } else { "lost" }], spans);
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
