//! Results that come later, by message (row P02): each is on its way until the charge is due, and then comes until it is
//! taken. They are of this process alone, as a network's are: one that is lost is made up for by whoever asks.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kernel::{Cause, EventId, Uuid};
use payment::{ChargeKey, Paying};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

/// Whose inbox has the marks of messages.
const CONSUMER: &str = "payment.simulated";
/// As many are kept as wait for their time at once; what is more is lost.
const ON_THE_WAY_MAX: usize = 65_536;
/// As many come at once: each reads and writes.
const AT_ONCE_MAX: usize = 64;
/// What was not taken comes again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The books go by the database's clock, which need not agree with ours to the millisecond: whoever asks after a message
/// that came too early hears nothing, and asks no more.
const CLOCKS_APART: Duration = Duration::from_millis(20);

/// Something became of a charge: what, is to be asked.
#[derive(Debug, Clone, Copy)]
struct Message {
    id: EventId,
    key: ChargeKey,
    due: Instant,
}

/// The messages of a provider that have not come yet.
pub(crate) struct Messages {
    posts: mpsc::Sender<Message>,
    posted: Mutex<mpsc::Receiver<Message>>,
}

impl Default for Messages {
    fn default() -> Self {
        let (posts, posted) = mpsc::channel(ON_THE_WAY_MAX);
        Self { posts, posted: Mutex::new(posted) }
    }
}

impl Messages {
    /// Sends a message that comes after this time, so many times.
    pub(crate) fn post(&self, key: ChargeKey, after: Duration, times: usize) {
        let id = EventId::new(Uuid::from_u128(rand::random()));
        let message = Message { id, key, due: Instant::now() + after + CLOCKS_APART };
        for _ in 0..times {
            if self.posts.try_send(message).is_err() {
                tracing::warn!(%key, "too many results are on their way: one is lost");
            }
        }
    }

    /// Brings messages when their time comes, for as long as it is polled.
    pub(crate) async fn deliver(&self, paying: &Paying) {
        let mut posted = self.posted.lock().await;
        let places = Semaphore::new(AT_ONCE_MAX);
        let mut on_the_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(message) = posted.recv(), if on_the_way.len() < ON_THE_WAY_MAX => {
                    on_the_way.push(bring(message, paying, &places));
                }
                Some(()) = on_the_way.next() => {}
                // Never: the sender is here too.
                else => return,
            }
        }
    }
}

/// Brings a message until it is taken.
async fn bring(Message { id, key, due }: Message, paying: &Paying, places: &Semaphore) {
    sleep_until(due).await;
    loop {
        // Never closed.
        let place = places.acquire().await;
        let cause = Cause { consumer: CONSUMER, event_id: id };
        // On the heap, and not before: most only wait.
        let heard = Box::pin(paying.hear_of(key.booking_id, cause)).await;
        drop(place);
        let Err(error) = heard else { return };
        tracing::warn!(%key, %error, "a result was not stored and is to come again");
        sleep(AGAIN_AFTER).await;
    }
}

#[cfg(test)]
mod tests;
