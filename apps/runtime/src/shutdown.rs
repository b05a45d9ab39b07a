//! Serving, and the order of stopping (reliability.md 7.9):
//! not ready → go on serving for the configured delay, asking clients to go → stop the loops → close the
//! outer doors and drain them → let handler bodies end → close the inner doors → close the stores → exit 0.
//! A second signal, or the limit of all of it, ends the process at once with exit code 1.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Duration;

use futures::FutureExt;
use grpc_server::{Drained, Health};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits::{CLOSE, FLUSH, STOP_SLACK, TASKS_END, WORKERS_STOP};
use crate::process::{Process, Stage};
use crate::start_error::StartError;
use crate::telemetry;

impl Process {
    /// Serves until SIGTERM or SIGINT, then stops in order.
    ///
    /// # Errors
    /// [`StartError`] when the process cannot hear signals.
    pub async fn run(self) -> Result<ExitCode, StartError> {
        let (first, second) = signals().map_err(|e| StartError::Other(format!("signals: {e}")))?;
        Ok(self.run_until(first, second).await)
    }

    /// Serves until `stop` is cancelled, then stops in order; gives up on order when `abandon` is.
    pub async fn run_until(
        mut self,
        stop: CancellationToken,
        abandon: CancellationToken,
    ) -> ExitCode {
        let mut closed_early = self.open_doors();
        let code = tokio::select! {
            () = stop.cancelled() => ExitCode::SUCCESS,
            name = closed_early.recv() => {
                tracing::error!(door = name, "a door closed by itself");
                ExitCode::FAILURE
            }
        };
        let limit = self.stop_limit();
        tokio::select! {
            () = self.stop() => code,
            () = abandon.cancelled() => abandoned("asked to stop twice"),
            () = tokio::time::sleep(limit) => abandoned("stopping took too long"),
        }
    }

    /// Begins to serve every door, and says the name of one that closes before it is told to.
    fn open_doors(&mut self) -> mpsc::Receiver<&'static str> {
        let (closed_early, heard) = mpsc::channel(1);
        for stage in [&mut self.inner, &mut self.outer] {
            stage.open(&closed_early);
        }
        if let Some(health) = self.health.clone() {
            self.start_health(&health);
        }
        self.doors_open.set(true);
        heard
    }

    fn start_health(&mut self, health: &Health) {
        for (name, what) in self.told.drain(..) {
            let health = health.clone();
            self.workers.spawn("health", move |stopping| {
                let telling = tell_health(health.clone(), name, what.clone());
                async move {
                    stopping.run_until_cancelled(telling).await;
                    stopping.cancelled().await;
                }
            });
        }
        let (health, readiness) = (health.clone(), self.readiness.clone());
        self.workers.spawn("health", move |stopping| {
            let telling = readiness.clone().tell(health.clone());
            async move { stopping.run_until_cancelled_owned(telling).await.unwrap_or_default() }
        });
    }

    async fn stop(self) {
        tracing::info!("stopping");
        self.readiness.stop();
        if let Some(health) = &self.health {
            health.set_serving(false).await;
        }
        self.draining.cancel();
        tokio::time::sleep(self.delay()).await;
        tell(self.workers.stop(WORKERS_STOP).await, "some loops did not end in time");
        let drained = self.outer.close(self.drain() + STOP_SLACK).await;
        tell(drained, "some doors did not close in time");
        let ended = self.tasks.close_and_wait(TASKS_END).await;
        tell(ended, "some handler bodies did not end in time; they are resumed at the next start");
        tell(self.inner.close(CLOSE).await, "some inner doors did not close in time");
        let closing = async {
            for closing in self.closing {
                closing.await;
            }
        };
        let closed = tokio::time::timeout(CLOSE, closing).await;
        tell(closed.is_ok(), "the bus and the stores did not close in time");
        self.claims.release();
        self.admin.close(CLOSE).await;
        telemetry::flush().await;
        tracing::info!("stopped");
    }

    const fn delay(&self) -> Duration {
        Duration::from_millis(self.settings.shutdown_delay_ms)
    }

    const fn drain(&self) -> Duration {
        Duration::from_millis(self.settings.shutdown_drain_ms)
    }

    /// The time all steps may take together: 35 s with the defaults.
    fn stop_limit(&self) -> Duration {
        let (inner, stores, admin) = (CLOSE, CLOSE, CLOSE);
        let serving = self.delay() + WORKERS_STOP + self.drain() + STOP_SLACK + TASKS_END;
        serving + inner + stores + admin + FLUSH
    }
}

impl Stage {
    fn open(&mut self, closed_early: &mpsc::Sender<&'static str>) {
        for (name, serving) in self.doors.drain(..) {
            let (stopping, closed_early) = (self.stopping.clone(), closed_early.clone());
            self.running.spawn(async move {
                let serving = AssertUnwindSafe(serving).catch_unwind().await;
                match serving.unwrap_or_else(|_panic| Err("it panicked".to_owned())) {
                    Ok(Drained::Cleanly) => tracing::info!(door = name, "closed"),
                    Ok(Drained::Forced) => tracing::warn!(door = name, "closed with calls cut"),
                    Err(error) => tracing::error!(door = name, error, "failed"),
                }
                if !stopping.is_cancelled() {
                    // Full means that another door closed early too, which is enough to stop.
                    let _ = closed_early.try_send(name);
                }
            });
        }
    }

    /// Tells the doors to close and waits for them, at most this long.
    fn close(&self, limit: Duration) -> impl Future<Output = bool> + Send + use<> {
        self.stopping.cancel();
        self.running.close();
        let running = self.running.clone();
        async move { tokio::time::timeout(limit, running.wait()).await.is_ok() }
    }
}

/// Says under a name of its own what is true, now and at every change, until nobody knows any more.
async fn tell_health(health: Health, name: &'static str, mut what: watch::Receiver<bool>) {
    loop {
        let is = *what.borrow_and_update();
        health.set_service(name, is).await;
        if what.changed().await.is_err() {
            return;
        }
    }
}

fn tell(in_time: bool, otherwise: &'static str) {
    if !in_time {
        tracing::warn!("{otherwise}");
    }
}

fn abandoned(why: &'static str) -> ExitCode {
    tracing::error!(why, "stopping at once");
    ExitCode::FAILURE
}

/// Cancelled by the first and by the second SIGTERM or SIGINT.
fn signals() -> std::io::Result<(CancellationToken, CancellationToken)> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let tokens = (CancellationToken::new(), CancellationToken::new());
    let (first, second) = tokens.clone();
    TaskTracker::new().spawn(async move {
        for token in [first, second] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            token.cancel();
        }
    });
    Ok(tokens)
}
