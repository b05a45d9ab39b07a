//! What waits to be published, sent in turns: all that gathers while one turn is under way is the next.
//! A single message never waits for others to come.

use kernel::PublishError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use crate::batch::{BATCH_MAX, Sender};
use crate::headers::Outgoing;

/// Messages that wait; more callers wait for a place.
pub(crate) const WINDOW: usize = 256;
/// Bytes that are sent in one turn, unless a single message is larger.
const TURN_BYTES_MAX: usize = 1 << 20;

/// A message and the caller who waits for it.
pub(crate) struct Job {
    pub(crate) outgoing: Outgoing,
    /// Messages of one are kept in order.
    pub(crate) aggregate: String,
    pub(crate) answer: oneshot::Sender<Result<(), PublishError>>,
}

/// Runs until it is stopped; what was accepted before is still sent.
pub(crate) async fn run(mut jobs: mpsc::Receiver<Job>, sender: Sender, stop: CancellationToken) {
    let mut gathered = Vec::with_capacity(BATCH_MAX);
    loop {
        tokio::select! {
            taken = jobs.recv_many(&mut gathered, BATCH_MAX) => if taken == 0 { break },
            () = stop.cancelled(), if !jobs.is_closed() => jobs.close(),
        }
        // Callers that the last turn has answered are about to call again.
        yield_now().await;
        while gathered.len() < BATCH_MAX
            && let Ok(job) = jobs.try_recv()
        {
            gathered.push(job);
        }
        for turn in turns(&mut gathered) {
            sender.send(turn).await;
        }
    }
}

fn turns(gathered: &mut Vec<Job>) -> Vec<Vec<Job>> {
    let mut turns: Vec<Vec<Job>> = Vec::new();
    let mut bytes = 0;
    for job in gathered.drain(..) {
        let size = job.outgoing.payload.len();
        bytes += size;
        match turns.last_mut() {
            Some(turn) if bytes <= TURN_BYTES_MAX => turn.push(job),
            _ => {
                bytes = size;
                turns.push(vec![job]);
            }
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;

    use super::*;

    fn job(bytes: usize) -> Job {
        let outgoing = Outgoing {
            subject: "s".to_owned(),
            headers: HeaderMap::new(),
            payload: vec![0; bytes].into(),
        };
        Job { outgoing, aggregate: String::new(), answer: oneshot::channel().0 }
    }

    #[test]
    fn a_turn_has_limited_bytes_and_at_least_one_message() {
        let mut gathered = [1, 2 << 20, 1, 1 << 19, 1 << 19, 1].map(job).into();
        let sizes: Vec<usize> = turns(&mut gathered).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 1, 2, 2]);
    }
}
