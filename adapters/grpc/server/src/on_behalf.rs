//! What a task knows of the call on whose behalf it runs, for the calls that it makes in turn.

use std::time::Duration;

use grpc_client::{REQUEST_ID, request_id};
use http::{HeaderMap, HeaderValue};
use tokio::task::futures::TaskLocalFuture;
use tonic::Request;

use crate::deadline::Deadline;

/// The call, as far as calls made because of it need to know. Nothing where there is none, as in a sweep.
#[derive(Debug, Clone, Default)]
pub struct OnBehalf {
    deadline: Option<Deadline>,
    request_id: Option<HeaderValue>,
}

tokio::task_local! {
    static HERE: OnBehalf;
}

impl OnBehalf {
    /// What this request says of itself.
    #[must_use]
    pub fn of<B>(request: &http::Request<B>) -> Self {
        Self {
            deadline: request.extensions().get().copied(),
            request_id: request_id(request.headers()).cloned(),
        }
    }

    /// That of the call on whose behalf this runs, for a task that goes on with it.
    #[must_use]
    pub fn here() -> Self {
        HERE.try_with(Clone::clone).unwrap_or_default()
    }

    /// That of several calls together: until the last one's time is over, and of no name.
    #[must_use]
    pub fn together<'a>(calls: impl IntoIterator<Item = &'a Self>) -> Self {
        let deadlines: Option<Vec<_>> = calls.into_iter().map(|call| call.deadline).collect();
        let longest = deadlines.unwrap_or_default().into_iter().max_by_key(|deadline| deadline.0);
        Self { deadline: longest, request_id: None }
    }

    /// The same for a request of another name, or of none that is fit.
    pub(crate) fn named(self, request_id: &str) -> Self {
        Self { request_id: fit(request_id).or(self.request_id), ..self }
    }

    /// The request's name, or nothing.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default()
    }

    /// Runs this on behalf of the call.
    pub fn run<F: Future>(self, call: F) -> TaskLocalFuture<Self, F> {
        HERE.scope(self, call)
    }
}

/// A request's name as a header has it, if it is fit to be one.
pub(crate) fn fit(id: &str) -> Option<HeaderValue> {
    let value = HeaderValue::from_str(id).ok()?;
    request_id(&HeaderMap::from_iter([(REQUEST_ID, value)])).cloned()
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
