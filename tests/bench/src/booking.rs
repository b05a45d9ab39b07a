//! The whole path: bookings of one hot ticket over gRPC, from the client through booking, ticket and payment, each a
//! server with a database of its own on a PostgreSQL that writes to disk before it answers; calls that come at once
//! share transactions, against a transaction for each step.

use std::time::Duration;

use faults::Scene;
use proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;
use proto::boxoffice::booking::v1::{BookingStatus, CreateBookingRequest};
use serde_json::Value;
use testkit::{Plan as Shaped, Shape};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::figures::{BOOKING_256, BOOKING_1024, Figure};
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::processor::Watch;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

const CAPACITY: u32 = 10_000_000;
const WARM_UP: Duration = Duration::from_secs(3);
const CONNECTIONS: u16 = 8;
/// More than calls at once: who is refused for want of room is another benchmark.
const IN_FLIGHT_MAX: &str = "4096";
const LATER: Duration = Duration::from_millis(50);
const CROWDS: [(u16, Option<Figure>); 4] =
    [(1, None), (64, None), (256, Some(BOOKING_256)), (1024, Some(BOOKING_1024))];

/// Measures pairs with several crowds.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let mut found = Found::default();
    for (callers, figure) in CROWDS.into_iter().filter(|(callers, _)| plan.takes(*callers, 256)) {
        println!("booking, {callers} callers");
        let measured = async |batching: &&'static str| measure(batching, callers, plan).await;
        let sides = [("single", &"off"), ("batched", &"on")];
        let comparison = Comparison {
            name: "booking".to_owned(),
            callers,
            baseline: "single",
            ours: "batched",
            pairs: alternated(plan.rounds(), sides, measured).await,
        };
        let rate = figure.map(|figure| comparison.claim(figure, |measured| measured.per_second));
        found.claims.extend(rate);
        found.comparisons.push(comparison);
    }
    found
}

/// A fresh platform for each: tables that have grown would tell of the order of the measurements.
pub(crate) async fn measure(batching: &str, callers: u16, plan: &Plan) -> Measurement {
    let shaped = Shaped::of(Shape::Postgres)
        .with("BATCHING", batching)
        .with("IN_FLIGHT_MAX", IN_FLIGHT_MAX)
        .with("PAYMENT_PROCESSING_MIN_MS", "0")
        .with("PAYMENT_PROCESSING_MAX_MS", "0");
    let mut scene = Scene::planned(shaped).await;
    let ticket = scene.register("Hot", CAPACITY).await;
    let address = format!("http://{}", scene.platform.grpc_addr("booking"));
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS.min(callers) {
        let endpoint = Endpoint::from_shared(address.clone()).unwrap_or_else(|e| panic!("{e}"));
        channels.push(endpoint.connect().await.unwrap_or_else(|error| panic!("{error}")));
    }
    let measured_from = Instant::now() + WARM_UP;
    let until = measured_from + plan.time();
    let mut calling = JoinSet::new();
    for (caller, channel) in (0..callers).zip(channels.iter().cycle()) {
        let token = format!("Bearer {}", scene.platform.buyer(&format!("buyer-{}", caller % 16)));
        let token = token.parse().unwrap_or_else(|error| panic!("{error}"));
        let buyer = Buyer { channel: channel.clone(), token, ticket: ticket.clone() };
        calling.spawn(buyer.book(measured_from, until));
    }
    sleep_until(measured_from).await;
    let watch = Watch::begin(scene.processes());
    sleep_until(until).await;
    let used = watch.end();
    let calls = calling.join_all().await;
    // Only what is found afterwards counts.
    scene.platform.audit_is_clean().await;
    let confirmed: usize = calls.iter().map(|calls| calls.confirmed).sum();
    let left = scene.platform.http.get(format!("/v1/tickets/{ticket}/availability")).send().await;
    let left = left.unwrap_or_else(|error| panic!("{error}")).json;
    let sold = left
        .pointer("/availability/sold")
        .and_then(Value::as_str)
        .and_then(|sold| sold.parse().ok());
    assert!(sold >= Some(confirmed), "{confirmed} bookings are confirmed: {left}");
    scene.platform.terminate().await;
    let failed = calls.iter().map(|calls| calls.failed).sum();
    let waits = calls.into_iter().flat_map(|calls| calls.waits).collect();
    Measurement::of(waits, failed, plan.time(), &used)
}

struct Buyer {
    channel: Channel,
    token: MetadataValue<Ascii>,
    ticket: String,
}

#[derive(Default)]
struct Calls {
    waits: Vec<Duration>,
    confirmed: usize,
    failed: usize,
}

impl Buyer {
    async fn book(self, measured_from: Instant, until: Instant) -> Calls {
        let mut bookings = BookingServiceClient::new(self.channel.clone());
        let mut calls = Calls::default();
        while Instant::now() < until {
            let begun = Instant::now();
            let answered = bookings.create_booking(self.request()).await;
            let measured = begun >= measured_from && Instant::now() < until;
            let status = |booking: Option<proto::boxoffice::booking::v1::Booking>| {
                booking.map(|booking| booking.status())
            };
            match answered.map(|answer| status(answer.into_inner().booking)) {
                Ok(Some(BookingStatus::Confirmed)) => {
                    calls.confirmed += 1;
                    calls.waits.extend(measured.then(|| begun.elapsed()));
                }
                Ok(_) => calls.failed += usize::from(measured),
                Err(refused) => {
                    assert!(is_passing(&refused), "{refused}");
                    calls.failed += usize::from(measured);
                    sleep(LATER).await;
                }
            }
        }
        calls
    }

    fn request(&self) -> Request<CreateBookingRequest> {
        let mut request = Request::new(CreateBookingRequest {
            ticket_id: self.ticket.clone(),
            quantity: 1,
            payment_method: "ok".to_owned(),
            ..CreateBookingRequest::default()
        });
        request.metadata_mut().insert("authorization", self.token.clone());
        request
    }
}

/// Refused for now, or not answered in time.
fn is_passing(status: &Status) -> bool {
    [Code::ResourceExhausted, Code::Unavailable, Code::DeadlineExceeded, Code::Aborted]
        .contains(&status.code())
}
