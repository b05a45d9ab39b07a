//! A stream is its caller's for as long as the token that it was opened with.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use jsonwebtoken::get_current_timestamp;
use kernel::{Fault, FaultClass};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;

use crate::status::refuse;

/// Longer than any stream lasts; timers know no time without an end.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Debug, thiserror::Error)]
#[error("the bearer token has expired; come again with a new one, and with the last resume token")]
struct Ended;

/// An answer that ends here when its caller's token does.
struct Until {
    /// Nothing once it has ended: dropping it tells its handler that nobody listens.
    inner: Option<Body>,
    over: Pin<Box<Sleep>>,
}

/// The answer, until this second since 1970 begins or a little longer.
pub(crate) fn until(second: u64, response: Response<Body>) -> Response<Body> {
    let left = Duration::from_secs(second.saturating_sub(get_current_timestamp()));
    within(left.min(LONGEST), response)
}

fn within(left: Duration, response: Response<Body>) -> Response<Body> {
    response.map(|inner| {
        let over = Box::pin(sleep_until(Instant::now() + left));
        Body::new(Until { inner: Some(inner), over })
    })
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if this.over.as_mut().poll(cx).is_pending() {
            return Pin::new(inner).poll_frame(cx);
        }
        this.inner = None;
        let mut trailers = HeaderMap::new();
        // A text and details of our own always fit into headers.
        let _ = refuse(&Ended).add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Fault for Ended {
    fn class(&self) -> FaultClass {
        FaultClass::Unauthenticated
    }

    fn reason(&self) -> &'static str {
        "UNAUTHENTICATED"
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::{BodyExt, StreamBody};
    use tonic::Code;
    use tonic_types::StatusExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_token_however_much_it_has_to_tell() {
        let minute = Duration::from_secs(60);
        for every in [Duration::from_secs(7), Duration::from_secs(700)] {
            let frames = futures::stream::unfold((), move |()| async move {
                tokio::time::sleep(every).await;
                Some((Ok::<_, Status>(Frame::data(Bytes::from("news"))), ()))
            });
            let answer = Response::new(Body::new(StreamBody::new(frames)));
            let (begun, mut told) = (Instant::now(), 0);
            let mut body = within(minute, answer).into_body();
            let trailers = loop {
                let frame = body.frame().await.expect("ends with a status").expect("is read");
                match frame.into_trailers() {
                    Ok(trailers) => break trailers,
                    Err(_) => told += 1,
                }
            };
            assert_eq!((begun.elapsed(), told), (minute, minute.as_secs() / every.as_secs()));
            let status = Status::from_header_map(&trailers).expect("a status");
            assert_eq!(status.code(), Code::Unauthenticated);
            let info = status.get_details_error_info().expect("info");
            assert_eq!(info.reason, "UNAUTHENTICATED");
            assert!(body.frame().await.is_none() && body.is_end_stream());
        }
    }
}
