//! Servers that end at each point of a booking's process, ten times each (matrix rows 1 and 3): whatever is half done
//! is finished by who comes after, and the books are right.

use std::time::Instant;

use faults::rounds;
use testkit::Shape;

use crate::points::{Seen, at_every_point};

/// How a booking may end that its buyer does not cancel, and one that is.
const ENDS: [&str; 4] = [
    "BOOKING_STATUS_CONFIRMED",
    "BOOKING_STATUS_REJECTED",
    "BOOKING_STATUS_EXPIRED",
    "BOOKING_STATUS_CANCELLED",
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_1_and_3_killed_at_every_point_of_the_process_over_sqlite() {
    killed_at_every_point(Shape::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_1_and_3_killed_at_every_point_of_the_process_over_postgresql() {
    killed_at_every_point(Shape::Postgres).await;
}

/// One kill follows the other without a pause: what an earlier one left is under way at the next.
async fn killed_at_every_point(shape: Shape) {
    let title = format!("killed at every point, {shape:?}");
    at_every_point(&title, shape, async |stage, point| {
        let ticket = stage.register(point).await;
        let kills = rounds(10, 1);
        let mut buyers = Vec::new();
        for _ in 0..kills {
            let buyer = stage.next_buyer();
            stage.kill(point, &ticket, buyer).await;
            stage.goes_on(point).await;
            buyers.push(buyer);
        }
        Seen { kills, at_rest: stage.at_rest(&buyers, &ENDS, Instant::now()).await }
    })
    .await;
}
