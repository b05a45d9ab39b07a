//! The whole platform measured: a fresh one in one process, and buyers who book as fast as they are answered.

use std::time::Duration;

use boxoffice::http::HttpClient;
use faults::{LoadPlan, Scene};
use testkit::{Platform, Shape};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::measurement::Measurement;
use crate::processor::Watch;

const WARM_UP: Duration = Duration::from_secs(2);
/// Several, so that buyers do not all wait for one row.
const TICKETS: usize = 8;
const CAPACITY: u32 = 10_000_000;
/// The calls that count; some bookings are cancelled, which is load as well.
const BOOKING: &str = "/v1/bookings wish-";
const SPANS_SENT: &str = "spans_total{outcome=\"sent\"}";
const SCRAPED_EVERY: Duration = Duration::from_secs(1);
/// As Prometheus asks.
const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";

/// A way to run the platform.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// Settings from the environment.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Whether it is watched: somebody reads its metrics each second, and it MUST send spans, or else none.
    pub(crate) watched: bool,
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
    if side.watched {
        readers.spawn(read_metrics(HttpClient::new(admin(&mut scene.platform))));
    }
    let load = scene.load(LoadPlan::on(tickets, buyers, &["ok"]));
    sleep(WARM_UP).await;
    let (_warm_up, watch, begun) =
        (load.measured(), Watch::begin(scene.processes()), Instant::now());
    sleep(time).await;
    let (calls, took, used) = (load.measured().of(BOOKING), begun.elapsed(), watch.end());
    assert!(readers.try_join_next().is_none(), "whoever reads the metrics has ended");
    drop(readers);
    load.stop().await;
    // Who sends none does not tell of it.
    let spans = sample(&scene.platform, SPANS_SENT).await.unwrap_or_default();
    assert_eq!(spans > 0.0, side.watched, "{spans} spans were sent");
    scene.platform.terminate().await;
    let waits = calls.answered().map(|call| call.took).collect();
    Measurement::of(waits, calls.failures().count(), took, &used)
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

async fn sample(platform: &Platform, name: &str) -> Option<f64> {
    let page = platform.admin_get("/metrics").await.body;
    let mut samples = page.lines().filter(|line| line.starts_with(name));
    samples.find_map(|line| line.rsplit_once(' ')?.1.parse().ok())
}
