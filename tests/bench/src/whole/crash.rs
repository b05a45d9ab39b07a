//! kill -9 of a server by chance every other second while buyers book: how soon it is ready again, how soon a booking
//! that came after its death is confirmed, and nothing that was told is lost.

use std::time::Duration;

use faults::Chance;
use testkit::{Plan as Shaped, Shape};
use tokio::time::{Instant, sleep_until};

use super::answered::{Calls, Window};
use super::booking::{CAPACITY, WARM_UP};
use super::stage::Stage;
use crate::measurement::{as_number, worst};
use crate::plan::Plan;
use crate::processor::Used;
use crate::report::Found;

const CALLERS: u16 = 64;
const KILLED_EVERY: Duration = Duration::from_secs(2);
const SERVERS: [&str; 5] = ["ticket-1", "booking-1", "payment-1", "mypage-1", "notification-1"];

/// One that was killed.
struct Death {
    server: &'static str,
    at: Instant,
    ready: Instant,
}

/// Kills for as long as is planned.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let mut stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    let window = Window::after(WARM_UP, plan.time());
    let callers = plan.callers.unwrap_or(CALLERS);
    let load = stage.crowd(callers, window, &ticket, |_, _| 0);
    let (calls, deaths) = tokio::join!(load, kill(&mut stage, window));
    for server in SERVERS {
        let of = || deaths.iter().filter(|death| death.server == server);
        let longest_ms = |waits: &mut dyn Iterator<Item = Duration>| {
            worst(waits.map(|wait| wait.as_secs_f64() * 1_000.0))
        };
        let numbers = [
            ("killed", as_number(of().count())),
            ("ready after ms at most", longest_ms(&mut of().map(|death| death.ready - death.at))),
            (
                "booked after ms at most",
                longest_ms(&mut of().filter_map(|death| booked_after(&calls, death.at))),
            ),
        ];
        found.step(server, numbers);
    }
    // Without the processor's time: whoever is killed takes the account of it along.
    let used = Used { others_percent: f64::NAN, ..Used::default() };
    found.measured("bookings meanwhile", &calls.measured(window, &used), []);
    stage.close(&calls).await;
    found
}

/// One after the other, each started again at once and waited for.
async fn kill(stage: &mut Stage, window: Window) -> Vec<Death> {
    let mut chance = Chance::of("crash");
    let mut deaths = Vec::new();
    let mut next = window.from;
    while next < window.until {
        sleep_until(next).await;
        let server = SERVERS.get(chance.below(SERVERS.len())).copied().unwrap_or("booking-1");
        let process = stage.scene.platform.server(server);
        let at = Instant::now();
        process.kill9().await;
        process.restart().await;
        deaths.push(Death { server, at, ready: Instant::now() });
        next = (next + KILLED_EVERY).max(Instant::now());
    }
    deaths
}

/// From then until the first booking that was asked for afterwards was confirmed; none if that was at the end.
fn booked_after(calls: &Calls, moment: Instant) -> Option<Duration> {
    let later = calls.0.iter().filter(|call| call.due > moment && call.is_confirmed());
    let first = later.map(|call| call.answered).min();
    first.map(|answered| answered - moment)
}
