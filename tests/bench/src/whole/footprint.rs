//! What each server takes: memory when it has just begun and after a crowd, and the time from its start until it is
//! ready. Measured while the others run, as when one is replaced, and with the limits that a server has by default.

use std::time::Duration;

use faults::resident::{Sample, now};
use testkit::{Plan as Shaped, Shape};
use tokio::time::{Instant, sleep};

use super::answered::Window;
use super::booking::{CAPACITY, WARM_UP};
use super::stage::Stage;
use crate::figures::{MEMORY_AFTER, MEMORY_IDLE, READY_AFTER};
use crate::measurement::{Measurement, worst};
use crate::plan::Plan;
use crate::ratios::{Spread, undisturbed};
use crate::report::Found;

const CALLERS: u16 = 1024;
const SETTLED_AFTER: Duration = Duration::from_secs(3);
const ASKED_EVERY: Duration = Duration::from_millis(2);
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Looks at each server; so in each round, on a fresh platform.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds() {
        let (looked, load) = undisturbed(plan.rounds(), async || look(plan).await).await;
        found.measured(format!("round {round}: bookings meanwhile"), &load, []);
        for (name, [idle, after, ready_ms]) in &looked {
            let numbers =
                [("idle MiB", *idle), ("after MiB", *after), ("ready after ms", *ready_ms)];
            found.step(format!("round {round}: {name}"), numbers);
        }
        rounds.push(looked);
    }
    // Each server has to: the worst counts.
    let worst_of = |at: usize| {
        let of = |round: &Looked| {
            worst(round.iter().map(|(_, numbers)| numbers.get(at).copied().unwrap_or(f64::NAN)))
        };
        Spread::of(rounds.iter().map(of))
    };
    let figures = [MEMORY_IDLE, MEMORY_AFTER, READY_AFTER].into_iter().enumerate();
    found.claims = figures.map(|(at, figure)| figure.claimed(worst_of(at))).collect();
    found
}

/// Of each server its memory at rest and after a crowd, in MiB, and the milliseconds until it was ready.
type Looked = Vec<(String, [f64; 3])>;

async fn look(plan: &Plan) -> ((Looked, Measurement), f64) {
    let mut stage = Stage::set(Shaped::of(Shape::Postgres)).await;
    let names: Vec<_> = stage.servers().into_iter().map(|(name, _)| name).collect();
    let mut ready_ms = Vec::new();
    for name in &names {
        ready_ms.push(restarted(&mut stage, name).await);
    }
    sleep(SETTLED_AFTER).await;
    let servers = stage.servers();
    let idle = now(&servers);
    let ticket = stage.tickets("Hot", 1, CAPACITY).await;
    let window = Window::after(WARM_UP, plan.time());
    let callers = plan.callers.unwrap_or(CALLERS);
    let load = stage.crowd(callers, window, &ticket, |_, _| 0);
    let (calls, used) = stage.watched(window, load).await;
    let after = now(&servers);
    stage.close(&calls).await;
    let of = |sample: &Sample, name: &str| sample.get(name).copied().unwrap_or(f64::NAN);
    let looked = names.into_iter().zip(ready_ms).map(|(name, ready_ms)| {
        let numbers = [of(&idle, &name), of(&after, &name), ready_ms];
        (name, numbers)
    });
    ((looked.collect(), calls.measured(window, &used)), used.others_percent)
}

/// Ends a server politely and starts it again; gives the milliseconds until it says that it is ready.
async fn restarted(stage: &mut Stage, name: &str) -> f64 {
    let server = stage.scene.platform.server(name);
    let ended = server.terminate().await;
    assert!(ended.success(), "{name}: {ended}");
    let begun = Instant::now();
    server.start();
    while !server.is_ready().await {
        assert!(begun.elapsed() < READY_WITHIN, "{name} is not ready:\n{}", server.log_text());
        sleep(ASKED_EVERY).await;
    }
    begun.elapsed().as_secs_f64() * 1000.0
}
