//! How a call ended: a status comes with the head of a response, or after its last message.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

/// The same response; `tell` hears once how it ended, within the span. One that nobody reads to its end was cancelled.
pub fn observed(
    response: Response<Body>,
    span: Span,
    tell: impl FnOnce(Code) + Send + 'static,
) -> Response<Body> {
    if let Some(status) = Status::from_header_map(response.headers()) {
        tell(status.code());
        return response;
    }
    let tell = Some(Box::new(tell) as Box<dyn FnOnce(Code) + Send>);
    response.map(|inner| Body::new(Observed { inner, span, tell }))
}

struct Observed {
    inner: Body,
    span: Span,
    tell: Option<Box<dyn FnOnce(Code) + Send>>,
}

impl Observed {
    fn ended(&mut self, code: Code) {
        if let Some(tell) = self.tell.take() {
            let _within = self.span.enter();
            tell(code);
        }
    }
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.span.clone();
        let polled = span.in_scope(|| Pin::new(&mut self.inner).poll_frame(cx));
        let code = match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                frame.trailers_ref().and_then(Status::from_header_map).map(|status| status.code())
            }
            Poll::Ready(Some(Err(status))) => Some(status.code()),
            Poll::Ready(None) => Some(Code::Ok),
            Poll::Pending => None,
        };
        if let Some(code) = code {
            self.ended(code);
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

impl Drop for Observed {
    fn drop(&mut self) {
        let code = if self.inner.is_end_stream() { Code::Ok } else { Code::Cancelled };
        self.ended(code);
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

    fn heard(response: Response<Body>) -> (Response<Body>, mpsc::Receiver<Code>) {
        let (tell, heard) = mpsc::channel();
        let tell = move |code| tell.send(code).expect("the test listens");
        (observed(response, Span::none(), tell), heard)
    }

    #[tokio::test]
    async fn an_error_is_known_by_its_head() {
        let (_response, heard) = heard(Status::not_found("").into_http());
        assert_eq!(heard.try_recv(), Ok(Code::NotFound));
    }

    #[tokio::test]
    async fn a_stream_that_fails_late_is_known_by_its_trailers_and_told_once() {
        let trailers = Status::aborted("").into_http::<Body>().headers().clone();
        let body =
            http_body_util::Full::new(Bytes::from("x")).with_trailers(async { Some(Ok(trailers)) });
        let (response, heard) = heard(Response::new(Body::new(body)));
        assert!(heard.try_recv().is_err());
        drop(response.into_body().collect().await.expect("reads"));
        assert_eq!(heard.try_recv(), Ok(Code::Aborted));
        assert!(heard.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_nobody_reads_was_cancelled() {
        let (response, heard) =
            heard(Response::new(Body::new(http_body_util::Full::new(Bytes::from("x")))));
        drop(response);
        assert_eq!(heard.try_recv(), Ok(Code::Cancelled));
    }
}
