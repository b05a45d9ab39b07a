//! A service's servers: calls are sent to them as they came, and again where that can do no harm.

use std::time::Duration;

use bytes::Bytes;
use grpc_client::{Calls, Repeat, Resend};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version};
use http_body_util::Full;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

/// The servers of one service.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    calls: Calls,
    resend: Resend,
}

/// A call as it is sent, each time anew.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How long a call may take here, and what its server is told of that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    /// After this nobody waits here.
    pub(crate) here: Duration,
    /// This much more than is left is left for the server.
    pub(crate) more_there: Duration,
    /// Whether it is told at all: of a stream, only how soon it must begin is bounded.
    pub(crate) tell_server: bool,
}

impl Backend {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { calls: Calls::new(channel), resend: Resend::new() }
    }

    /// Sends the call, which the caller MUST give up when its time is over. A failure that the server tells of at once
    /// is an error like one on the way to it.
    pub(crate) async fn send(
        &self,
        call: &Call,
        time: Time,
        repeat: Repeat,
    ) -> Result<Response<Body>, Status> {
        let attempt = |left: Duration| {
            let (mut calls, request) = (self.calls.clone(), call.request(time.told(left)));
            async move {
                let failed = |error: tonic::transport::Error| Status::from_error(error.into());
                let answered = calls.ready().await.map_err(failed)?.call(request).await;
                let response = answered.map_err(failed)?;
                match Status::from_header_map(response.headers()) {
                    Some(status) if status.code() != Code::Ok => Err(status),
                    Some(_) | None => Ok(response),
                }
            }
        };
        self.resend.call(time.here, repeat, attempt).await
    }
}

impl Time {
    fn told(self, left: Duration) -> Option<Duration> {
        self.tell_server.then(|| left + self.more_there)
    }
}

impl Call {
    fn request(&self, left: Option<Duration>) -> Request<Body> {
        let mut request = Request::new(Body::new(Full::new(self.body.clone())));
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = self.headers.clone();
        // Eight digits are enough for a day of milliseconds, and no call may take so long.
        let left = left.map(|left| format!("{}m", left.as_millis().min(86_400_000)));
        if let Some(Ok(left)) = left.map(HeaderValue::try_from) {
            request.headers_mut().insert("grpc-timeout", left);
        }
        request
    }
}
