//! The queue of ended spans before the collector: it counts what becomes of them, and has spans of statements tell what
//! ours tell, and nothing that must not leave.

use std::time::Duration;

use opentelemetry::trace::Status;
use opentelemetry::{Context, Key};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};
use telemetry_metrics::names::SPANS;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// SeaORM names its spans so.
const STATEMENTS: &str = "sea_orm.";
const ERROR_TEXT: &str = "exception.message";
const STABLE_NAMES: [(&str, &str); 3] = [
    ("db.system", "db.system.name"),
    ("db.operation", "db.operation.name"),
    ("db.statement", "db.query.text"),
];

/// What waits for its sending; what does not fit is dropped.
const SPANS_MAX: usize = 2048;
const BATCH_MAX: usize = 512;
const SEND_EVERY: Duration = Duration::from_secs(5);
const ENDED: &str = "ended";
const SENT: &str = "sent";
const LOST: &str = "lost";
const OUTCOMES: [&str; 3] = [ENDED, SENT, LOST];

/// Spans that ended and were neither sent nor lost wait in it, or did not fit.
#[derive(Debug)]
pub(super) struct Queue(BatchSpanProcessor);

impl Queue {
    /// Each sending ends within this time, whoever is at the other end. MUST be called within the runtime.
    pub(super) fn to(exporter: impl SpanExporter + 'static, within: Duration) -> Self {
        OUTCOMES.into_iter().for_each(|outcome| SPANS.begin([outcome]));
        let counted = Counted { exporter, within, runtime: Handle::current() };
        let sizes = BatchConfigBuilder::default()
            .with_max_queue_size(SPANS_MAX)
            .with_max_export_batch_size(BATCH_MAX)
            .with_scheduled_delay(SEND_EVERY);
        Self(BatchSpanProcessor::builder(counted).with_batch_config(sizes.build()).build())
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        if span.span_context.is_sampled() {
            SPANS.add([ENDED]);
        }
        if span.name.starts_with(STATEMENTS) {
            told_as_ours(&mut span);
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

/// A database's error text repeats values, and those may be somebody's. A statement that was refused, as by a key
/// that is there already, is also no error: the transaction around it says whether it failed. SeaORM has the names
/// that OpenTelemetry's conventions had before they were stable.
fn told_as_ours(span: &mut SpanData) {
    span.attributes.retain(|attribute| attribute.key.as_str() != ERROR_TEXT);
    span.status = Status::Unset;
    for attribute in &mut span.attributes {
        let stable = STABLE_NAMES.iter().find(|(before, _)| attribute.key.as_str() == *before);
        if let Some((_, stable)) = stable {
            attribute.key = Key::from_static_str(stable);
        }
    }
}

/// A way to a collector whose spans are counted by whether it took them.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    within: Duration,
    runtime: Handle,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sending = {
            // The exporter's own thread has no clock that wakes.
            let _within = self.runtime.enter();
            timeout(self.within, self.exporter.export(batch))
        };
        let sent = sending.await.unwrap_or(Err(OTelSdkError::Timeout(self.within)));
        SPANS.add_many([if sent.is_ok() { SENT } else { LOST }], spans);
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// A collector that shows what came.
    #[derive(Debug, Clone, Default)]
    struct Collector(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Collector {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(batch);
            Ok(())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn g03_the_error_text_of_a_statement_stays_here() {
        let collector = Collector::default();
        let queue = Queue::to(collector.clone(), Duration::from_secs(5));
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for name in ["sea_orm.execute", "transaction"] {
            let mut span = tracer.start(name);
            span.set_attribute(KeyValue::new(ERROR_TEXT, "Duplicate entry 'alice'"));
            span.set_status(Status::error("Duplicate entry 'alice'"));
            span.end();
        }
        assert!(provider.force_flush().is_ok());
        let spans = collector.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told: Vec<_> = spans.iter().map(|span| format!("{span:?}").contains("alice")).collect();
        assert_eq!(told, [false, true], "what others say of themselves stays as it is");
    }

    /// Takes what comes and never says so.
    #[derive(Debug)]
    struct Hanging;

    impl SpanExporter for Hanging {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            std::future::pending().await
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn p06_a_collector_that_never_answers_is_waited_for_so_long_and_no_longer() {
        let queue = Queue::to(Hanging, Duration::from_millis(10));
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        provider.tracer("test").start("rpc").end();
        let sent = provider.force_flush();
        assert!(sent.is_err(), "{sent:?}");
    }
}
