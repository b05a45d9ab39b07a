//! Logs: for people on a terminal, else one JSON object a line; always to stderr, each with the trace it belongs to.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, format};
use tracing_subscriber::layer::{Context as LayerContext, Filter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt as lines};

use super::fields::SpanFields;
use super::settings::{LogFormat, TelemetrySettings};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// The machinery below us is told apart from ourselves: at debug it would drown everything.
const MACHINERY: &str = "h2=info,hyper=info,hyper_util=info,rustls=info,tower=info,tonic=info,sqlx=info,async_nats=info";
/// Each start would tell of every migration there is, a bus that is away of every try to connect, and whoever says
/// something odd in a handshake would write our logs.
const QUIETER: &str = "sea_orm_migration=warn,async_nats=warn,rustls=error";
/// Spans of statements are for traces; a line need not name the statement it stands in.
const STATEMENTS: &str = "sea_orm::database=warn";

static WANTED: OnceLock<Wanted> = OnceLock::new();

pub(super) fn layer<S>(settings: &TelemetrySettings) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    // Checked when the settings were read.
    let errors = || Targets::new().with_default(LevelFilter::ERROR);
    let targets = log_filter(&settings.log_level).unwrap_or_else(|_| errors());
    let filter = Wanted(Arc::new(RwLock::new(targets)));
    WANTED.get_or_init(|| filter.clone());
    let to_people = match settings.log_format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let written = lines::layer().with_writer(std::io::stderr);
    if to_people {
        let lines = format().with_ansi(std::io::stderr().is_terminal());
        let written = written.event_format(Traced { inner: lines, json: false });
        written.with_filter(filter).boxed()
    } else {
        // The list of spans has the innermost too.
        let json = format().json().flatten_event(true).with_current_span(false);
        let written = written.fmt_fields(SpanFields);
        written.event_format(Traced { inner: json, json: true }).with_filter(filter).boxed()
    }
}

/// Logs from now on what this says; gives it back.
pub(super) fn change(level: &str) -> Result<String, String> {
    let targets = log_filter(level)?;
    let wanted = WANTED.get().ok_or("logging was not started by us")?;
    *wanted.0.write().unwrap_or_else(PoisonError::into_inner) = targets;
    tracing::callsite::rebuild_interest_cache();
    Ok(level.to_owned())
}

/// Reads `info` or `info,rest_gateway=debug`. A word that is no level would be taken for a target, so it
/// is refused here.
pub(crate) fn log_filter(text: &str) -> Result<Targets, String> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '[';
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let is_target = |part: &str| match part.split_once('=') {
        // Without a name it would be every target's.
        Some((target, level)) => !target.is_empty() && !target.contains(is_odd) && is_level(level),
        None => false,
    };
    let sound = |part: &str| is_level(part) || is_target(part);
    if !text.split(',').all(sound) {
        return Err(format!(
            "must be one of {}, or targets such as info,rest_gateway=debug",
            LEVELS.join(", ")
        ));
    }
    // What nobody has said anything about tells of errors. Targets that the text names itself come later, and win.
    let level = text.split(',').rfind(|part| !part.contains('=')).map(str::to_ascii_lowercase);
    let quieter = match level.as_deref() {
        Some("debug" | "trace") => [MACHINERY, STATEMENTS].join(","),
        Some("info") => [QUIETER, STATEMENTS].join(","),
        // Something has to stand there: nothing at all would be read as a level, too.
        Some(level) => level.to_owned(),
        None => "error".to_owned(),
    };
    Targets::from_str(&format!("{quieter},{text}")).map_err(|error| error.to_string())
}

/// What is logged, which can be changed. It decides by a line's place in the code alone, so it is not asked each time
/// that a span goes on or ends, and where the other layers agree only once for each place.
#[derive(Clone)]
struct Wanted(Arc<RwLock<Targets>>);

impl Wanted {
    fn wants(&self, place: &Metadata<'_>) -> bool {
        let targets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        targets.would_enable(place.target(), place.level())
    }
}

impl<S> Filter<S> for Wanted {
    fn enabled(&self, place: &Metadata<'_>, _: &LayerContext<'_, S>) -> bool {
        self.wants(place)
    }

    fn callsite_enabled(&self, place: &'static Metadata<'static>) -> Interest {
        if self.wants(place) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let targets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Filter::<S>::max_level_hint(&*targets)
    }
}

/// A line with the ids of the trace that it was written in.
struct Traced<F> {
    inner: F,
    json: bool,
}

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let traced = Context::current();
        let span = traced.span();
        let span = span.span_context();
        if !span.is_valid() {
            return self.inner.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let (trace_id, span_id) = (span.trace_id(), span.span_id());
        match line.strip_prefix('{') {
            Some(rest) if self.json => {
                write!(writer, "{{\"trace_id\":\"{trace_id}\",\"span_id\":\"{span_id}\",{rest}")
            }
            _ => writeln!(writer, "{} trace_id={trace_id}", line.trim_end()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn what_a_text_does_not_name_stays_quiet() {
        for (text, bus, statements) in [
            ("info", false, false),
            ("info,booking=debug", false, false),
            ("booking=debug,info", false, false),
            ("debug,h2=info", true, false),
            ("info,async_nats=info", true, false),
            ("info,sea_orm::database=info", false, true),
        ] {
            let filter = log_filter(text).unwrap();
            let layers = tracing_subscriber::registry().with(filter);
            tracing::subscriber::with_default(layers, || {
                assert!(tracing::enabled!(target: "booking", Level::INFO), "{text}");
                assert_eq!(tracing::enabled!(target: "async_nats", Level::INFO), bus, "{text}");
                let told = tracing::enabled!(target: "sea_orm::database", Level::INFO);
                assert_eq!(told, statements, "{text}");
            });
        }
    }

    #[test]
    fn a_level_may_be_written_in_capitals_and_a_target_has_a_name() {
        assert!(log_filter("INFO,booking=Debug").is_ok());
        assert!(log_filter("info,=off").is_err(), "it would be every target's");
    }

    #[test]
    fn a_text_of_several_lines_does_not_silence_errors() {
        assert!(log_filter("info\nbooking=debug").is_err());
        assert!(log_filter("info, booking=debug").is_err());
        let layers = tracing_subscriber::registry().with(log_filter("booking=debug").unwrap());
        tracing::subscriber::with_default(layers, || {
            assert!(tracing::enabled!(target: "payment", Level::ERROR));
            assert!(!tracing::enabled!(target: "payment", Level::WARN));
        });
    }
}
