//! Every setting of a process: flag, variable, default, meaning. Read once, checked at start.

use std::fmt::Display;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};
use grpc_server::limits::STREAMS_MAX;
use sea_orm_database::{Batching, DatabaseUrl};

use crate::limits::{STREAM_BYTES, WAIT_MS_MAX};
use crate::nats_url::NatsUrl;
use crate::oidc::OidcSettings;
use crate::rates::RateLimits;
use crate::secret::Secret;
use crate::start_error::StartError;
use crate::telemetry::TelemetrySettings;
use crate::tls::TlsSettings;

/// The settings. Each is a flag, and a variable of the name that stands for its value.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Folder of the embedded databases and of the keys that this platform's servers share
    #[arg(long, env = "DATA_DIR", global = true, default_value = "./boxoffice-data")]
    pub data_dir: PathBuf,

    /// Where the data is: sqlite:PATH, postgres://user@host/name or mysql://user@host/name. A context's
    /// own server uses it as it is; the platform in one process has one database for each context
    /// beside it, NAME_ticket and so on. Without it: files of SQLite in DATA_DIR
    #[arg(long, env = "DATABASE_URL", global = true, hide_env_values = true)]
    pub database_url: Option<DatabaseUrl>,

    /// The bus: nats://host:port, several separated by commas. Servers of their own need it; without
    /// it the platform in one process has its bus inside
    #[arg(long, env = "NATS_URL", global = true, hide_env_values = true)]
    pub nats_url: Option<NatsUrl>,

    /// Copies that a NATS cluster keeps of a stream that is made now: 1, 3 or 5
    #[arg(long, env = "NATS_STREAM_REPLICAS", global = true, default_value = "1", value_parser = replicas)]
    pub nats_stream_replicas: usize,

    /// Bytes that a stream that is made now may hold, which NATS sets aside on its disk. It keeps events
    /// for 7 days; when it is full they wait in the outboxes
    #[arg(long, env = "NATS_STREAM_MAX_BYTES", global = true, default_value = "1073741824", value_parser = value_parser!(u64).range(STREAM_BYTES))]
    pub nats_stream_max_bytes: u64,

    /// Where NATS' monitoring listens, such as http://127.0.0.1:8222: asked at start whether what NATS
    /// acknowledges is on its disk
    #[arg(long, env = "NATS_MONITOR_URL", global = true, hide_env_values = true)]
    pub nats_monitor_url: Option<String>,

    /// Whether what comes at once shares transactions and calls between servers: on, or off, which is what it is
    /// measured against
    #[arg(long, env = "BATCHING", global = true, default_value = "on")]
    pub batching: Batching,

    /// Where REST, gRPC, gRPC-Web and OpenAPI are served
    #[arg(long, env = "REST_ADDR", global = true, default_value = "127.0.0.1:8080", value_parser = address)]
    pub rest_addr: SocketAddr,

    /// The origins of pages that may call from browsers, such as https://shop.example, several separated by commas; *
    /// for all. Without it no page of another origin may
    #[arg(long, env = "CORS_ORIGINS", global = true, value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<String>,

    /// Where gRPC is served
    #[arg(long, env = "GRPC_ADDR", global = true, default_value = "127.0.0.1:50051", value_parser = address)]
    pub grpc_addr: SocketAddr,

    /// Where /live, /ready and /metrics are served
    #[arg(long, env = "ADMIN_ADDR", global = true, default_value = "127.0.0.1:3100", value_parser = address)]
    pub admin_addr: SocketAddr,

    /// Who takes the money
    #[arg(long, env = "PAYMENT_PROVIDER", global = true, default_value = "simulated")]
    pub payment_provider: PaymentProvider,

    /// Whether charges are kept from a provider that does not answer or takes longer than PAYMENT_SLOW_MS, so that buyers
    /// are told at once to pay later; it is tried again every few seconds. Switched off to compare
    #[arg(long, env = "PAYMENT_BREAKER", global = true, default_value = "on")]
    pub payment_breaker: Switch,

    /// The most charges that one server has under way at the provider; buyers beyond them are told to pay later
    #[arg(long, env = "PAYMENT_AT_ONCE", global = true, default_value = "1024", value_parser = value_parser!(u32).range(1..=100_000))]
    pub payment_at_once: u32,

    /// A charge that takes longer than this has failed, as far as PAYMENT_BREAKER goes, whatever becomes of it; in
    /// milliseconds
    #[arg(long, env = "PAYMENT_SLOW_MS", global = true, default_value = "2000", value_parser = value_parser!(u64).range(1..=WAIT_MS_MAX))]
    pub payment_slow_ms: u64,

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

    /// Simulated provider: whether it takes a charge and tells of its result later, by a message; switched off the result
    /// is its answer
    #[arg(long, env = "PAYMENT_ASYNC", global = true, default_value = "off")]
    pub payment_async: Switch,

    /// Stripe: where its API is, or one that speaks alike
    #[arg(
        long,
        env = "STRIPE_API_BASE",
        global = true,
        default_value = "https://api.stripe.com",
        hide_env_values = true
    )]
    pub stripe_api_base: String,

    /// Stripe: the secret key that it is asked with, needed with PAYMENT_PROVIDER=stripe
    #[arg(long, env = "STRIPE_API_KEY", global = true, hide_env_values = true)]
    pub stripe_api_key: Option<Secret>,

    /// Stripe: the secret that it signs its events with. Without it none are taken, and what became of a charge that
    /// nobody answered is asked for until it is known, which takes longer
    #[arg(long, env = "STRIPE_WEBHOOK_SECRET", global = true, hide_env_values = true)]
    pub stripe_webhook_secret: Option<Secret>,

    /// Stripe: where its events are taken, by POST to /webhooks/stripe
    #[arg(long, env = "STRIPE_WEBHOOK_ADDR", global = true, default_value = "127.0.0.1:8081", value_parser = address)]
    pub stripe_webhook_addr: SocketAddr,

    /// Whose tokens are trusted, as the tokens' `iss` says it, letter by letter. Its keys are found by OpenID Connect
    /// Discovery, over https, or http at this machine. Without it the development issuer's, with a key in DATA_DIR;
    /// that one serves only loopback addresses
    #[arg(long, env = "OIDC_ISSUER", global = true)]
    pub oidc_issuer: Option<String>,

    /// File with the JWKS of OIDC_ISSUER, which then is not asked for its keys
    #[arg(long, env = "OIDC_JWKS_FILE", global = true)]
    pub oidc_jwks_file: Option<PathBuf>,

    /// File with the key that signs the calls between our own servers where OIDC_ISSUER is set; all of
    /// them need the same. Made when it is missing; without it DATA_DIR/service.key. Not used with OIDC_CLIENT_ID
    #[arg(long, env = "SERVICE_KEY_FILE", global = true)]
    pub service_key_file: Option<PathBuf>,

    /// For whom tokens must be made, as the tokens' `aud` says it
    #[arg(long, env = "OIDC_AUDIENCE", global = true, default_value = "boxoffice")]
    pub oidc_audience: String,

    /// TLS.
    #[command(flatten)]
    pub tls: TlsSettings,
    /// How the issuer is asked, and its tokens are read.
    #[command(flatten)]
    pub oidc: OidcSettings,

    /// Logs and traces.
    #[command(flatten)]
    pub telemetry: TelemetrySettings,

    /// Threads that calls are answered on; without it as many as the machine has cores
    #[arg(long, env = "WORKER_THREADS", global = true, value_parser = value_parser!(u16).range(1..=1024))]
    pub worker_threads: Option<u16>,

    /// The most calls at once, those of bookings that wait among them; more are refused with RESOURCE_EXHAUSTED: reads
    /// an eighth earlier, payments an eighth later, cancellations not by this limit
    #[arg(long, env = "IN_FLIGHT_MAX", global = true, default_value = "4096", value_parser = value_parser!(u32).range(1..=100_000))]
    pub in_flight_max: u32,

    /// The most streams that a server holds for those who watch bookings or what is left of tickets; more are refused with
    /// RESOURCE_EXHAUSTED. With IN_FLIGHT_MAX and an eighth of it, 16384 at most: they share the gateway's connection
    #[arg(long, env = "WATCHERS_MAX", global = true, default_value = "10000", value_parser = value_parser!(u32).range(1..=i64::from(STREAMS_MAX)))]
    pub watchers_max: u32,

    /// The most of these streams that one caller holds; more are refused with RESOURCE_EXHAUSTED, reason RATE_LIMITED. Of
    /// callers without a token one address, where they call the server by themselves and do not say, by `via` or
    /// `x-forwarded-for`, that they call for others: believed of anybody, so GRPC_ADDR is not for clients to reach
    #[arg(long, env = "WATCHERS_PER_SUBJECT_MAX", global = true, default_value = "16", value_parser = value_parser!(u32).range(1..=i64::from(STREAMS_MAX)))]
    pub watchers_per_subject_max: u32,

    /// The most streams that the gateway holds for one address at REST_ADDR, with or without a token, those of health and
    /// reflection among them; many people may share one. Addresses are those of RATE_LIMIT_ADDRESS_PER_SECOND
    #[arg(long, env = "WATCHERS_PER_ADDRESS_MAX", global = true, default_value = "1000", value_parser = value_parser!(u32).range(1..=i64::from(STREAMS_MAX)))]
    pub watchers_per_address_max: u32,

    /// The most bookings that are made at once, without those that wait for the provider of payments; others wait up to
    /// half a second and are then refused with RESOURCE_EXHAUSTED. One ticket has a quarter of it at most while others
    /// are wanted
    #[arg(long, env = "BOOKINGS_AT_ONCE", global = true, default_value = "96", value_parser = value_parser!(u32).range(1..=65_536))]
    pub bookings_at_once: u32,

    /// How often one caller may call.
    #[command(flatten)]
    pub rates: RateLimits,

    /// How long a stopping server goes on serving after it said NOT_SERVING, in milliseconds
    #[arg(long, env = "SHUTDOWN_DELAY_MS", global = true, default_value = "0", value_parser = value_parser!(u64).range(0..=WAIT_MS_MAX))]
    pub shutdown_delay_ms: u64,

    /// How long a stopping server lets open calls end, in milliseconds
    #[arg(long, env = "SHUTDOWN_DRAIN_MS", global = true, default_value = "15000", value_parser = value_parser!(u64).range(0..=WAIT_MS_MAX))]
    pub shutdown_drain_ms: u64,

    /// Print the effective settings and end
    #[arg(long, global = true)]
    pub print_config: bool,

    /// The context that this process serves alone; none in the platform of one process.
    #[arg(skip)]
    pub context: Option<&'static str>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// In use.
    On,
    /// Not in use.
    Off,
}

/// The payment providers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PaymentProvider {
    /// Takes no money; scripted and by chance.
    Simulated,
    /// Stripe, or whoever speaks as it does.
    Stripe,
}

impl Settings {
    /// Checks what the settings say together.
    ///
    /// # Errors
    /// [`StartError::Setting`].
    pub fn check(&self) -> Result<(), StartError> {
        self.rates.check()?;
        if self.payment_processing_min_ms > self.payment_processing_max_ms {
            let problem = format!(
                "must not be below PAYMENT_PROCESSING_MIN_MS ({})",
                self.payment_processing_min_ms
            );
            return Err(StartError::Setting { name: "PAYMENT_PROCESSING_MAX_MS", problem });
        }
        self.tls.check()?;
        self.check_streams()?;
        if self.oidc_issuer.is_none() && self.oidc_jwks_file.is_some() {
            let problem = "needs OIDC_ISSUER, the issuer whose keys it holds".to_owned();
            return Err(StartError::Setting { name: "OIDC_JWKS_FILE", problem });
        }
        self.oidc.check(self.oidc_issuer.as_deref(), self.oidc_jwks_file.is_some())
    }

    /// Whether all watchers and all calls fit into one connection, which is all that the gateway has to a server.
    fn check_streams(&self) -> Result<(), StartError> {
        let calls = self.in_flight_max + self.in_flight_max / 8;
        let (name, most) = match STREAMS_MAX.saturating_sub(calls) {
            0 => ("IN_FLIGHT_MAX", STREAMS_MAX / 9 * 8 - 1),
            left => ("WATCHERS_MAX", left),
        };
        if self.watchers_max <= STREAMS_MAX.saturating_sub(calls) {
            return Ok(());
        }
        let problem = format!(
            "must not be above {most}: WATCHERS_MAX and nine eighths of IN_FLIGHT_MAX share a connection that has \
             {STREAMS_MAX} streams"
        );
        Err(StartError::Setting { name, problem })
    }

    /// The addresses the process listens on for whoever shows a token, by variable.
    #[must_use]
    pub const fn addresses(&self) -> [(&'static str, SocketAddr); 3] {
        [
            ("REST_ADDR", self.rest_addr),
            ("GRPC_ADDR", self.grpc_addr),
            ("ADMIN_ADDR", self.admin_addr),
        ]
    }

    /// The file with the key for calls between our own servers.
    #[must_use]
    pub fn service_key(&self) -> PathBuf {
        self.service_key_file.clone().unwrap_or_else(|| self.data_dir.join("service.key"))
    }

    /// Every setting with its value, as `--print-config` shows it. Addresses are without passwords.
    #[must_use]
    pub fn effective(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("DATA_DIR", self.data_dir.display().to_string()),
            ("DATABASE_URL", shown(self.database_url.as_ref())),
            ("NATS_URL", shown(self.nats_url.as_ref())),
            ("NATS_STREAM_REPLICAS", self.nats_stream_replicas.to_string()),
            ("NATS_STREAM_MAX_BYTES", self.nats_stream_max_bytes.to_string()),
            ("NATS_MONITOR_URL", shown(self.nats_monitor_url.as_deref().map(without_user))),
            ("BATCHING", self.batching.to_string()),
            ("REST_ADDR", self.rest_addr.to_string()),
            ("CORS_ORIGINS", self.cors_origins.join(",")),
            ("GRPC_ADDR", self.grpc_addr.to_string()),
            ("ADMIN_ADDR", self.admin_addr.to_string()),
            ("PAYMENT_PROVIDER", format!("{:?}", self.payment_provider).to_lowercase()),
            ("PAYMENT_BREAKER", format!("{:?}", self.payment_breaker).to_lowercase()),
            ("PAYMENT_AT_ONCE", self.payment_at_once.to_string()),
            ("PAYMENT_SLOW_MS", self.payment_slow_ms.to_string()),
            ("PAYMENT_SUCCESS_RATE", self.payment_success_rate.to_string()),
            ("PAYMENT_PROCESSING_MIN_MS", self.payment_processing_min_ms.to_string()),
            ("PAYMENT_PROCESSING_MAX_MS", self.payment_processing_max_ms.to_string()),
            ("PAYMENT_SEED", shown(self.payment_seed.as_ref())),
            ("PAYMENT_ASYNC", format!("{:?}", self.payment_async).to_lowercase()),
            ("STRIPE_API_BASE", without_user(&self.stripe_api_base)),
            ("STRIPE_API_KEY", shown(self.stripe_api_key.as_ref())),
            ("STRIPE_WEBHOOK_SECRET", shown(self.stripe_webhook_secret.as_ref())),
            ("STRIPE_WEBHOOK_ADDR", self.stripe_webhook_addr.to_string()),
            ("OIDC_ISSUER", shown(self.oidc_issuer.as_ref())),
            ("OIDC_JWKS_FILE", shown(self.oidc_jwks_file.as_ref().map(|file| file.display()))),
            ("SERVICE_KEY_FILE", self.service_key().display().to_string()),
            ("OIDC_AUDIENCE", self.oidc_audience.clone()),
            ("WORKER_THREADS", shown(self.worker_threads)),
            ("IN_FLIGHT_MAX", self.in_flight_max.to_string()),
            ("WATCHERS_MAX", self.watchers_max.to_string()),
            ("WATCHERS_PER_SUBJECT_MAX", self.watchers_per_subject_max.to_string()),
            ("WATCHERS_PER_ADDRESS_MAX", self.watchers_per_address_max.to_string()),
            ("BOOKINGS_AT_ONCE", self.bookings_at_once.to_string()),
            ("SHUTDOWN_DELAY_MS", self.shutdown_delay_ms.to_string()),
            ("SHUTDOWN_DRAIN_MS", self.shutdown_drain_ms.to_string()),
        ];
        all.extend(self.tls.effective());
        all.extend(self.rates.effective());
        all.extend(self.oidc.effective());
        all.extend(self.telemetry.effective());
        all
    }
}

/// What is not set is shown as nothing.
pub(crate) fn shown(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// An address without the name and the password in it.
pub(crate) fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.rsplit_once('@').map_or(rest, |(_user, host)| host);
    format!("{scheme}://{host}")
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|_| "must be host:port".to_owned())?;
    found.next().ok_or_else(|| "must be host:port".to_owned())
}

/// An origin as browsers send it: compared letter by letter, so it has no path, not even a slash.
fn origin(text: &str) -> Result<String, String> {
    let (scheme, host) = text.split_once("://").unwrap_or(("", text));
    let web = ["http", "https"].contains(&scheme);
    let fine =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:[]".contains(&byte);
    if text == "*" || (web && !host.is_empty() && host.bytes().all(fine)) {
        return Ok(text.to_owned());
    }
    Err("must be origins in lower case such as https://shop.example:8443, without a path, or *"
        .to_owned())
}

fn replicas(text: &str) -> Result<usize, String> {
    let replicas = text.parse::<usize>().ok().filter(|replicas| [1, 3, 5].contains(replicas));
    replicas.ok_or_else(|| "must be 1, 3 or 5".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}
