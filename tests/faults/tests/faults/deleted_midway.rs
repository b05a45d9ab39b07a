//! A ticket is deleted while a booking of it stands at a point of its process where its server has just ended (trap
//! R08): the booking ends, all that was paid for it goes back, and so does its stock.

use std::time::{Duration, Instant};

use boxoffice::http::HttpAnswer;
use faults::{all_rows, rounds};
use serde_json::Value;
use testkit::{Shape, eventually_within};

use crate::points::{Point, Seen, Stage, at_every_point};

/// How a booking may end whose ticket is deleted.
const ENDS: [&str; 3] =
    ["BOOKING_STATUS_REJECTED", "BOOKING_STATUS_EXPIRED", "BOOKING_STATUS_CANCELLED"];
/// How an attempt to pay it may.
const PAYMENT_ENDS: [&str; 2] = ["PAYMENT_STATUS_DECLINED", "PAYMENT_STATUS_REFUNDED"];
const ALL_BACK_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn r08_a_ticket_deleted_at_every_point_of_the_process_over_sqlite() {
    deleted_at_every_point(Shape::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r08_a_ticket_deleted_at_every_point_of_the_process_over_postgresql() {
    deleted_at_every_point(Shape::Postgres).await;
}

async fn deleted_at_every_point(shape: Shape) {
    let title = format!("deleted at every point, {shape:?}");
    at_every_point(&title, shape, async |stage, point| {
        let mut seen = Seen::default();
        for _ in 0..rounds(10, 1) {
            let took = deleted_at(stage, point).await;
            seen = Seen { kills: seen.kills + 1, at_rest: seen.at_rest.max(took) };
        }
        seen
    })
    .await;
}

/// Gives how long it took until all had ended, from when everything was there again.
async fn deleted_at(stage: &mut Stage, point: Point) -> Duration {
    let (ticket, buyer) = (stage.register(point).await, stage.next_buyer());
    // In turn before the server is back, where others take the call, and right after it.
    let while_away = stage.has_others() && buyer % 2 == 0;
    stage.kill(point, &ticket, buyer).await;
    if while_away {
        delete(stage, &ticket).await;
    }
    stage.goes_on(point).await;
    let back = Instant::now();
    if !while_away {
        delete(stage, &ticket).await;
    }
    stage.at_rest(&[buyer], &ENDS, back).await;
    let left = ALL_BACK_WITHIN.saturating_sub(back.elapsed());
    let what = format!("{point}: money and stock are back");
    eventually_within(left, &what, || all_back(stage, &ticket, buyer)).await;
    back.elapsed()
}

async fn delete(stage: &Stage, ticket: &str) {
    let (http, path) = (&stage.scene.platform.http, format!("/v1/tickets/{ticket}"));
    let acme = stage.scene.platform.organizer("acme");
    eventually_within(ALL_BACK_WITHIN, "the ticket is deleted", || async {
        let deleted = http.delete(&path).token(&acme).send().await;
        let deleted = deleted.map_err(|error| error.to_string())?;
        if deleted.status == 200 { Ok(()) } else { Err(deleted.json.to_string()) }
    })
    .await;
}

/// Nothing is kept of what the buyer paid for the one booking, and nothing of the ticket's stock is held or sold.
async fn all_back(stage: &Stage, ticket: &str, buyer: usize) -> Result<(), String> {
    let (http, token) = (&stage.scene.platform.http, stage.scene.buyer(buyer));
    let bookings = all_rows(http, &token, "bookings").await?;
    assert_eq!(bookings.len(), 1, "{bookings:?}");
    let payments = all_rows(http, &token, "payments").await?;
    let has_ended =
        |payment: &&Value| PAYMENT_ENDS.contains(&payment["status"].as_str().unwrap_or_default());
    if let Some(open) = payments.iter().find(|payment| !has_ended(payment)) {
        return Err(open.to_string());
    }
    let refused = |answer: HttpAnswer| format!("{} {}", answer.status, answer.json);
    let got = async |path: String| http.get(path).send().await.map_err(|error| error.to_string());
    let deleted = got(format!("/v1/tickets/{ticket}")).await?;
    if deleted.text("status") != "TICKET_STATUS_RETIRED" {
        return Err(refused(deleted));
    }
    let stock = got(format!("/v1/tickets/{ticket}/availability")).await?;
    let is_whole = stock.text("held") == "0" && stock.text("sold") == "0";
    if is_whole { Ok(()) } else { Err(refused(stock)) }
}
