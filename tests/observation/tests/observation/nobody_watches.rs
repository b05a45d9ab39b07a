//! Nothing depends on who watches: a collector or a Prometheus that is away, or an admin port that is besieged.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use boxoffice::http::HttpClient;
use serde_json::json;
use testkit::{Plan, Platform, Shape, eventually};
use tokio::task::{JoinSet, block_in_place};

use crate::collected::Collected;
use crate::scraper::Scraper;
use crate::world::{answered, every_ending, register, wish};

/// More than an admin port accepts at once.
const SILENT: usize = 80;
const BUYERS: usize = 2;
/// So many bookings under each fault.
const ENOUGH: usize = 20;
/// Spans that wait to be sent: a queue that is full soon.
const QUEUE_MAX: f64 = 32.0;
/// What the alert MemoryHigh allows.
const MEMORY_MAX_BYTES: f64 = 450e6;

#[tokio::test(flavor = "multi_thread")]
async fn p06_calls_succeed_whoever_watches_or_does_not() {
    let mut collected = Collected::start();
    let plan = Plan::of(Shape::Postgres)
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", collected.collector.url())
        .with("OTEL_TRACES_SAMPLER", "always_on")
        .with("OTEL_BSP_MAX_QUEUE_SIZE", &QUEUE_MAX.to_string())
        .with("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &QUEUE_MAX.to_string());
    let mut platform = Platform::start_as(plan).await;
    let mut scraper = Scraper::over(&mut platform);
    let ticket = register(&platform).await;
    let load = Load::begin(&platform, &ticket);
    load.goes_on("all is there").await;

    block_in_place(|| collected.collector.kill9()).unwrap();
    load.goes_on("the collector is away").await;
    // In its place stands one that takes connections and never answers.
    let address: SocketAddr = collected.collector.url().replace("http://", "").parse().unwrap();
    let silent_collector = TcpListener::bind(address).unwrap();
    load.goes_on("the collector hangs").await;
    block_in_place(|| scraper.server.kill9()).unwrap();
    load.goes_on("Prometheus is away").await;
    let besieging = besiege(&mut platform);
    load.goes_on("the admin ports are besieged").await;
    drop(besieging);
    drop(silent_collector);
    block_in_place(|| collected.collector.restart()).unwrap();
    let before = collected.spans().len();
    eventually("spans again", || async {
        let now = collected.spans().len();
        if now > before { Ok(()) } else { Err("none") }
    })
    .await;
    load.end().await;
    lost_spans_are_counted(&mut platform).await;
    for server in platform.servers() {
        let numbers = server.admin_get("/metrics").await.unwrap().body;
        let memory = number(&numbers, "process_resident_memory_bytes").expect("it is told");
        assert!(memory < MEMORY_MAX_BYTES, "{}: {memory} bytes", server.name());
    }
    platform.audit_is_clean().await;
}

/// Some were lost on the way, and more ended than were sent, lost, or can wait in the queue.
async fn lost_spans_are_counted(platform: &mut Platform) {
    let booking = platform.server("booking-1");
    eventually("spans that were lost and dropped", || async {
        let numbers = booking.admin_get("/metrics").await?.body;
        let spans = |outcome| number(&numbers, &format!("spans_total{{outcome=\"{outcome}\"}}"));
        let (ended, sent, lost) = (spans("ended"), spans("sent"), spans("lost"));
        let counted = ended.zip(sent).zip(lost);
        let dropped = counted.map(|((ended, sent), lost)| (ended - sent - lost, lost));
        match dropped {
            Some((dropped, lost)) if dropped > QUEUE_MAX && lost > 0.0 => Ok(()),
            _ => Err(format!("ended {ended:?}, sent {sent:?}, lost {lost:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_servers_start_and_serve_where_no_collector_is() {
    // Nobody listens at the port of tcpmux.
    let nobody = "http://127.0.0.1:1";
    for protocol in ["grpc", "http/protobuf"] {
        let plan = Plan::of(Shape::Embedded)
            .with("OTEL_EXPORTER_OTLP_ENDPOINT", nobody)
            .with("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        let mut platform = Platform::start_as(plan).await;
        let ticket = register(&platform).await;
        every_ending(&platform, &ticket).await;
        assert!(platform.terminate().await.success(), "{protocol}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_spans_arrive_by_both_ways_of_otlp_and_the_last_before_the_end() {
    let collected = Collected::start();
    let ways = [("grpc", collected.collector.url()), ("http/protobuf", &collected.http)];
    for (protocol, address) in ways {
        let service = format!("told over {protocol}");
        let plan = Plan::of(Shape::Embedded)
            .with("OTEL_EXPORTER_OTLP_ENDPOINT", address)
            .with("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .with("OTEL_SERVICE_NAME", &service);
        let mut platform = Platform::start_as(plan).await;
        let ticket = register(&platform).await;
        answered(wish(&platform, &ticket, 1, "ok")).await;
        // What still waits to be sent is sent before the end.
        assert!(platform.terminate().await.success(), "{protocol}");
        eventually(&service, || async {
            let spans = collected.spans();
            let own = spans.iter().filter(|span| span.service == service);
            let booked = own.clone().any(|span| span.name == "POST /v1/bookings");
            if booked { Ok(()) } else { Err(format!("{} spans", own.count())) }
        })
        .await;
    }
}

/// Buyers who book and cancel until they are told to end.
struct Load {
    booked: Arc<AtomicUsize>,
    ending: Arc<AtomicBool>,
    buyers: JoinSet<()>,
}

impl Load {
    fn begin(platform: &Platform, ticket: &str) -> Self {
        let (booked, ending) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let mut buyers = JoinSet::new();
        for number in 0..BUYERS {
            let http = HttpClient::new(format!("http://{}", platform.rest_addr()));
            let token = platform.buyer(&format!("buyer-{number}"));
            let (ticket, booked, ending) = (ticket.to_owned(), booked.clone(), ending.clone());
            buyers.spawn(async move {
                while !ending.load(Ordering::SeqCst) {
                    book_and_cancel(&http, &token, &ticket).await;
                    booked.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { booked, ending, buyers }
    }

    /// Waits until enough more was booked. That a call failed is seen at the end, or here, as nothing goes on.
    async fn goes_on(&self, while_: &str) {
        let enough = self.booked.load(Ordering::SeqCst) + ENOUGH;
        eventually(while_, || async {
            let booked = self.booked.load(Ordering::SeqCst);
            if booked >= enough { Ok(()) } else { Err(format!("{booked} of {enough}")) }
        })
        .await;
    }

    async fn end(self) {
        self.ending.store(true, Ordering::SeqCst);
        // A buyer whose call failed has panicked.
        self.buyers.join_all().await;
    }
}

async fn book_and_cancel(http: &HttpClient, token: &str, ticket: &str) {
    let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
    let booked = answered(http.post("/v1/bookings").token(token).json(wish)).await;
    assert_eq!(booked.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", booked.json);
    let cancel = format!("/v1/bookings/{}:cancel", booked.text("bookingId"));
    answered(http.post(cancel).token(token).json(json!({}))).await;
}

/// Connections to every admin port on which nothing is ever said.
fn besiege(platform: &mut Platform) -> Vec<TcpStream> {
    let mut silent = Vec::new();
    for server in platform.servers() {
        let admin = server.admin_url().replace("http://", "");
        silent.extend((0..SILENT).filter_map(|_| TcpStream::connect(&admin).ok()));
    }
    silent
}

/// A metric's number: `name 1`, `name{label="x"} 1`.
fn number(numbers: &str, metric: &str) -> Option<f64> {
    let line = numbers.lines().find_map(|line| line.strip_prefix(metric))?;
    line.rsplit(' ').next()?.parse().ok()
}
