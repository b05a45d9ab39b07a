//! What is told of the process, and to whom: logs, and the standard variables of OpenTelemetry.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use opentelemetry_sdk::trace::Sampler;

use super::logs::log_filter;
use crate::config::shown;

/// Logs and traces.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct TelemetrySettings {
    /// What is logged: off, error, warn, info, debug, trace, or targets such as info,rest_gateway=debug
    #[arg(long, env = "LOG_LEVEL", global = true, default_value = "info", value_parser = log_level)]
    pub log_level: String,

    /// File that holds what is logged, in the words of LOG_LEVEL, which it takes the place of; it is read
    /// again every few seconds, so that a mounted ConfigMap changes the level of a running server
    #[arg(long, env = "LOG_LEVEL_FILE", global = true)]
    pub log_level_file: Option<PathBuf>,

    /// How it is logged
    #[arg(long, env = "LOG_FORMAT", global = true, default_value = "auto")]
    pub log_format: LogFormat,

    /// Where traces are sent: the address of an OTLP collector, such as http://127.0.0.1:4317; without it
    /// nowhere. One that wants TLS is reached through a collector beside the server
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true, hide_env_values = true, value_parser = collector)]
    pub otel_exporter_otlp_endpoint: Option<String>,

    /// How they are sent
    #[arg(long, env = "OTEL_EXPORTER_OTLP_PROTOCOL", global = true, default_value = "grpc")]
    pub otel_exporter_otlp_protocol: OtlpProtocol,

    /// Headers for the collector: name=value, several separated by commas
    #[arg(long, env = "OTEL_EXPORTER_OTLP_HEADERS", global = true, hide_env_values = true, value_parser = headers)]
    pub otel_exporter_otlp_headers: Option<OtlpHeaders>,

    /// How long one sending may take, in milliseconds
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TIMEOUT", global = true, default_value = "10000", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub otel_exporter_otlp_timeout: u64,

    /// What this server is called in traces; without it by its program
    #[arg(long, env = "OTEL_SERVICE_NAME", global = true)]
    pub otel_service_name: Option<String>,

    /// What else is said of it in traces: name=value, several separated by commas
    #[arg(long, env = "OTEL_RESOURCE_ATTRIBUTES", global = true, value_parser = pairs)]
    pub otel_resource_attributes: Option<Pairs>,

    /// Which traces are kept, where their first server decides
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER",
        global = true,
        default_value = "parentbased_always_on"
    )]
    pub otel_traces_sampler: TracesSampler,

    /// The share of traces that the samplers by ratio keep, 0 to 1
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", global = true, default_value = "1.0", value_parser = share)]
    pub otel_traces_sampler_arg: f64,

    /// Trace nothing, whatever the other variables say: nothing is sent, and log lines name no trace
    #[arg(long, env = "OTEL_SDK_DISABLED", global = true, default_value = "false", value_parser = clap::value_parser!(bool), num_args = 1)]
    pub otel_sdk_disabled: bool,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people on a terminal, else JSON.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Human,
}

/// The two ways of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OtlpProtocol {
    /// Over gRPC, usually on port 4317.
    Grpc,
    /// Over HTTP, usually on port 4318; /v1/traces is added to the address.
    #[value(name = "http/protobuf")]
    HttpProtobuf,
}

/// The samplers of OpenTelemetry's specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum TracesSampler {
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// A share of them.
    #[value(name = "traceidratio")]
    TraceIdRatio,
    /// Those that the caller keeps, and all that begin here.
    #[value(name = "parentbased_always_on")]
    ParentBasedAlwaysOn,
    /// Those that the caller keeps.
    #[value(name = "parentbased_always_off")]
    ParentBasedAlwaysOff,
    /// Those that the caller keeps, and a share of those that begin here.
    #[value(name = "parentbased_traceidratio")]
    ParentBasedTraceIdRatio,
}

/// Headers, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpHeaders(pub(super) Vec<(http::HeaderName, http::HeaderValue)>);

/// Names with values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs(pub(super) Vec<(String, String)>);

impl std::fmt::Display for Pairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        f.write_str(&pairs.collect::<Vec<_>>().join(","))
    }
}

impl TelemetrySettings {
    /// The collector's address, if traces are to be sent.
    pub(super) fn collector(&self) -> Option<&str> {
        self.otel_exporter_otlp_endpoint.as_deref().filter(|_| !self.otel_sdk_disabled)
    }

    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_millis(self.otel_exporter_otlp_timeout)
    }

    pub(super) fn sampler(&self) -> Sampler {
        let share = || Sampler::TraceIdRatioBased(self.otel_traces_sampler_arg);
        let parent_based = |sampler| Sampler::ParentBased(Box::new(sampler));
        match self.otel_traces_sampler {
            // Nothing is kept where nothing is sent; what a caller keeps goes on to those that send.
            _ if self.collector().is_none() => parent_based(Sampler::AlwaysOff),
            TracesSampler::AlwaysOn => Sampler::AlwaysOn,
            TracesSampler::AlwaysOff => Sampler::AlwaysOff,
            TracesSampler::TraceIdRatio => share(),
            TracesSampler::ParentBasedAlwaysOn => parent_based(Sampler::AlwaysOn),
            TracesSampler::ParentBasedAlwaysOff => parent_based(Sampler::AlwaysOff),
            TracesSampler::ParentBasedTraceIdRatio => parent_based(share()),
        }
    }

    /// Every setting with its value; headers may be secret.
    pub(crate) fn effective(&self) -> Vec<(&'static str, String)> {
        let headers =
            self.otel_exporter_otlp_headers.as_ref().map(|headers| format!("{headers:?}"));
        vec![
            ("LOG_LEVEL", self.log_level.clone()),
            ("LOG_LEVEL_FILE", shown(self.log_level_file.as_ref().map(|file| file.display()))),
            ("LOG_FORMAT", word(self.log_format)),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                shown(self.otel_exporter_otlp_endpoint.as_deref().map(crate::config::without_user)),
            ),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", word(self.otel_exporter_otlp_protocol)),
            ("OTEL_EXPORTER_OTLP_HEADERS", shown(headers)),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", self.otel_exporter_otlp_timeout.to_string()),
            ("OTEL_SERVICE_NAME", shown(self.otel_service_name.as_ref())),
            ("OTEL_RESOURCE_ATTRIBUTES", shown(self.otel_resource_attributes.as_ref())),
            ("OTEL_TRACES_SAMPLER", word(self.otel_traces_sampler)),
            ("OTEL_TRACES_SAMPLER_ARG", self.otel_traces_sampler_arg.to_string()),
            ("OTEL_SDK_DISABLED", self.otel_sdk_disabled.to_string()),
        ]
    }
}

impl std::fmt::Debug for OtlpHeaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name.as_str())).finish()
    }
}

fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn log_level(text: &str) -> Result<String, String> {
    log_filter(text).map(|_| text.to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

/// The exporters speak no TLS: a secret would never arrive, and nobody would be told.
fn collector(text: &str) -> Result<String, String> {
    let is_usable = |uri: http::Uri| {
        let authority = uri.authority()?;
        let port = authority.as_str().strip_prefix(authority.host())?;
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        // Names, passwords and tokens belong into the headers: from here nobody would send them.
        let is_bare = !authority.as_str().contains('@') && uri.query().is_none();
        let is_http = uri.scheme_str() == Some("http") && !authority.host().is_empty();
        (is_http && has_port && is_bare).then_some(())
    };
    let usable = text.parse().ok().and_then(is_usable);
    usable.map(|()| text.to_owned()).ok_or_else(|| {
        "must be http://host:port, without a name, a password or a question in it".to_owned()
    })
}

/// What is wrong is not repeated: it may be a secret.
fn pairs(text: &str) -> Result<Pairs, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    };
    let pairs: Option<Vec<_>> =
        text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect();
    pairs.map(Pairs).ok_or_else(|| "must be name=value, several separated by commas".to_owned())
}

fn headers(text: &str) -> Result<OtlpHeaders, String> {
    let Pairs(pairs) = pairs(text)?;
    let header = |(name, value): (String, String)| {
        let name = http::HeaderName::from_str(&name).ok()?;
        Some((name, http::HeaderValue::from_str(&value).ok()?))
    };
    let headers: Option<Vec<_>> = pairs.into_iter().map(header).collect();
    headers
        .map(OtlpHeaders)
        .ok_or_else(|| "must be names and values that HTTP allows in headers".to_owned())
}
