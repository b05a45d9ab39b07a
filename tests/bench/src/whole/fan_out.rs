//! What it costs that others hear of bookings: the whole path with the relays, the bus, my page and notification at
//! work, against the same alone; and how soon a booking is seen on my page and in the inbox.

use std::time::Duration;

use proto::boxoffice::mypage::v1::GetMyBookingRequest;
use proto::boxoffice::mypage::v1::my_page_service_client::MyPageServiceClient;
use proto::boxoffice::notification::v1::ListNotificationsRequest;
use proto::boxoffice::notification::v1::notification_service_client::NotificationServiceClient;
use testkit::{Plan as Shaped, Shape};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;

use super::answered::{Answer, Calls, Window, percentile_ms};
use super::booking::{CAPACITY, IN_FLIGHT_MAX, WARM_UP};
use super::buyers::Buyer;
use super::stage::{Stage, connected};
use crate::figures::{FAN_OUT, SEEN_AFTER};
use crate::measurement::{Measurement, as_number};
use crate::plan::Plan;
use crate::ratios::{Comparison, Spread, alternated};
use crate::report::Found;

const CALLERS: u16 = 256;
/// What figure G18 is about; half of what the platform can do, where that is less.
const PER_SECOND: f64 = 1_000.0;
const SEED: u64 = 18;
/// So many a second are looked for.
const LOOKED_FOR: f64 = 20.0;
const LOOKED_EVERY: Duration = Duration::from_millis(10);
const SEEN_WITHIN: Duration = Duration::from_secs(60);

/// Measures pairs, then how soon bookings are seen.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let callers = plan.callers.unwrap_or(CALLERS);
    let measured = async |alone: &bool| measure(*alone, callers, plan).await;
    let comparison = Comparison {
        name: "booking, and all who hear of it".to_owned(),
        callers,
        baseline: "alone",
        ours: "heard",
        pairs: alternated(plan.rounds(), [("alone", &true), ("heard", &false)], measured).await,
    };
    let mut found = Found::default();
    found.claims.push(comparison.claim(FAN_OUT, |measured| measured.per_second));
    let heard = comparison.pairs.iter().map(|pair| pair.ours.per_second);
    let per_second = PER_SECOND.min(Spread::of(heard).median / 2.0);
    found.comparisons.push(comparison);
    let p99_ms = seen(per_second, plan, &mut found).await;
    found.claims.push(SEEN_AFTER.claimed(Spread::of([p99_ms].into_iter())));
    found
}

async fn measure(alone: bool, callers: u16, plan: &Plan) -> Measurement {
    let shaped = Shaped::of(Shape::Postgres).with("IN_FLIGHT_MAX", IN_FLIGHT_MAX);
    let mut stage = Stage::set(shaped).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    if alone {
        stage.leave_alone().await;
    }
    let window = Window::after(WARM_UP, plan.time());
    let load = stage.crowd(callers, window, &ticket, |_, _| 0);
    let (calls, used) = stage.watched(window, load).await;
    stage.close(&calls).await;
    calls.measured(window, &used)
}

/// Books at a steady rate and looks for some of the bookings; gives the p99 in milliseconds of the slower place.
async fn seen(per_second: f64, plan: &Plan, found: &mut Found) -> f64 {
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    let window = Window::after(WARM_UP, plan.time());
    let load = stage.arrivals(per_second - LOOKED_FOR, SEED, window, &ticket);
    let (mut calls, sightings) = tokio::join!(load, looked_for(&stage, window, &ticket));
    let sightings: Vec<_> = sightings.into_iter().flatten().collect();
    let p99 = |wait: fn(&Sighting) -> Duration| percentile_ms(sightings.iter().map(wait), 99);
    let (page, inbox) = (p99(|seen| seen.on_my_page), p99(|seen| seen.in_inbox));
    let numbers = [
        ("bookings/s", per_second),
        ("looked for", as_number(sightings.len())),
        ("on my page p99 ms", page),
        ("in the inbox p99 ms", inbox),
    ];
    found.step("seen after its answer", numbers);
    calls.extend(Calls(sightings.into_iter().map(|seen| seen.call).collect()));
    stage.close(&calls).await;
    page.max(inbox)
}

/// A booking that was looked for from its answer on.
struct Sighting {
    call: super::answered::Call,
    on_my_page: Duration,
    in_inbox: Duration,
}

struct Looker {
    buyer: Buyer,
    token: MetadataValue<Ascii>,
    my_page: Channel,
    notification: Channel,
}

async fn looked_for(stage: &Stage, window: Window, tickets: &[String]) -> Vec<Option<Sighting>> {
    let ticket = tickets.first().cloned().unwrap_or_default();
    let my_page = connected(&stage.scene.platform.grpc_addr("mypage")).await;
    let notification = connected(&stage.scene.platform.grpc_addr("notification")).await;
    let mut looking = JoinSet::new();
    let mut due = window.from;
    for number in 0.. {
        if due >= window.until {
            break;
        }
        sleep_until(due).await;
        let (_, token) = stage.door(number);
        let (my_page, notification) = (my_page.clone(), notification.clone());
        let looker = Looker { buyer: stage.buyer(number), token, my_page, notification };
        let ticket = ticket.clone();
        looking.spawn(async move { looker.book_and_look(&ticket, due).await });
        due += Duration::from_secs_f64(1.0 / LOOKED_FOR);
    }
    looking.join_all().await
}

impl Looker {
    async fn book_and_look(self, ticket: &str, due: Instant) -> Option<Sighting> {
        let (call, _) = self.buyer.wish(ticket, due).await;
        let Answer::Confirmed { booking, version } = call.answer.clone() else { return None };
        let (on_my_page, in_inbox) = tokio::join!(
            self.until(call.answered, || self.is_on_my_page(&booking, version)),
            self.until(call.answered, || self.is_in_inbox(&booking)),
        );
        Some(Sighting { call, on_my_page, in_inbox })
    }

    /// How long after its answer it was there.
    async fn until<F: Future<Output = bool>>(
        &self,
        answered: Instant,
        is_there: impl Fn() -> F,
    ) -> Duration {
        while !is_there().await {
            assert!(answered.elapsed() < SEEN_WITHIN, "a booking is not seen");
            sleep(LOOKED_EVERY).await;
        }
        answered.elapsed()
    }

    /// The server itself waits a second for that version.
    async fn is_on_my_page(&self, booking: &str, version: i64) -> bool {
        let request = GetMyBookingRequest { booking_id: booking.to_owned(), min_version: version };
        let mut my_page = MyPageServiceClient::new(self.my_page.clone());
        my_page.get_my_booking(self.signed(request)).await.is_ok()
    }

    async fn is_in_inbox(&self, booking: &str) -> bool {
        let request = ListNotificationsRequest {
            booking_id: booking.to_owned(),
            ..ListNotificationsRequest::default()
        };
        let mut notification = NotificationServiceClient::new(self.notification.clone());
        let answered = notification.list_notifications(self.signed(request)).await;
        answered.is_ok_and(|answer| {
            let letters = answer.into_inner().notifications;
            letters.iter().any(|letter| letter.event_type.ends_with("BookingConfirmed"))
        })
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.token.clone());
        request
    }
}
