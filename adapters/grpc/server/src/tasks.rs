//! Handler bodies that run to their end whatever the client does (reliability.md F1, F2).

use std::time::Duration;

use kernel::{Fault, FaultClass};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tracing::Instrument;

use crate::limit::Overloaded;
use crate::limits::TASKS_MAX;
use crate::on_behalf::OnBehalf;
use crate::status::refuse;

/// The handler bodies that are running. Clones track into the same set.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    running: TaskTracker,
}

/// A handler body ended without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a handler failed: {0}")]
pub(crate) struct HandlerFailed(pub(crate) String);

impl Tasks {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a handler's body as a task of its own, from now on, and waits for its answer. When the client leaves,
    /// only the waiting ends: the body MUST be what touches the database.
    ///
    /// # Errors
    /// What the body answers; RESOURCE_EXHAUSTED when too many run; INTERNAL when it panics.
    pub fn finish<T, Body>(
        &self,
        body: Body,
    ) -> impl Future<Output = Result<T, Status>> + Send + use<T, Body>
    where
        T: Send + 'static,
        Body: Future<Output = Result<T, Status>> + Send + 'static,
    {
        // Begun before anybody waits, so that who waits is small however large the body is. The calls that the body
        // makes end with the call it answers and have its name; the body itself goes on.
        let begun = (self.running.len() < TASKS_MAX)
            .then(|| self.running.spawn(OnBehalf::here().run(body.in_current_span())));
        async move {
            let Some(running) = begun else { return Err(refuse(&Overloaded)) };
            match running.await {
                Ok(answer) => answer,
                Err(failure) => Err(refuse(&HandlerFailed(failure.to_string()))),
            }
        }
    }

    /// Runs a handler's body that answers by and by as a task of its own, and gives its answers as they come, of which
    /// there MUST NOT be more than `answers_max`. When the client leaves, the body goes on to its end.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when too many run.
    pub fn answers<T: Send + 'static, Body: Future<Output = ()> + Send + 'static>(
        &self,
        answers_max: usize,
        body: impl FnOnce(mpsc::Sender<T>) -> Body,
    ) -> Result<ReceiverStream<T>, Status> {
        if self.running.len() >= TASKS_MAX {
            return Err(refuse(&Overloaded));
        }
        let (answers, answered) = mpsc::channel(answers_max.max(1));
        self.running.spawn(OnBehalf::here().run(body(answers).in_current_span()));
        Ok(ReceiverStream::new(answered))
    }

    /// Runs what nobody waits for, of which whoever calls MUST bound the number.
    pub fn go_on(&self, body: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(body);
    }

    /// How many bodies are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Waits until every body has ended, at most this long. Says whether all have.
    pub async fn close_and_wait(&self, deadline: Duration) -> bool {
        self.running.close();
        tokio::time::timeout(deadline, self.running.wait()).await.is_ok()
    }
}

impl Fault for HandlerFailed {
    fn class(&self) -> FaultClass {
        FaultClass::Bug
    }

    fn reason(&self) -> &'static str {
        "INTERNAL"
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::sync::oneshot;
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn f2_a_body_outlives_the_handler_that_waits_for_it() {
        let tasks = Tasks::new();
        let (go, gate) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel::<&str>();
        let mut handler = Box::pin(tasks.finish(async move {
            gate.await.map_err(|_| Status::aborted("never let go"))?;
            done.send("finished").map_err(|_| Status::aborted("nobody listens"))
        }));
        assert!(handler.as_mut().now_or_never().is_none());
        drop(handler);
        assert_eq!(tasks.running(), 1);
        go.send(()).expect("the body waits");
        assert_eq!(finished.await, Ok("finished"));
        assert!(tasks.close_and_wait(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_panic_is_internal_and_keeps_its_text() {
        let answer = Tasks::new().finish::<(), _>(async { panic!("secret") }).await;
        let status = answer.expect_err("panicked");
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"));
    }

    #[tokio::test]
    async fn waiting_for_bodies_has_an_end() {
        let tasks = Tasks::new();
        let endless = tasks.finish::<(), _>(std::future::pending());
        assert!(Box::pin(endless).as_mut().now_or_never().is_none());
        assert!(!tasks.close_and_wait(Duration::ZERO).await);
    }
}
