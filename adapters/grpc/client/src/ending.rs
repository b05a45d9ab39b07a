//! How a call ended: a status comes with the head of a response, or after its last message, or never.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tracing::Span;

use crate::refusals::DOMAIN;

type Tell = Box<dyn FnOnce(Option<&Status>) + Send>;

/// What metrics call the end of a call whose caller is past its own limit.
pub const RATE_LIMITED: &str = "RATE_LIMITED";

/// Waits for the end of a call and tells of it once. Dropped before, it tells that the call was given up.
pub struct Ending {
    span: Span,
    tell: Option<Tell>,
}

impl Ending {
    /// `tell` hears the status within the span, or nothing of a call that was given up.
    #[must_use]
    pub fn new(span: Span, tell: impl FnOnce(Option<&Status>) + Send + 'static) -> Self {
        Self { span, tell: Some(Box::new(tell)) }
    }

    /// The call ended like this.
    pub fn told(mut self, status: &Status) {
        self.tell(Some(status));
    }

    /// The call ends as this response does. One that ends without a status is no answer of gRPC.
    #[must_use]
    pub fn with(self, response: Response<Body>) -> Response<Body> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            self.told(&status);
            response
        } else if response.body().is_end_stream() {
            self.told(&Status::unknown(""));
            response
        } else {
            response.map(|inner| Body::new(Observed { inner, ending: self }))
        }
    }

    fn tell(&mut self, status: Option<&Status>) {
        if let Some(tell) = self.tell.take() {
            let _within = self.span.enter();
            tell(status);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.tell(None);
    }
}

struct Observed {
    inner: Body,
    ending: Ending,
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.ending.span.clone();
        let polled = span.in_scope(|| Pin::new(&mut self.inner).poll_frame(cx));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
                    self.ending.tell(Some(&status));
                }
            }
            Poll::Ready(Some(Err(status))) => self.ending.tell(Some(status)),
            Poll::Ready(None) => self.ending.tell(Some(&Status::unknown(""))),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Whether one caller is refused for calling more often, or having more at once, than it may: that is neither a fault
/// nor want of room, and says nothing to others.
#[must_use]
pub fn is_rate_limited(status: &Status) -> bool {
    let ours = || status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    status.code() == Code::ResourceExhausted
        && ours().is_some_and(|info| info.reason == RATE_LIMITED)
}

/// What metrics call a call's end: by its status' name, and who is past its own limit apart from who finds no room.
#[must_use]
pub fn counted_as(status: &Status) -> &'static str {
    if is_rate_limited(status) { RATE_LIMITED } else { code_name(status.code()) }
}

/// A status' name as gRPC writes it.
#[must_use]
pub const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use http_body_util::BodyExt;
    use tonic_types::ErrorDetails;

    use super::*;

    fn heard(response: Response<Body>) -> (Response<Body>, mpsc::Receiver<Option<Code>>) {
        let (tell, heard) = mpsc::channel();
        let tell = move |status: Option<&Status>| {
            tell.send(status.map(Status::code)).expect("the test listens");
        };
        (Ending::new(Span::none(), tell).with(response), heard)
    }

    fn full() -> http_body_util::Full<Bytes> {
        http_body_util::Full::new(Bytes::from("x"))
    }

    #[tokio::test]
    async fn an_error_is_known_by_its_head() {
        let (_response, heard) = heard(Status::not_found("").into_http());
        assert_eq!(heard.try_recv(), Ok(Some(Code::NotFound)));
    }

    #[tokio::test]
    async fn a_stream_that_fails_late_is_known_by_its_trailers_and_told_once() {
        let trailers = Status::aborted("").into_http::<Body>().headers().clone();
        let body = full().with_trailers(async { Some(Ok(trailers)) });
        let (response, heard) = heard(Response::new(Body::new(body)));
        assert!(heard.try_recv().is_err());
        drop(response.into_body().collect().await.expect("reads"));
        assert_eq!(heard.try_recv(), Ok(Some(Code::Aborted)));
        assert!(heard.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_ends_without_a_status_is_unknown() {
        let (_response, heard_of_head) = heard(Response::new(Body::empty()));
        assert_eq!(heard_of_head.try_recv(), Ok(Some(Code::Unknown)));
        let (response, heard) = heard(Response::new(Body::new(full())));
        drop(response.into_body().collect().await.expect("reads"));
        assert_eq!(heard.try_recv(), Ok(Some(Code::Unknown)));
    }

    #[test]
    fn who_is_past_the_own_limit_is_told_from_who_finds_no_room() {
        let refused = |reason, domain| {
            let details = ErrorDetails::with_error_info(reason, domain, []);
            Status::with_error_details(Code::ResourceExhausted, "", details)
        };
        for (status, counted) in [
            (refused("RATE_LIMITED", DOMAIN), "RATE_LIMITED"),
            (refused("OVERLOADED", DOMAIN), "RESOURCE_EXHAUSTED"),
            (refused("RATE_LIMITED", "elsewhere"), "RESOURCE_EXHAUSTED"),
            (Status::resource_exhausted("RATE_LIMITED"), "RESOURCE_EXHAUSTED"),
            (Status::internal(""), "INTERNAL"),
        ] {
            assert_eq!(counted_as(&status), counted, "{status:?}");
        }
    }

    #[tokio::test]
    async fn what_nobody_reads_was_given_up() {
        let (response, heard) = heard(Response::new(Body::new(full())));
        drop(response);
        assert_eq!(heard.try_recv(), Ok(None));
    }
}
