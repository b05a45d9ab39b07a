//! What thousands of watchers cost a server while nothing changes, and how soon all of them see a change. Told, not
//! judged: it compares nothing.

use std::time::Duration;

use faults::resident::now;
use futures::future::{join_all, try_join_all};
use proto::boxoffice::mypage::v1::WatchMyBookingsRequest;
use proto::boxoffice::mypage::v1::WatchMyBookingsResponse;
use proto::boxoffice::mypage::v1::my_page_service_client::MyPageServiceClient;
use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use proto::boxoffice::ticket::v1::{WatchAvailabilityRequest, WatchAvailabilityResponse};
use testkit::{Plan as Shaped, Shape};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Request, Status, Streaming};

use super::booking::CAPACITY;
use super::stage::{Stage, bearer, connected};
use crate::measurement::as_number;
use crate::plan::Plan;
use crate::processor::Watch;
use crate::report::Found;

/// Half of them watch tickets, half their own bookings.
const WATCHERS: usize = 5_000;
const TICKETS: usize = 100;
const BEGUN_AT_ONCE: usize = 100;
const PATIENCE: Duration = Duration::from_secs(60);
const LOOKS: &str = "watch_looks_total{";

/// Holds as many watchers as are told about above over one connection for each context.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    // The buyers of this program are few, and here each stands for many.
    let shaped = Shaped::of(Shape::Embedded).with("WATCHERS_PER_SUBJECT_MAX", "16384");
    let stage = Stage::set(shaped).await;
    let tickets = stage.tickets("Watched", TICKETS, CAPACITY).await;
    let before = memory(&stage);
    let began = Instant::now();
    let mut left = left_of(&stage, &tickets).await;
    let bookings = bookings_of(&stage).await;
    let numbers = [
        ("watchers", as_number(WATCHERS)),
        ("s to begin", began.elapsed().as_secs_f64()),
        ("KiB each", (memory(&stage) - before) * 1024.0 / as_number(WATCHERS)),
    ];
    found.step("held", numbers);

    let (looks, watch) = (looks(&stage).await, Watch::begin(stage.scene.processes()));
    sleep(plan.time()).await;
    let used = watch.end();
    let busy: Duration =
        stage.servers().iter().filter_map(|(name, _)| used.by_process.get(name)).sum();
    let numbers = [
        ("s", plan.time().as_secs_f64()),
        ("processor ms", busy.as_secs_f64() * 1000.0),
        ("reads", self::looks(&stage).await - looks),
    ];
    found.step("nothing changes", numbers);

    let reads = self::looks(&stage).await;
    let (organizer, began) = (stage.scene.platform.organizer("acme"), Instant::now());
    for ticket in &tickets {
        let path = format!("/v1/tickets/{ticket}:setCapacity");
        let body = serde_json::json!({"capacity": (CAPACITY - 1).to_string()});
        let set = stage.scene.platform.http.post(path).token(&organizer).json(body).send().await;
        let set = set.unwrap_or_else(|error| panic!("{error}"));
        assert!(set.status.is_success(), "{}", set.json);
    }
    let seen = join_all(left.iter_mut().map(|stream| timeout(PATIENCE, stream.message()))).await;
    let told = seen.iter().filter(|seen| matches!(seen, Ok(Ok(Some(_))))).count();
    assert_eq!(told, left.len(), "of those who watch tickets saw a change");
    let numbers = [
        ("watchers told", as_number(told)),
        ("s from the first change", began.elapsed().as_secs_f64()),
        ("reads", self::looks(&stage).await - reads),
    ];
    found.step(format!("{TICKETS} tickets change"), numbers);
    drop((left, bookings));
    found
}

/// Streams of what is left, each of which has had its first answer.
async fn left_of(stage: &Stage, tickets: &[String]) -> Vec<Streaming<WatchAvailabilityResponse>> {
    let channel = connected(&stage.scene.platform.grpc_addr("ticket")).await;
    let ids: Vec<_> = tickets.iter().cycle().take(WATCHERS / 2).collect();
    let mut streams = Vec::with_capacity(ids.len());
    for ids in ids.chunks(BEGUN_AT_ONCE) {
        let begun = ids.iter().map(async |ticket_id| {
            let wish =
                WatchAvailabilityRequest { ticket_id: (*ticket_id).clone(), ..Default::default() };
            // Callers with a token count by it, those without by their address, which is one here.
            let mut request = Request::new(wish);
            request.metadata_mut().insert("authorization", bearer(&stage.token_of(0)));
            let mut client = TicketServiceClient::new(channel.clone());
            let mut stream = client.watch_availability(request).await?.into_inner();
            stream.message().await?;
            Ok::<_, Status>(stream)
        });
        streams.extend(try_join_all(begun).await.unwrap_or_else(|error| panic!("{error}")));
    }
    streams
}

/// Streams of bookings, of which there are none yet.
async fn bookings_of(stage: &Stage) -> Vec<Streaming<WatchMyBookingsResponse>> {
    let channel = connected(&stage.scene.platform.grpc_addr("mypage")).await;
    let buyers: Vec<_> = (0..WATCHERS / 2).collect();
    let mut streams = Vec::with_capacity(buyers.len());
    for buyers in buyers.chunks(BEGUN_AT_ONCE) {
        let begun = buyers.iter().map(async |buyer| {
            let mut request = Request::new(WatchMyBookingsRequest::default());
            request.metadata_mut().insert("authorization", bearer(&stage.token_of(*buyer)));
            let mut client = MyPageServiceClient::new(channel.clone());
            Ok::<_, Status>(client.watch_my_bookings(request).await?.into_inner())
        });
        streams.extend(try_join_all(begun).await.unwrap_or_else(|error| panic!("{error}")));
    }
    streams
}

/// MiB of all servers.
fn memory(stage: &Stage) -> f64 {
    now(&stage.servers()).values().sum()
}

/// Reads for watchers so far.
async fn looks(stage: &Stage) -> f64 {
    let page = stage.scene.platform.admin_get("/metrics").await.body;
    let samples = page.lines().filter(|line| line.starts_with(LOOKS));
    samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}
