//! What spans of statements must not say: a database's error text repeats values, and those may be somebody's.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Status;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

const STATEMENTS: &str = "sea_orm.";
const ERROR_TEXT: &str = "exception.message";

/// Passes spans on without the error texts of statements. A statement that was refused, as by a key that is
/// there already, is also no error: the transaction around it says whether it failed.
#[derive(Debug)]
pub(super) struct Unspoken<P>(pub(super) P);

impl<P: SpanProcessor> SpanProcessor for Unspoken<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        if span.name.starts_with(STATEMENTS) {
            span.attributes.retain(|attribute| attribute.key.as_str() != ERROR_TEXT);
            span.status = Status::Unset;
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanProcessor for Kept {
        fn on_start(&self, _: &mut Span, _: &Context) {}

        fn on_end(&self, span: SpanData) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    #[test]
    fn g03_the_error_text_of_a_statement_stays_here() {
        let kept = Kept::default();
        let provider =
            SdkTracerProvider::builder().with_span_processor(Unspoken(kept.clone())).build();
        let tracer = provider.tracer("test");
        for name in ["sea_orm.execute", "transaction"] {
            let mut span = tracer.start(name);
            span.set_attribute(KeyValue::new(ERROR_TEXT, "Duplicate entry 'alice'"));
            span.set_status(Status::error("Duplicate entry 'alice'"));
            span.end();
        }
        let spans = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told: Vec<_> = spans.iter().map(|span| format!("{span:?}").contains("alice")).collect();
        assert_eq!(told, [false, true], "what others say of themselves stays as it is");
    }
}
