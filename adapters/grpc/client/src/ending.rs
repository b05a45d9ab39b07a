//! How a call ended: a status comes with the head of a response, or after its last message, or never.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

type Tell = Box<dyn FnOnce(Option<Code>) + Send>;

/// Waits for the end of a call and tells of it once. Dropped before, it tells that the call was given up.
pub struct Ending {
    span: Span,
    tell: Option<Tell>,
}

impl Ending {
    /// `tell` hears the code within the span, or nothing of a call that was given up.
    #[must_use]
    pub fn new(span: Span, tell: impl FnOnce(Option<Code>) + Send + 'static) -> Self {
        Self { span, tell: Some(Box::new(tell)) }
    }

    /// The call ended like this.
    pub fn told(mut self, code: Code) {
        self.tell(Some(code));
    }

    /// The call ends as this response does. One that ends without a status is no answer of gRPC.
    #[must_use]
    pub fn with(self, response: Response<Body>) -> Response<Body> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            self.told(status.code());
            response
        } else if response.body().is_end_stream() {
            self.told(Code::Unknown);
            response
        } else {
            response.map(|inner| Body::new(Observed { inner, ending: self }))
        }
    }

    fn tell(&mut self, code: Option<Code>) {
        if let Some(tell) = self.tell.take() {
            let _within = self.span.enter();
            tell(code);
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
        let code = match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                frame.trailers_ref().and_then(Status::from_header_map).map(|status| status.code())
            }
            Poll::Ready(Some(Err(status))) => Some(status.code()),
            Poll::Ready(None) => Some(Code::Unknown),
            Poll::Pending => None,
        };
        if code.is_some() {
            self.ending.tell(code);
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

    use super::*;

    fn heard(response: Response<Body>) -> (Response<Body>, mpsc::Receiver<Option<Code>>) {
        let (tell, heard) = mpsc::channel();
        let tell = move |code| tell.send(code).expect("the test listens");
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

    #[tokio::test]
    async fn what_nobody_reads_was_given_up() {
        let (response, heard) = heard(Response::new(Body::new(full())));
        drop(response);
        assert_eq!(heard.try_recv(), Ok(None));
    }
}
