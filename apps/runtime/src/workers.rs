//! The one place that starts background loops: relays, sweeps, consumers.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits::WORKER_RESTART;

/// The loops of a process. Clones start loops in the same set.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    running: TaskTracker,
    stopping: CancellationToken,
}

impl Workers {
    /// No loops yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a loop. It MUST end soon after its token is cancelled. One that panics or ends before
    /// is logged and begun again, so `run` is called once for each beginning.
    pub fn spawn<F>(
        &self,
        name: &'static str,
        run: impl Fn(CancellationToken) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        let stopping = self.stopping.clone();
        self.running.spawn(async move {
            while !stopping.is_cancelled() {
                let ended = AssertUnwindSafe(run(stopping.clone())).catch_unwind().await;
                if stopping.is_cancelled() {
                    return;
                }
                tracing::error!(worker = name, panicked = ended.is_err(), "a loop ended by itself");
                tokio::select! {
                    () = tokio::time::sleep(WORKER_RESTART) => {}
                    () = stopping.cancelled() => {}
                }
            }
        });
    }

    /// Cancelled when the loops are to end.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Tells every loop to end and waits for them, at most this long. Says whether all have ended.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.stopping.cancel();
        self.running.close();
        tokio::time::timeout(limit, self.running.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_loop_ends_when_it_is_told_to() {
        let workers = Workers::new();
        workers.spawn("loop", |stopping| async move { stopping.cancelled().await });
        assert!(workers.stop(Duration::from_secs(30)).await);
    }

    #[tokio::test]
    async fn a_loop_that_panics_begins_again() {
        let (workers, begun) = (Workers::new(), Arc::new(AtomicU32::new(0)));
        let second = Arc::new(Notify::new());
        let (count, reached) = (Arc::clone(&begun), Arc::clone(&second));
        workers.spawn("loop", move |stopping| {
            let (count, reached) = (Arc::clone(&count), Arc::clone(&reached));
            async move {
                assert_eq!(count.fetch_add(1, Ordering::SeqCst), 1, "not yet");
                reached.notify_one();
                stopping.cancelled().await;
            }
        });
        second.notified().await;
        assert_eq!(begun.load(Ordering::SeqCst), 2);
        assert!(workers.stop(Duration::from_secs(30)).await);
    }

    #[tokio::test]
    async fn waiting_for_loops_has_an_end() {
        let (workers, begun) = (Workers::new(), Arc::new(Notify::new()));
        let deaf = Arc::clone(&begun);
        workers.spawn("deaf", move |_stopping| {
            deaf.notify_one();
            std::future::pending()
        });
        begun.notified().await;
        assert!(!workers.stop(Duration::ZERO).await);
    }
}
