//! The fields of spans as JSON, for lines that are written within them. In most spans no line is written, so what each
//! field costs here is paid for nothing: fields are written as they come, and those for collectors alone are left out.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

/// What OpenTelemetry makes of a span, and of messages what our own fields name shorter.
const FOR_COLLECTORS: [&str; 5] = [
    "otel.",
    "messaging.system",
    "messaging.operation.",
    "messaging.destination.",
    "messaging.consumer.",
];

/// One JSON object for each span.
pub(super) struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        writer.write_char('{')?;
        let mut object = Object { writer, is_empty: true, written: Ok(()) };
        fields.record(&mut object);
        object.written?;
        object.writer.write_char('}')
    }

    fn add_fields(
        &self,
        current: &'w mut FormattedFields<Self>,
        fields: &Record<'_>,
    ) -> fmt::Result {
        // The brace that ends it.
        current.fields.pop();
        let is_empty = current.fields == "{";
        let mut object = Object { writer: current.as_writer(), is_empty, written: Ok(()) };
        fields.record(&mut object);
        object.written?;
        object.writer.write_char('}')
    }
}

/// An object that has begun.
struct Object<'w> {
    writer: Writer<'w>,
    is_empty: bool,
    written: fmt::Result,
}

impl Object<'_> {
    fn field(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        let name = field.name();
        if self.written.is_err() || FOR_COLLECTORS.iter().any(|words| name.starts_with(words)) {
            return;
        }
        let comma = if std::mem::take(&mut self.is_empty) { "" } else { "," };
        self.written =
            write!(self.writer, "{comma}\"{name}\":").and_then(|()| value(&mut self.writer));
    }
}

impl Visit for Object<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, |writer| text(writer, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |writer| write!(writer, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no number for what is none.
        self.field(field, |writer| match value.is_finite() {
            true => write!(writer, "{value}"),
            false => text(writer, &value.to_string()),
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, |writer| write!(writer, "{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, |writer| text(writer, &format!("{value:?}")));
    }
}

fn text(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if value.bytes().all(is_plain) {
        return write!(writer, "\"{value}\"");
    }
    writer.write_str(&serde_json::to_string(value).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing::field::Empty;
    use tracing_subscriber::layer::{Context, SubscriberExt};
    use tracing_subscriber::registry::LookupSpan;
    use tracing_subscriber::{Layer, fmt as lines};

    use super::*;

    /// Reads what stands there of a span that has ended.
    struct Read(Arc<Mutex<Vec<Value>>>);

    impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Read {
        fn on_close(&self, id: tracing::Id, context: Context<'_, S>) {
            let span = context.span(&id).unwrap();
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<SpanFields>>().unwrap();
            self.0.lock().unwrap().push(serde_json::from_str(&fields.fields).unwrap());
        }
    }

    #[test]
    fn fields_are_one_object_however_they_come() {
        let read = Arc::new(Mutex::new(Vec::new()));
        let written = lines::layer().with_writer(std::io::sink).fmt_fields(SpanFields);
        let layers = tracing_subscriber::registry().with(Read(Arc::clone(&read))).with(written);
        tracing::subscriber::with_default(layers, || {
            drop(tracing::info_span!("bare"));
            let span = tracing::info_span!(
                "full",
                otel.name = "left out",
                messaging.system = "nats",
                messaging.message.id = "m",
                ratio = 0.5,
                odd = f64::NAN,
                rpc.method = "Find \"it\"\n\\",
                id = %7,
                some = ?Some(1),
                jobs = -3,
                count = 3_u64,
                known = true,
                none = Option::<&str>::None,
                later = Empty,
            );
            span.record("later", "김");
            span.record("otel.status_code", "ERROR");
            let late = tracing::info_span!("late", later = Empty);
            late.record("later", 1);
        });
        let full = json!({
            "messaging.message.id": "m", "ratio": 0.5, "odd": "NaN",
            "rpc.method": "Find \"it\"\n\\", "id": "7", "some": "Some(1)", "jobs": -3, "count": 3, "known": true,
            "later": "김",
        });
        let expected = [json!({}), json!({ "later": 1 }), full];
        assert_eq!(*read.lock().unwrap(), expected);
    }
}
