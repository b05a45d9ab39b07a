//! What each server takes: memory when it has just begun and after a crowd, and the time from its start until it is
//! ready. Measured while the others run, as when one is replaced.

use std::time::Duration;

use testkit::{Plan as Shaped, Shape};
use tokio::time::{Instant, sleep};

use super::answered::Window;
use super::booking::{CAPACITY, IN_FLIGHT_MAX, WARM_UP};
use super::resident::{Sample, now};
use super::stage::Stage;
use crate::figures::{MEMORY_AFTER, MEMORY_IDLE, READY_AFTER};
use crate::plan::Plan;
use crate::ratios::Spread;
use crate::report::Found;

const CALLERS: u16 = 1024;
const SETTLED_AFTER: Duration = Duration::from_secs(3);
const ASKED_EVERY: Duration = Duration::from_millis(2);
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Looks at each server.
pub(crate) async fn find(plan: &Plan) -> Found {
    let mut found = Found::default();
    let shaped = Shaped::of(Shape::Postgres).with("IN_FLIGHT_MAX", IN_FLIGHT_MAX);
    let mut stage = Stage::set(shaped).await;
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
    let calls = stage.crowd(callers, window, &ticket, |_, _| 0).await;
    let after = now(&servers);
    for (name, ready_ms) in names.iter().zip(&ready_ms) {
        let of = |sample: &Sample| sample.get(name).copied().unwrap_or_default();
        let numbers =
            [("idle MiB", of(&idle)), ("after MiB", of(&after)), ("ready after ms", *ready_ms)];
        found.step(name, numbers);
    }
    // Each of them has to: the worst counts.
    let worst = |numbers: &mut dyn Iterator<Item = f64>| {
        Spread::of([numbers.fold(0.0, f64::max)].into_iter())
    };
    found.claims.extend([
        MEMORY_IDLE.claimed(worst(&mut idle.values().copied())),
        MEMORY_AFTER.claimed(worst(&mut after.values().copied())),
        READY_AFTER.claimed(worst(&mut ready_ms.iter().copied())),
    ]);
    stage.close(&calls).await;
    found
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
