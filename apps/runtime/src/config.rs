//! Every setting of a process: flag, variable, default, meaning. Read once, checked at start.

use std::ffi::OsString;
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, ValueEnum, value_parser};

use crate::limits::WAIT_MS_MAX;
use crate::start_error::StartError;
use crate::telemetry::log_filter;

/// The settings. Each is a flag, and a variable of the name that stands for its value.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Settings {
    /// Folder of the embedded databases and of the development issuer's key
    #[arg(long, env = "DATA_DIR", global = true, default_value = "./boxoffice-data")]
    pub data_dir: PathBuf,

    /// Where REST and OpenAPI are served
    #[arg(long, env = "REST_ADDR", global = true, default_value = "127.0.0.1:8080", value_parser = address)]
    pub rest_addr: SocketAddr,

    /// Where gRPC is served
    #[arg(long, env = "GRPC_ADDR", global = true, default_value = "127.0.0.1:50051", value_parser = address)]
    pub grpc_addr: SocketAddr,

    /// Where /live, /ready and /metrics are served
    #[arg(long, env = "ADMIN_ADDR", global = true, default_value = "127.0.0.1:3100", value_parser = address)]
    pub admin_addr: SocketAddr,

    /// Who takes the money
    #[arg(long, env = "PAYMENT_PROVIDER", global = true, default_value = "simulated")]
    pub payment_provider: PaymentProvider,

    /// Simulated provider: the share of charges that it approves, 0 to 1
    #[arg(long, env = "PAYMENT_SUCCESS_RATE", global = true, default_value = "1.0", value_parser = rate)]
    pub payment_success_rate: f64,

    /// Simulated provider: the shortest time for a charge, in milliseconds
    #[arg(long, env = "PAYMENT_PROCESSING_MIN_MS", global = true, default_value = "0", value_parser = value_parser!(u64).range(0..=WAIT_MS_MAX))]
    pub payment_processing_min_ms: u64,

    /// Simulated provider: the longest time for a charge, in milliseconds
    #[arg(long, env = "PAYMENT_PROCESSING_MAX_MS", global = true, default_value = "0", value_parser = value_parser!(u64).range(0..=WAIT_MS_MAX))]
    pub payment_processing_max_ms: u64,

    /// Simulated provider: makes its chance the same in every run
    #[arg(long, env = "PAYMENT_SEED", global = true)]
    pub payment_seed: Option<u64>,

    /// Whose tokens are trusted, as the tokens' `iss` says it. Without it the development issuer's,
    /// with a key in DATA_DIR; that one serves only loopback addresses
    #[arg(long, env = "OIDC_ISSUER", global = true)]
    pub oidc_issuer: Option<String>,

    /// File with the JWKS of OIDC_ISSUER, needed with it: keys are not fetched over HTTP yet
    #[arg(long, env = "OIDC_JWKS_FILE", global = true)]
    pub oidc_jwks_file: Option<PathBuf>,

    /// For whom tokens must be made, as the tokens' `aud` says it
    #[arg(long, env = "OIDC_AUDIENCE", global = true, default_value = "boxoffice")]
    pub oidc_audience: String,

    /// What is logged: off, error, warn, info, debug, trace, or targets such as info,booking=debug
    #[arg(long, env = "LOG_LEVEL", global = true, default_value = "info", value_parser = log_level)]
    pub log_level: String,

    /// The most calls at once; more are refused with RESOURCE_EXHAUSTED
    #[arg(long, env = "IN_FLIGHT_MAX", global = true, default_value = "512", value_parser = value_parser!(u32).range(1..=100_000))]
    pub in_flight_max: u32,

    /// How long a stopping server goes on serving after it said NOT_SERVING, in milliseconds
    #[arg(long, env = "SHUTDOWN_DELAY_MS", global = true, default_value = "0", value_parser = value_parser!(u64).range(0..=WAIT_MS_MAX))]
    pub shutdown_delay_ms: u64,

    /// How long a stopping server lets open calls end, in milliseconds
    #[arg(long, env = "SHUTDOWN_DRAIN_MS", global = true, default_value = "15000", value_parser = value_parser!(u64).range(0..=WAIT_MS_MAX))]
    pub shutdown_drain_ms: u64,

    /// Print the effective settings and end
    #[arg(long, global = true)]
    pub print_config: bool,
}

/// The payment providers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PaymentProvider {
    /// Takes no money; scripted and by chance.
    Simulated,
}

/// Reads the command line and the environment. `None` when that was all there was to do: help, the
/// version or the settings were printed.
///
/// # Errors
/// [`StartError`] that names the first wrong flag or variable.
pub fn read<C: Parser + AsRef<Settings>>() -> Result<Option<C>, StartError> {
    read_from(std::env::args_os())
}

fn read_from<C: Parser + AsRef<Settings>>(
    words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Option<C>, StartError> {
    let command_line = match C::try_parse_from(words) {
        Ok(command_line) => command_line,
        Err(answer) if is_answer(answer.kind()) => {
            answer.print().map_err(|e| StartError::Other(format!("cannot write: {e}")))?;
            return Ok(None);
        }
        Err(error) => return Err(StartError::Usage(one_line(&error))),
    };
    let settings = command_line.as_ref();
    settings.check()?;
    if !settings.print_config {
        return Ok(Some(command_line));
    }
    let lines = settings.effective().map(|(name, value)| format!("{name}={value}\n")).concat();
    let printed = std::io::stdout().write_all(lines.as_bytes());
    printed.map_err(|e| StartError::Other(format!("cannot write: {e}")))?;
    Ok(None)
}

impl Settings {
    /// Checks what the settings say together.
    ///
    /// # Errors
    /// [`StartError::Setting`].
    pub fn check(&self) -> Result<(), StartError> {
        if self.payment_processing_min_ms > self.payment_processing_max_ms {
            let problem = format!(
                "must not be below PAYMENT_PROCESSING_MIN_MS ({})",
                self.payment_processing_min_ms
            );
            return Err(StartError::Setting { name: "PAYMENT_PROCESSING_MAX_MS", problem });
        }
        let problem = match (&self.oidc_issuer, &self.oidc_jwks_file) {
            (Some(_), None) => "is needed with OIDC_ISSUER: keys are not fetched over HTTP yet",
            (None, Some(_)) => "needs OIDC_ISSUER, the issuer whose keys it holds",
            (Some(_), Some(_)) | (None, None) => return Ok(()),
        };
        Err(StartError::Setting { name: "OIDC_JWKS_FILE", problem: problem.to_owned() })
    }

    /// The addresses the process listens on, by variable.
    #[must_use]
    pub const fn addresses(&self) -> [(&'static str, SocketAddr); 3] {
        [
            ("REST_ADDR", self.rest_addr),
            ("GRPC_ADDR", self.grpc_addr),
            ("ADMIN_ADDR", self.admin_addr),
        ]
    }

    /// Every setting with its value, as `--print-config` shows it. None of them is a secret; one
    /// that will be is shown as `***`.
    #[must_use]
    pub fn effective(&self) -> [(&'static str, String); 16] {
        let Self { data_dir, oidc_jwks_file, .. } = self;
        [
            ("DATA_DIR", data_dir.display().to_string()),
            ("REST_ADDR", self.rest_addr.to_string()),
            ("GRPC_ADDR", self.grpc_addr.to_string()),
            ("ADMIN_ADDR", self.admin_addr.to_string()),
            ("PAYMENT_PROVIDER", format!("{:?}", self.payment_provider).to_lowercase()),
            ("PAYMENT_SUCCESS_RATE", self.payment_success_rate.to_string()),
            ("PAYMENT_PROCESSING_MIN_MS", self.payment_processing_min_ms.to_string()),
            ("PAYMENT_PROCESSING_MAX_MS", self.payment_processing_max_ms.to_string()),
            ("PAYMENT_SEED", self.payment_seed.map(|seed| seed.to_string()).unwrap_or_default()),
            ("OIDC_ISSUER", self.oidc_issuer.clone().unwrap_or_default()),
            (
                "OIDC_JWKS_FILE",
                oidc_jwks_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default(),
            ),
            ("OIDC_AUDIENCE", self.oidc_audience.clone()),
            ("LOG_LEVEL", self.log_level.clone()),
            ("IN_FLIGHT_MAX", self.in_flight_max.to_string()),
            ("SHUTDOWN_DELAY_MS", self.shutdown_delay_ms.to_string()),
            ("SHUTDOWN_DRAIN_MS", self.shutdown_drain_ms.to_string()),
        ]
    }
}

fn is_answer(kind: ErrorKind) -> bool {
    [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&kind)
}

/// The first paragraph of what clap says, which names the flag and the variable.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.lines().take_while(|line| !line.trim().is_empty());
    let line = paragraph.map(str::trim).collect::<Vec<_>>().join(" ");
    line.trim_start_matches("error: ").to_owned()
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|_| "must be host:port".to_owned())?;
    found.next().ok_or_else(|| "must be host:port".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

fn log_level(text: &str) -> Result<String, String> {
    log_filter(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    impl AsRef<Settings> for Line {
        fn as_ref(&self) -> &Settings {
            &self.settings
        }
    }

    fn settings(words: &[&str]) -> Result<Settings, StartError> {
        let words = [&["boxoffice"], words].concat();
        read_from::<Line>(words).map(|line| line.expect("to be run").settings)
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let settings = settings(&[]).expect("all have defaults");
        let effective = settings.effective();
        for (name, value) in [
            ("REST_ADDR", "127.0.0.1:8080"),
            ("GRPC_ADDR", "127.0.0.1:50051"),
            ("ADMIN_ADDR", "127.0.0.1:3100"),
            ("DATA_DIR", "./boxoffice-data"),
            ("PAYMENT_PROVIDER", "simulated"),
            ("PAYMENT_SUCCESS_RATE", "1"),
            ("OIDC_AUDIENCE", "boxoffice"),
        ] {
            assert!(effective.contains(&(name, value.to_owned())), "{name}");
        }
    }

    #[test]
    fn every_setting_is_a_variable_and_is_printed() {
        let line = Line::command();
        let variables: BTreeSet<_> = line
            .get_arguments()
            .filter(|flag| !["help", "print_config"].contains(&flag.get_id().as_str()))
            .map(|flag| {
                let variable = flag.get_env().and_then(|name| name.to_str()).expect("a variable");
                assert_eq!(variable, flag.get_id().as_str().to_uppercase());
                assert!(flag.get_help().is_some(), "{variable}");
                variable.to_owned()
            })
            .collect();
        let settings = settings(&[]).expect("all have defaults");
        let printed = settings.effective().map(|(name, _)| name.to_owned());
        assert_eq!(variables, BTreeSet::from(printed));
    }

    #[test]
    fn a_wrong_value_is_one_line_that_names_the_variable() {
        for (words, name) in [
            (&["--rest-addr", "nowhere"][..], "REST_ADDR"),
            (&["--grpc-addr", "127.0.0.1"], "GRPC_ADDR"),
            (&["--admin-addr", "127.0.0.1:99999"], "ADMIN_ADDR"),
            (&["--payment-success-rate", "1.5"], "PAYMENT_SUCCESS_RATE"),
            (&["--payment-success-rate", "NaN"], "PAYMENT_SUCCESS_RATE"),
            (&["--payment-processing-min-ms=-1"], "PAYMENT_PROCESSING_MIN_MS"),
            (&["--payment-processing-min-ms", "5"], "PAYMENT_PROCESSING_MAX_MS"),
            (&["--payment-processing-max-ms", "600001"], "PAYMENT_PROCESSING_MAX_MS"),
            (&["--payment-provider", "cash"], "PAYMENT_PROVIDER"),
            (&["--payment-seed", "x"], "PAYMENT_SEED"),
            (&["--log-level", "loud"], "LOG_LEVEL"),
            (&["--in-flight-max", "0"], "IN_FLIGHT_MAX"),
            (&["--oidc-issuer", "https://id.test"], "OIDC_JWKS_FILE"),
            (&["--oidc-jwks-file", "keys.json"], "OIDC_ISSUER"),
        ] {
            let line = settings(words).expect_err("wrong").to_string();
            assert!(line.contains(name) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn unknown_flags_are_refused() {
        let line = settings(&["--reset-addr", "127.0.0.1:1"]).expect_err("unknown").to_string();
        assert!(line.contains("--reset-addr"), "{line}");
    }

    #[test]
    fn hosts_may_have_names_and_levels_may_have_targets() {
        let words = ["--rest-addr", "localhost:0", "--log-level", "info,booking=debug"];
        assert!(settings(&words).expect("right").rest_addr.ip().is_loopback());
    }
}
