//! Answers of HTTP/2 whose end nobody knows. One that waits for its server is alive; one that waits for its client,
//! which has to ask for more first, may do so for ever.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Those of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams {
    /// Those that wait for their server.
    alive: TaskTracker,
    /// How often one came to wait for its server.
    turns: Arc<AtomicU64>,
}

struct Lasting {
    body: Body,
    streams: Streams,
    alive: Option<TaskTrackerToken>,
}

impl Streams {
    /// The same body, as one of these.
    pub(crate) fn with(&self, body: Body) -> Body {
        Body::new(Lasting { body, streams: self.clone(), alive: None })
    }

    /// Comes when for so long none has been alive: what keeps the connection then is answers that nobody takes.
    pub(crate) async fn nothing_taken(&self, deadline: Duration) {
        self.alive.close();
        loop {
            self.alive.wait().await;
            let before = self.turns.load(Ordering::Relaxed);
            sleep(deadline).await;
            if self.alive.is_empty() && self.turns.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

impl http_body::Body for Lasting {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.alive = None;
        } else if self.alive.is_none() {
            self.streams.turns.fetch_add(1, Ordering::Relaxed);
            self.alive = Some(self.streams.alive.token());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
