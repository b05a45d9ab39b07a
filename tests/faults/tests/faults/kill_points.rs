//! Servers that end at each point of a booking's process, ten times each (matrix rows 1 and 3): whatever is half done is
//! finished by who comes after, and the books are right.

use std::collections::BTreeMap;
use std::time::Duration;

use faults::{Scene, rounds, tell};
use futures::StreamExt;
use serde_json::json;
use testkit::{Shape, eventually_within};

/// Where, in whose server, and what leads there.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: &'static str,
    server: &'static str,
    story: Story,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    Book,
    Cancel,
    /// Declined, and never paid.
    Expire,
}

const fn point(at: &'static str, server: &'static str, story: Story) -> Point {
    Point { at, server, story }
}

const POINTS: [Point; 13] = [
    point("after create_booking", "booking", Story::Book),
    point("before hold_stock", "booking", Story::Book),
    point("after hold_stock", "booking", Story::Book),
    point("before charge", "booking", Story::Book),
    point("after charge", "booking", Story::Book),
    point("before commit_hold", "booking", Story::Book),
    point("after commit_hold", "booking", Story::Book),
    point("before provider_charge", "payment", Story::Book),
    point("after provider_charge", "payment", Story::Book),
    point("before provider_refund", "payment", Story::Cancel),
    point("after provider_refund", "payment", Story::Cancel),
    point("before release_hold", "booking", Story::Expire),
    point("after release_hold", "booking", Story::Expire),
];
/// A hold that is not paid ends after ten seconds, and a lease of who is gone after fifteen.
const KILLED_WITHIN: Duration = Duration::from_secs(40);
const READY_WITHIN: Duration = Duration::from_secs(30);
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn rows_1_and_3_killed_at_every_point_of_the_process_over_sqlite() {
    all_points(Shape::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_1_and_3_killed_at_every_point_of_the_process_over_postgresql() {
    all_points(Shape::Postgres).await;
}

async fn all_points(shape: Shape) {
    let points = futures::stream::iter(POINTS);
    points.for_each_concurrent(AT_ONCE, |point| Box::pin(kill_at(shape, point))).await;
}

async fn kill_at(shape: Shape, point: Point) {
    let mut scene = Scene::of(shape, 1).await;
    let name =
        if shape.is_distributed() { format!("{}-1", point.server) } else { "boxoffice".to_owned() };
    let ticket = register(&scene).await;
    let (kills, at) = (rounds(10, 1), format!("{}:1", point.at));
    for number in 0..kills {
        let ended = scene.platform.server(&name).terminate().await;
        assert!(ended.success(), "{point:?}: {ended}");
        scene.platform.server(&name).start_armed(&[("KILL_AT", &at)]);
        // It may be killed by what it finds to do before it is ready.
        let is_ready = async {
            let server = scene.platform.server(&name);
            while server.is_running() && !server.is_ready().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ready_or_gone = tokio::time::timeout(READY_WITHIN, is_ready).await;
        tell_story(&scene, &ticket, number, point.story).await;
        let killed = scene.platform.server(&name).ends_within(KILLED_WITHIN).await;
        assert!(killed, "{point:?}: was not passed");
        scene.platform.server(&name).restart().await;
    }
    scene.all_is_well(&BTreeMap::new()).await;
    for number in 0..kills {
        is_at_rest(&scene, number).await;
    }
    tell(&format!("{shape:?}, {}: killed {kills} times, all at rest, books right", point.at));
}

async fn register(scene: &Scene) -> String {
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": "Cursed", "capacity": "100", "holdTtl": "10s",
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
    });
    let acme = scene.platform.organizer("acme");
    let answer = scene.platform.http.post("/v1/tickets").token(&acme).json(ticket).send().await;
    answer.unwrap().text("ticketId").to_owned()
}

/// Whatever is answered, if anything: the server may end at any time.
async fn tell_story(scene: &Scene, ticket: &str, number: usize, story: Story) {
    let token = scene.buyer(number);
    let method = if story == Story::Expire { "declined" } else { "ok" };
    let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": method});
    let http = &scene.platform.http;
    let booked = http.post("/v1/bookings").token(&token).json(wish).send().await;
    let Ok(booked) = booked else { return };
    if story == Story::Cancel {
        let path = format!("/v1/bookings/{}:cancel", booked.text("bookingId"));
        let _answer = http.post(&path).token(&token).json(json!({})).send().await;
    }
}

/// The buyer's bookings have ended one way or the other.
async fn is_at_rest(scene: &Scene, number: usize) {
    let token = scene.buyer(number);
    eventually_within(Duration::from_secs(60), "bookings at rest", || async {
        let all = faults::all_rows(&scene.platform.http, &token, "bookings").await?;
        let is_open = |status: &str| {
            ["PENDING", "CANCELLING", "AWAITING_PAYMENT"].iter().any(|open| status.ends_with(open))
        };
        let open = all.iter().find(|row| row["status"].as_str().is_none_or(is_open));
        open.map_or(Ok(()), |row| Err(row.to_string()))
    })
    .await;
}
