//! What a task knows of the call on whose behalf it runs, for the calls that it makes in turn.

use std::time::Duration;

use grpc_client::{REQUEST_ID, request_id};
use http::HeaderValue;
use tokio::task::futures::TaskLocalFuture;
use tonic::Request;

use crate::deadline::Deadline;

/// The call, as far as calls made because of it need to know. Nothing where there is none, as in a sweep.
#[derive(Debug, Clone, Default)]
pub(crate) struct OnBehalf {
    deadline: Option<Deadline>,
    request_id: Option<HeaderValue>,
}

tokio::task_local! {
    static HERE: OnBehalf;
}

impl OnBehalf {
    pub(crate) fn of<B>(request: &http::Request<B>) -> Self {
        Self {
            deadline: request.extensions().get().copied(),
            request_id: request_id(request.headers()).cloned(),
        }
    }

    /// That of the call on whose behalf this runs, for a task that goes on with it.
    pub(crate) fn here() -> Self {
        HERE.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs this on behalf of the call.
    pub(crate) fn run<F: Future>(self, call: F) -> TaskLocalFuture<Self, F> {
        HERE.scope(self, call)
    }
}

/// What is left of the deadline of the call on whose behalf this runs, less a margin for the way
/// back. `None` where there is no such call, as in a sweep, and where it has no deadline.
#[must_use]
pub fn time_left_here() -> Option<Duration> {
    OnBehalf::here().deadline.map(Deadline::left)
}

/// Gives a call the id of the request on whose behalf it is made: the logs of both servers name it.
pub fn pass_on_request_id<T>(request: &mut Request<T>) {
    if let Some(id) = OnBehalf::here().request_id {
        request.metadata_mut().as_mut().insert(REQUEST_ID, id);
    }
}
