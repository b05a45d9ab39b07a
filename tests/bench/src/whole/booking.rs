//! The whole path: bookings over gRPC, from the client through booking, ticket and payment, of one hot ticket and of
//! many; calls that come at once share transactions, against a transaction for each step. Who only hears of bookings
//! is measured by itself (`fan-out`): here the bus is away.

use std::time::Duration;

use testkit::{Plan as Shaped, Shape};

use super::answered::Window;
use super::stage::Stage;
use crate::figures::{BOOKING_256, BOOKING_1024, Figure, SPREAD_BOOKING};
use crate::measurement::{Measurement, as_number};
use crate::plan::Plan;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;

pub(crate) const CAPACITY: u32 = 10_000_000;
pub(crate) const WARM_UP: Duration = Duration::from_secs(3);
/// More than calls at once: who waits, or is refused, for want of room is another benchmark.
const ROOM: &str = "4096";
/// How many tickets are on sale, and how many buy.
const CASES: [(&str, usize, u16, Option<Figure>); 6] = [
    ("booking of one ticket", 1, 1, None),
    ("booking of one ticket", 1, 16, None),
    ("booking of one ticket", 1, 64, None),
    ("booking of one ticket", 1, 256, Some(BOOKING_256)),
    ("booking of one ticket", 1, 1024, Some(BOOKING_1024)),
    ("booking of 10,000 tickets", 10_000, 256, Some(SPREAD_BOOKING)),
];

/// Measures pairs in each case.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let mut found = Found::default();
    for (name, tickets, callers, figure) in CASES {
        if !plan.takes(callers, 256) {
            found.leave_out(figure, "not among the cases asked for");
            continue;
        }
        println!("{name}, {callers} callers");
        let measured =
            async |batching: &&'static str| measure(batching, tickets, callers, plan).await.0;
        let sides = [("single", &"off"), ("batched", &"on")];
        let comparison = Comparison {
            name: name.to_owned(),
            callers,
            baseline: "single",
            ours: "batched",
            pairs: alternated(plan.rounds(), sides, measured).await,
        };
        let rate = figure.map(|figure| comparison.claim(figure, |measured| measured.per_second));
        found.claims.extend(rate);
        found.comparisons.push(comparison);
    }
    found
}

/// How many messages for the bus a booking leaves, by the context that tells them.
pub(crate) type Messages = Vec<(&'static str, f64)>;

/// A fresh platform for each: tables that have grown would tell of the order of the measurements.
pub(crate) async fn measure(
    batching: &str,
    tickets: usize,
    callers: u16,
    plan: &Plan,
) -> (Measurement, Messages) {
    let mut stage = Stage::set(roomy().with("BATCHING", batching)).await;
    let tickets = stage.tickets("Hot", tickets, CAPACITY).await;
    stage.leave_alone().await;
    let before = stage.messages().await;
    let window = Window::after(WARM_UP, plan.time());
    let load = stage.crowd(callers, window, &tickets, scattered);
    let (calls, used) = stage.watched(window, load).await;
    let booked = as_number(stage.settled(&calls).await);
    let after = stage.messages().await;
    stage.end().await;
    let each = before.into_iter().zip(after);
    let each = each.map(|((context, before), (_, after))| (context, (after - before) / booked));
    (calls.measured(window, &used), each.collect())
}

/// Servers with room for all callers, at the door and in the making of bookings.
pub(crate) fn roomy() -> Shaped {
    Shaped::of(Shape::Postgres)
        .with("IN_FLIGHT_MAX", ROOM)
        .with("BOOKINGS_AT_ONCE", ROOM)
        .with("PAYMENT_AT_ONCE", ROOM)
}

/// Every ticket in turn, and no two buyers in step.
pub(crate) const fn scattered(buyer: usize, wish: usize) -> usize {
    buyer.wrapping_mul(7_919).wrapping_add(wish.wrapping_mul(104_729))
}
