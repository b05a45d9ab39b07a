//! What it costs that others hear of bookings: the whole path with the relays, the bus, my page and notification at
//! work, against the same alone; and how soon a booking is seen on my page and in the inbox. A booking counts once it is
//! there: whoever lags behind holds up the whole.

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

use super::answered::{Answer, Call, Calls, Window};
use super::booking::{CAPACITY, WARM_UP, roomy};
use super::books::counted;
use super::buyers::{Asking, Buyer};
use super::stage::{Stage, connected};
use crate::figures::{FAN_OUT, SEEN_AFTER};
use crate::measurement::{Measurement, worst};
use crate::plan::Plan;
use crate::processor::Used;
use crate::ratios::{Comparison, Spread, alternated, undisturbed};
use crate::report::Found;

const CALLERS: u16 = 256;
/// What figure G18 is about.
const PER_SECOND: f64 = 1_000.0;
const PER_SECOND_OF_A_TRIAL: f64 = 40.0;
/// The share of them that must be booked in time.
const RATE_MIN: f64 = 0.95;
const SEED: u64 = 18;
/// So many a second are looked for.
const LOOKED_FOR: f64 = 20.0;
const LOOKED_EVERY: Duration = Duration::from_millis(10);
const SEEN_WITHIN: Duration = Duration::from_secs(60);
/// Who hears of bookings, and how many it has heard of.
const HEARD: [(&str, &str); 2] = [
    ("mypage", "SELECT COUNT(*) FROM booking_view WHERE status = 'CONFIRMED'"),
    (
        "notification",
        "SELECT COUNT(*) FROM notification WHERE event_type LIKE '%BookingConfirmed' AND recipient_kind = 'BUYER'",
    ),
];

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
    found.comparisons.push(comparison);
    let per_second = if plan.smoke { PER_SECOND_OF_A_TRIAL } else { PER_SECOND };
    let (mut rates, mut tails) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds() {
        let (seen, load) = undisturbed(plan.rounds(), async || seen(per_second, plan).await).await;
        found.measured(format!("{per_second:.0} bookings/s offered"), &load, []);
        for (place, seen) in &seen {
            found.measured(format!("from commit to {place}"), seen, []);
        }
        rates.push(load.per_second + LOOKED_FOR);
        tails.push(worst(seen.iter().map(|(_, seen)| seen.p99_ms)));
    }
    let rate = Spread::of(rates).median;
    // Of fewer bookings it would be another figure.
    let tails = if rate >= per_second * RATE_MIN { tails } else { Vec::new() };
    let claim = SEEN_AFTER.claimed(Spread::of(tails));
    found.claims.push(claim.under(format!("at {rate:.0} bookings/s")));
    found
}

async fn measure(alone: bool, callers: u16, plan: &Plan) -> Measurement {
    let mut stage = Stage::set(roomy()).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    if alone {
        stage.leave_alone().await;
    }
    let window = Window::after(WARM_UP, plan.time());
    let load = stage.crowd(callers, window, &ticket, |_, _| 0);
    let ((calls, used), heard) = tokio::join!(stage.watched(window, load), heard(&stage, window));
    stage.close(&calls).await;
    let mut measured = calls.measured(window, &used);
    if !alone {
        let [page, inbox] = heard;
        let booked = measured.per_second;
        println!("{booked:.1}/s booked, {page:.1}/s on my page, {inbox:.1}/s in the inbox");
        measured.per_second = booked.min(page).min(inbox);
    }
    measured
}

/// How many bookings a second became known in the window.
async fn heard(stage: &Stage, window: Window) -> [f64; 2] {
    let count = async || {
        let each = HEARD.map(|(context, sql)| counted(&stage.scene.platform, context, sql));
        let [page, inbox] = each;
        tokio::join!(page, inbox)
    };
    sleep_until(window.from).await;
    let before = count().await;
    sleep_until(window.until).await;
    let after = count().await;
    let seconds = window.time().as_secs_f64();
    [(after.0 - before.0) / seconds, (after.1 - before.1) / seconds]
}

/// Where bookings are seen, and how long after their commit.
type Seen = [(&'static str, Measurement); 2];

/// Books at a steady rate and looks for some of the bookings; beside it stands how the others were answered.
async fn seen(per_second: f64, plan: &Plan) -> ((Seen, Measurement), f64) {
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    let window = Window::after(WARM_UP, plan.time());
    let rate = per_second - LOOKED_FOR;
    let load = stage.arrivals((rate, SEED), window, &ticket, Asking::Once);
    let load = stage.watched(window, load);
    let ((mut calls, used), sightings) = tokio::join!(load, looked_for(&stage, window, &ticket));
    let of = |wait: fn(&Sighting) -> Duration| {
        Measurement::of(sightings.iter().map(wait).collect(), 0, window.time(), &Used::default())
    };
    let seen = [
        ("my page", of(|sighting| sighting.on_my_page)),
        ("the inbox", of(|sighting| sighting.in_inbox)),
    ];
    let load = calls.offered(window, &used);
    sightings.into_iter().for_each(|sighting| calls.extend(sighting.calls));
    stage.close(&calls).await;
    ((seen, load), used.others_percent)
}

/// A booking that was looked for from its answer on; the waits are from its commit.
struct Sighting {
    calls: Calls,
    on_my_page: Duration,
    in_inbox: Duration,
}

struct Looker {
    buyer: Buyer,
    token: MetadataValue<Ascii>,
    my_page: Channel,
    notification: Channel,
}

async fn looked_for(stage: &Stage, window: Window, tickets: &[String]) -> Vec<Sighting> {
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
        looking.spawn(async move { looker.book_and_look(&ticket, number, due).await });
        due += Duration::from_secs_f64(1.0 / LOOKED_FOR);
    }
    looking.join_all().await
}

impl Looker {
    /// None is left out: who is refused for want of room asks again.
    async fn book_and_look(self, ticket: &str, number: usize, due: Instant) -> Sighting {
        let calls = self.buyer.until_definite(ticket, &format!("looked-for-{number}"), due).await;
        let Some(Call { answered, answer: Answer::Confirmed { booking, version, age }, .. }) =
            calls.0.last()
        else {
            panic!("there is enough for all: {calls:?}")
        };
        let (on_my_page, in_inbox) = tokio::join!(
            self.until(*answered, || self.is_on_my_page(booking, *version)),
            self.until(*answered, || self.is_in_inbox(booking)),
        );
        let (on_my_page, in_inbox) = (on_my_page + *age, in_inbox + *age);
        Sighting { calls, on_my_page, in_inbox }
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
