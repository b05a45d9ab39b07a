//! The queue of ended spans before the collector: it counts what becomes of them, and has spans of statements tell what
//! ours tell, and nothing that must not leave.

use std::time::Duration;

use opentelemetry::trace::Status;
use opentelemetry::{Context, Key};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use telemetry_metrics::names::SPANS;

/// SeaORM names its spans so.
const STATEMENTS: &str = "sea_orm.";
const ERROR_TEXT: &str = "exception.message";
const STABLE_NAMES: [(&str, &str); 3] = [
    ("db.system", "db.system.name"),
    ("db.operation", "db.operation.name"),
    ("db.statement", "db.query.text"),
];

const ENDED: &str = "ended";
const SENT: &str = "sent";
const LOST: &str = "lost";
const OUTCOMES: [&str; 3] = [ENDED, SENT, LOST];

/// Spans that ended and were neither sent nor lost wait in it, or did not fit.
#[derive(Debug)]
pub(super) struct Queue(BatchSpanProcessor);

impl Queue {
    pub(super) fn to(exporter: impl SpanExporter + 'static) -> Self {
        OUTCOMES.into_iter().for_each(|outcome| SPANS.begin([outcome]));
        Self(BatchSpanProcessor::builder(Counted(exporter)).build())
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
struct Counted<E>(E);

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sent = self.0.export(batch).await;
        SPANS.add_many([if sent.is_ok() { SENT } else { LOST }], spans);
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

    #[test]
    fn g03_the_error_text_of_a_statement_stays_here() {
        let collector = Collector::default();
        let queue = Queue::to(collector.clone());
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
}
