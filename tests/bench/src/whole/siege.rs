//! Users over REST, as many as the sources had: each books one time after the other through the gateway, and then
//! reads its own page. Told as they told it: transactions a second, availability, mean response.

use std::time::Duration;

use boxoffice::http::{HttpAnswer, HttpClient};
use serde_json::json;
use testkit::{Plan as Shaped, Shape};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::answered::{Answer, Call, Calls, Window};
use super::booking::{CAPACITY, WARM_UP};
use super::stage::Stage;
use crate::measurement::as_number;
use crate::plan::Plan;
use crate::processor::Used;
use crate::report::Found;

const USERS: [u16; 4] = [30, 64, 128, 255];
/// Before asking again where the answer was no.
const LATER: Duration = Duration::from_millis(50);

/// What users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Book,
    ReadMyPage,
}

/// One user of the REST interface.
struct User {
    http: HttpClient,
    token: String,
    ticket: String,
}

/// Both wishes with each number of users, over one platform.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let ticket = stage.register("Hot", CAPACITY).await;
    let mut booked = Calls::default();
    for users in USERS.into_iter().filter(|users| plan.takes(*users, 255)) {
        for wish in [Wish::Book, Wish::ReadMyPage] {
            let window = Window::after(WARM_UP, plan.time());
            let (calls, used) = besiege(&stage, users, window, (wish, &ticket)).await;
            tell(&mut found, (users, wish), &calls, (window, &used));
            if wish == Wish::Book {
                booked.extend(calls);
            }
        }
    }
    stage.close(&booked).await;
    found
}

async fn besiege(stage: &Stage, users: u16, window: Window, what: (Wish, &str)) -> (Calls, Used) {
    let (wish, ticket) = what;
    let http = HttpClient::new(format!("http://{}", stage.scene.platform.rest_addr()));
    let mut wishing = JoinSet::new();
    for number in 0..usize::from(users) {
        let (http, ticket) = (http.clone(), ticket.to_owned());
        let user = User { http, token: stage.token_of(number), ticket };
        wishing.spawn(async move { user.wish_until(window, wish).await });
    }
    let (all, used) = stage.watched(window, wishing.join_all()).await;
    let mut calls = Calls::default();
    all.into_iter().for_each(|more| calls.extend(more));
    (calls, used)
}

/// As the sources told it, and as all scenarios do.
fn tell(
    found: &mut Found,
    (users, wish): (u16, Wish),
    calls: &Calls,
    (window, used): (Window, &Used),
) {
    let answered: Vec<_> = calls.0.iter().filter(|call| window.holds(call.answered)).collect();
    let well: Vec<_> = answered.iter().filter(|call| call.is_confirmed()).collect();
    let took: Duration = well.iter().map(|call| call.took()).sum();
    let numbers = [
        ("availability %", 100.0 * as_number(well.len()) / as_number(answered.len())),
        ("mean ms", took.as_secs_f64() * 1_000.0 / as_number(well.len())),
    ];
    let numbers = numbers.map(|(name, number)| (name.to_owned(), number));
    let step = format!("{users} users, {wish:?}");
    found.measured(step, &calls.measured(window, used), numbers);
}

impl User {
    async fn wish_until(self, window: Window, wish: Wish) -> Calls {
        let mut calls = Calls::default();
        while Instant::now() < window.until {
            let due = Instant::now();
            let answered = match wish {
                Wish::Book => self.book().await,
                Wish::ReadMyPage => self.read().await,
            };
            let answer = answered.map_or(Answer::Unclear, |answer| understood(&answer));
            let is_well = matches!(answer, Answer::Confirmed { .. });
            calls.0.push(Call { due, answered: Instant::now(), answer });
            if !is_well {
                sleep(LATER).await;
            }
        }
        calls
    }

    async fn book(&self) -> Option<HttpAnswer> {
        let body = json!({"ticketId": self.ticket, "quantity": 1, "paymentMethod": "ok"});
        self.http.post("/v1/bookings").token(&self.token).json(body).send().await.ok()
    }

    async fn read(&self) -> Option<HttpAnswer> {
        self.http.get("/v1/mypage/bookings").token(&self.token).send().await.ok()
    }
}

/// A page that was read has no booking's id, and counts as well.
fn understood(answer: &HttpAnswer) -> Answer {
    let is_open = !matches!(answer.text("status"), "" | "BOOKING_STATUS_CONFIRMED");
    match answer.status.as_u16() {
        200 | 201 if !is_open => {
            let booking = answer.text("bookingId").to_owned();
            Answer::Confirmed { booking, version: 0, age: Duration::ZERO }
        }
        429 => Answer::Shed,
        200 | 201 | 500..=599 => Answer::Unclear,
        other => panic!("{other}: {}", answer.json),
    }
}
