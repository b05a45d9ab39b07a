//! kill -9 under load: nothing oversold, nothing lost, nothing stuck.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boxoffice::http::HttpAnswer;
use serde_json::{Value, json};
use testkit::{Platform, eventually_within};

use crate::world::register;

const BOOKINGS: usize = 400;
const CLIENTS: usize = 64;
const UNITS: u32 = 50;
const DECIDED_WITHIN: Duration = Duration::from_secs(30);
/// All want the same ticket, of which a server's database decides one after the other: on a busy machine
/// the last waits long, and which one it is is chance.
const ANSWERED_WITHIN: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn i1_i3_i5_400_bookings_by_64_clients_on_50_units_with_two_kills() {
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Hot", UNITS).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let http = platform.http.clone();
            let token = platform.buyer(&format!("buyer-{client}"));
            let (ticket, asked, answered) = (ticket.clone(), asked.clone(), answered.clone());
            tokio::spawn(async move {
                let mut told = BTreeSet::<String>::new();
                loop {
                    let n = asked.fetch_add(1, Ordering::SeqCst);
                    if n >= BOOKINGS {
                        return told;
                    }
                    let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
                    // A call that got no answer is sent again with its key until it has one.
                    let key = format!("hot-{n}");
                    let send = || {
                        http.post("/v1/bookings").token(&token).key(&key).json(wish.clone()).send()
                    };
                    let answer = eventually_within(ANSWERED_WITHIN, &key, || async {
                        let answer = send().await.map_err(|error| error.to_string())?;
                        let definite = answer.status == 201 || answer.reason() == "SOLD_OUT";
                        if definite {
                            Ok(answer)
                        } else {
                            Err(format!("{} {}", answer.status, answer.json))
                        }
                    })
                    .await;
                    told.extend(booking_of(&answer));
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();

    for kill_after in [40, 160] {
        eventually_within(ANSWERED_WITHIN, "progress", || async {
            if answered.load(Ordering::SeqCst) >= kill_after {
                Ok(())
            } else {
                Err("too few answers".to_owned())
            }
        })
        .await;
        platform.kill9().await;
        platform.restart().await;
    }
    let mut told = BTreeSet::<String>::new();
    for client in clients {
        told.extend(client.await.unwrap());
    }

    let statuses = eventually_within(DECIDED_WITHIN, "nothing pending", || async {
        let statuses = all_statuses(&platform).await;
        let is_pending = |status: &&String| *status == "BOOKING_STATUS_PENDING";
        let pending = statuses.values().filter(is_pending).count();
        if pending == 0 { Ok(statuses) } else { Err(format!("{pending} PENDING")) }
    })
    .await;
    let confirmed =
        statuses.values().filter(|status| *status == "BOOKING_STATUS_CONFIRMED").count();
    assert_eq!(confirmed, UNITS as usize, "exactly what there was");
    // A key whose ticket was known to be sold out made none and was told of none.
    let made: BTreeSet<_> = statuses.into_keys().collect();
    assert_eq!(made, told, "no key made two bookings, however often it was sent");
    tokio::time::timeout(Duration::from_secs(60), platform.audit_is_clean())
        .await
        .expect("audit ends");
}

/// The booking that an answer tells of, also as the one that came to nothing.
fn booking_of(answer: &HttpAnswer) -> Option<String> {
    if answer.status == 201 {
        return Some(answer.text("bookingId").to_owned());
    }
    let mut details = answer.json["details"].as_array()?.iter();
    details.find_map(|detail| detail["metadata"]["booking_id"].as_str()).map(str::to_owned)
}

/// By the bookings' ids.
async fn all_statuses(platform: &Platform) -> BTreeMap<String, String> {
    let mut statuses = BTreeMap::new();
    for client in 0..CLIENTS {
        let token = platform.buyer(&format!("buyer-{client}"));
        let answer =
            platform.http.get("/v1/bookings?pageSize=100").token(&token).send().await.unwrap();
        let rows = answer.json["bookings"].as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        statuses.extend(rows.iter().map(|row| (text(&row["bookingId"]), text(&row["status"]))));
    }
    statuses
}
