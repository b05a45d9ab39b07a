//! The numbers as text: OpenMetrics with its exemplars for those who ask for it, else Prometheus' own older format.

use std::borrow::Cow;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

/// How the numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0, with exemplars.
    OpenMetrics,
    /// Prometheus' text format 0.0.4, which everybody reads.
    Prometheus,
}

impl Format {
    /// What a client that sends this `accept` header reads.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The text's media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

pub(crate) fn write<'a>(
    registries: impl IntoIterator<Item = &'a Registry>,
    format: Format,
) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for registry in registries {
        let _ = encode_registry(&mut text, registry);
    }
    let _ = encode_eof(&mut text);
    match format {
        Format::OpenMetrics => text,
        Format::Prometheus => in_prometheus_format(&text),
    }
}

/// OpenMetrics without what the older format does not know. There the name of a counter has its ending
/// also where its type is told, and braces stand only around labels.
fn in_prometheus_format(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let name = match kind {
                "counter" => Cow::Owned(format!("{name}_total")),
                _ => Cow::Borrowed(name),
            };
            let kind = if kind == "unknown" { "untyped" } else { kind };
            if let Some((_, help)) = help.take() {
                written.push_str(&format!("# HELP {name} {help}\n"));
            }
            written.push_str(&format!("# TYPE {name} {kind}\n"));
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let sample = line.split_once(" # {").map_or(line, |(sample, _exemplar)| sample);
        match sample.split_once("{} ") {
            Some((name, value)) if !name.contains('{') => {
                written.push_str(&format!("{name} {value}"));
            }
            _ => written.push_str(sample),
        }
        written.push('\n');
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m01_the_older_format_has_the_same_numbers_without_exemplars() {
        let open = "# HELP calls Calls.\n# TYPE calls counter\ncalls_total{to=\"a\"} 2 # {trace_id=\"1\"} 1.0\n\
                    # HELP age Age.\n# TYPE age gauge\n# UNIT age seconds\nage 1.5\n# EOF\n";
        let older = "# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{to=\"a\"} 2\n\
                     # HELP age Age.\n# TYPE age gauge\nage 1.5\n";
        assert_eq!(in_prometheus_format(open), older);
    }

    #[test]
    fn who_asks_for_openmetrics_gets_it() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        assert_eq!(Format::accepted("*/*"), Format::Prometheus);
    }
}
