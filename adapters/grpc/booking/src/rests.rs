//! What is left to do of a booking when its caller is answered: selling the hold of one that is paid, mostly. Done at
//! once, with what is left of others, it costs a fraction of what a sweep takes, which reads and leases each one first.

use std::sync::Arc;
use std::time::Duration;

use booking::{Begun, Bookings};
use futures::future::{BoxFuture, join_all};
use grpc_server::{OnBehalf, Tasks};
use in_process_gather::{Batching, Gather, Limits, Waiting};
use tokio_util::task::TaskTracker;

/// What comes beyond these is the sweep's when the lease is over: a ticket context that is slow to sell holds must not
/// fill this server with those who wait for it.
const LIMITS: Limits = Limits {
    batch_weight: 256,
    waiting_weight: 4 * 256,
    at_once: 1,
    patience: Some(Duration::from_secs(1)),
    rest: Duration::from_millis(50),
};

/// Ends them together.
#[derive(Clone)]
pub struct Rests {
    gather: Gather<Begun, ()>,
    tasks: Tasks,
}

impl Rests {
    /// Of these bookings; a server that stops waits for `tasks`.
    #[must_use]
    pub fn new(bookings: Arc<Bookings>, batching: Batching, tasks: Tasks) -> Self {
        let run = move |rests| -> BoxFuture<'static, ()> {
            Box::pin(end_all(Arc::clone(&bookings), rests))
        };
        Self { gather: Gather::new(batching, LIMITS, TaskTracker::new(), run), tasks }
    }

    /// Goes on with it if there is room. Nobody waits for it, so no caller's deadline ends it.
    pub(crate) fn end(&self, rest: Option<Begun>) {
        let Some(rest) = rest else { return };
        let gather = self.gather.clone();
        self.tasks.go_on(async move {
            let ended = gather.submit(rest.booking.ticket.id.as_uuid(), 1, rest).await;
            if let Err(missed) = ended {
                tracing::debug!(%missed, "the rest of a booking is left to the sweep");
            }
        });
    }
}

async fn end_all(bookings: Arc<Bookings>, rests: Vec<Waiting<Begun, ()>>) {
    let ended = rests.into_iter().map(async |waiting| {
        let ending = OnBehalf::default().run(bookings.drive_on(waiting.item.clone()));
        if let Err(error) = ending.await {
            tracing::warn!(%error, "a booking could not be carried on and will be again");
        }
        waiting.answer(());
    });
    join_all(ended).await;
}
