//! One measurement: a fresh platform in one process, buyers who book as fast as they are answered, and the numbers of
//! one span of time after a warm-up.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use boxoffice::http::HttpClient;
use faults::{LoadPlan, Scene};
use serde::Serialize;
use testkit::{Platform, Shape};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

const WARM_UP: Duration = Duration::from_secs(2);
/// Several, so that buyers do not all wait for one row.
const TICKETS: usize = 8;
const CAPACITY: u32 = 10_000_000;
/// The calls that count; some bookings are cancelled, which is load as well.
const BOOKING: &str = "/v1/bookings wish-";
const CPU: &str = "process_cpu_seconds_total";
const SPANS_SENT: &str = "spans_total{outcome=\"sent\"}";
const SCRAPED_EVERY: Duration = Duration::from_secs(1);
/// As Prometheus asks.
const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";

/// A way to run the platform.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// What it is called in tables.
    pub(crate) name: &'static str,
    /// Settings from the environment.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Whether somebody reads its metrics each second.
    pub(crate) scraped: bool,
}

/// The numbers of one span of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Measurement {
    pub(crate) bookings_per_second: f64,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time of the platform's process alone.
    pub(crate) cpu_ms_per_booking: f64,
    /// Calls without a definite answer; not among the bookings.
    pub(crate) failed: usize,
    /// Since the platform began.
    pub(crate) spans_sent: f64,
}

impl Display for Measurement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { bookings_per_second, p99_ms, cpu_ms_per_booking, failed, spans_sent, .. } = self;
        write!(
            f,
            "{bookings_per_second:>8.1} bookings/s, p99 {p99_ms:>7.1} ms, {cpu_ms_per_booking:.2} ms of processor \
             each, {failed} failed, {spans_sent} spans sent"
        )
    }
}

/// Runs the platform in this way for so long.
pub(crate) async fn measure(side: &Side, buyers: usize, time: Duration) -> Measurement {
    let mut plan = testkit::Plan::of(Shape::Embedded);
    // The provider's own time is no cost of ours.
    plan = plan.with("PAYMENT_PROCESSING_MIN_MS", "1").with("PAYMENT_PROCESSING_MAX_MS", "1");
    plan = side.settings.iter().fold(plan, |plan, (name, value)| plan.with(name, value));
    let mut scene = Scene::planned(plan).await;
    let mut tickets = Vec::new();
    for number in 0..TICKETS {
        tickets.push(scene.register(&format!("Seat {number}"), CAPACITY).await);
    }
    let mut readers = JoinSet::new();
    if side.scraped {
        readers.spawn(read_metrics(HttpClient::new(admin(&mut scene.platform))));
    }
    let load = scene.load(LoadPlan::on(tickets, buyers, &["ok"]));
    sleep(WARM_UP).await;
    let (_warm_up, cpu_before, begun) =
        (load.measured(), cpu_seconds(&scene.platform).await, Instant::now());
    sleep(time).await;
    let (calls, took) = (load.measured().of(BOOKING), begun.elapsed());
    let cpu = cpu_seconds(&scene.platform).await - cpu_before;
    assert!(readers.try_join_next().is_none(), "whoever reads the metrics has ended");
    drop(readers);
    load.stop().await;
    // Who sends none does not tell of it.
    let spans_sent = sample(&scene.platform, SPANS_SENT).await.unwrap_or_default();
    scene.platform.terminate().await;
    let failed = calls.failures().count();
    let bookings = as_number(calls.count() - failed);
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Measurement {
        bookings_per_second: bookings / took.as_secs_f64(),
        median_ms: ms(calls.median()),
        p99_ms: ms(calls.percentile(99)),
        cpu_ms_per_booking: cpu * 1000.0 / bookings.max(1.0),
        failed,
        spans_sent,
    }
}

fn admin(platform: &mut Platform) -> String {
    let server = platform.servers().first().map(|server| server.admin_url());
    server.unwrap_or_else(|| panic!("no process"))
}

/// Until it is dropped.
async fn read_metrics(admin: HttpClient) {
    let mut turns = interval(SCRAPED_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let read = admin.get("/metrics").header("accept", OPEN_METRICS).send().await;
        if let Err(error) = read {
            panic!("metrics: {error}");
        }
    }
}

async fn cpu_seconds(platform: &Platform) -> f64 {
    let seconds = sample(platform, CPU).await;
    seconds.unwrap_or_else(|| panic!("the process does not tell its {CPU}"))
}

async fn sample(platform: &Platform, name: &str) -> Option<f64> {
    let page = platform.admin_get("/metrics").await.body;
    let mut samples = page.lines().filter(|line| line.starts_with(name));
    samples.find_map(|line| line.rsplit_once(' ')?.1.parse().ok())
}

/// Exact for as many as can be counted here.
fn as_number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
