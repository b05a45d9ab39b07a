//! Trace context across every border (W3C Trace Context): out of headers, into headers, and as the text that
//! stands beside a message in an outbox.
//!
//! Spans are `tracing`'s; whoever starts the process decides what becomes of them. Without a layer for
//! OpenTelemetry there is no context, and nothing here does anything.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The name of the header, and of the column.
pub const TRACE_PARENT: &str = "traceparent";

const TRACE_STATE: &str = "tracestate";
/// It goes into every span and on with every call: one that is longer, which the convention lets nobody rely on,
/// is left out.
const TRACE_STATE_BYTES_MAX: usize = 512;

/// Makes a span the child of the call that these headers came with. MUST come before the span is entered.
pub fn continue_from_headers(span: &Span, headers: &HeaderMap) {
    continue_from(span, &Headers(headers));
}

/// Makes a span the child of what told a message. MUST come before the span is entered.
pub fn continue_from_traceparent(span: &Span, traceparent: Option<&str>) {
    if let Some(traceparent) = traceparent {
        continue_from(span, &Text(traceparent));
    }
}

/// Says that a span also belongs to the trace of this message.
pub fn link_to_traceparent(span: &Span, traceparent: &str) {
    let context =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &Text(traceparent));
    let linked = context.span().span_context().clone();
    if linked.is_valid() {
        span.add_link(linked);
    }
}

/// Puts the current span into the headers of a call, in the place of what is there.
pub fn write_headers(headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&Context::current(), &mut HeadersMut(headers));
}

/// The current span as the text beside a message.
#[must_use]
pub fn traceparent() -> Option<String> {
    let context = Context::current();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| written(span))
}

fn written(span: &SpanContext) -> String {
    let sampled = span.trace_flags() & TraceFlags::SAMPLED;
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), sampled.to_u8())
}

fn continue_from(span: &Span, carrier: &dyn Extractor) {
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), carrier);
    if parent.span().span_context().is_valid() && span.set_parent(parent).is_err() {
        tracing::debug!("a span was entered before it knew its parent");
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let bytes_max = if key == TRACE_STATE { TRACE_STATE_BYTES_MAX } else { usize::MAX };
        self.0.get(key)?.to_str().ok().filter(|value| value.len() <= bytes_max)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

struct Text<'a>(&'a str);

impl Extractor for Text<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACE_PARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACE_PARENT]
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

    fn with_layer(act: impl FnOnce()) {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let layers = tracing_opentelemetry::layer().with_tracer(tracer);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layers), act);
    }

    #[test]
    fn g02_a_span_goes_on_from_headers_and_into_headers() {
        with_layer(|| {
            let given = HeaderMap::from_iter([(
                HeaderName::from_static(TRACE_PARENT),
                HeaderValue::from_static(GIVEN),
            )]);
            let span = tracing::info_span!("call");
            continue_from_headers(&span, &given);
            let _entered = span.enter();
            let mut written = given.clone();
            write_headers(&mut written);
            let written = written.get(TRACE_PARENT).and_then(|value| value.to_str().ok());
            assert!(
                written.is_some_and(|text| text.contains(TRACE_ID) && text != GIVEN),
                "{written:?}"
            );
            assert_eq!(traceparent().as_deref(), written, "the same beside a message");
        });
    }

    #[test]
    fn g02_a_state_that_is_too_long_is_left_out() {
        for (members, kept) in [(1, true), (32, false)] {
            let state: Vec<_> = (0..members).map(|n| format!("k{n}={}", "v".repeat(200))).collect();
            let given = HeaderMap::from_iter([
                (HeaderName::from_static(TRACE_PARENT), HeaderValue::from_static(GIVEN)),
                (
                    HeaderName::from_static(TRACE_STATE),
                    HeaderValue::try_from(state.join(",")).expect("visible"),
                ),
            ]);
            with_layer(|| {
                let span = tracing::info_span!("call");
                continue_from_headers(&span, &given);
                let mut written = HeaderMap::new();
                span.in_scope(|| write_headers(&mut written));
                let state = written.get(TRACE_STATE).map(HeaderValue::len).unwrap_or_default();
                assert_eq!(state > 0, kept, "{members} members: {written:?}");
                assert!(written.get(TRACE_PARENT).is_some_and(|text| {
                    text.to_str().is_ok_and(|text| text.contains(TRACE_ID))
                }));
            });
        }
    }

    #[test]
    fn g02_a_span_goes_on_from_a_message() {
        with_layer(|| {
            let span = tracing::info_span!("handle");
            continue_from_traceparent(&span, Some(GIVEN));
            let seen = span.in_scope(traceparent);
            assert!(seen.is_some_and(|text| text.contains(TRACE_ID)));
        });
    }

    #[test]
    fn what_is_no_context_begins_a_trace() {
        with_layer(|| {
            for wrong in [None, Some(""), Some("00-0-0-01"), Some("nonsense")] {
                let span = tracing::info_span!("handle");
                continue_from_traceparent(&span, wrong);
                let seen = span.in_scope(traceparent);
                assert!(seen.is_some_and(|text| !text.contains(TRACE_ID)), "{wrong:?}");
            }
        });
    }

    #[test]
    fn without_telemetry_there_is_no_context() {
        assert_eq!(traceparent(), None);
        let mut headers = HeaderMap::new();
        write_headers(&mut headers);
        assert!(headers.is_empty());
    }
}
