//! One call on its way: is it public, is there room for it, by when must it be answered, and what is its server told.

use std::time::Duration;

use grpc_client::{
    GRPC_TIMEOUT, Repeat, StreamRoom, TWICE, admitted, forwarded, grpc_timeout, never_came, rename,
    too_large, too_late,
};
use grpc_server::refuse;
use http::header::{CONTENT_TYPE, TE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kernel::{Invalid, Violation};
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt;

use crate::backend::{Backend, Call, Time};
use crate::contract::Rpc;
use crate::door::Inside;
use crate::limits::{DEADLINE_GRACE, REQUEST_BYTES_MAX, REQUEST_DEADLINE};
use crate::passing::{Lasting, StreamPlaces};
use crate::refusals::{invalid, no_such_rpc};

/// How messages are compressed is between the client and the server.
const COMPRESSION: [HeaderName; 2] =
    [HeaderName::from_static("grpc-encoding"), HeaderName::from_static("grpc-accept-encoding")];
const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: [&str; 2] =
    ["/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];
const CHECK: &str = "/grpc.health.v1.Health/Check";

/// How a call ended that did not get its server's answer.
pub(crate) enum Ended {
    /// With this.
    With(Status),
    /// The client's own time was over: it has left, whichever of the two clocks was first.
    Left,
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        Self::With(status)
    }
}

/// An answer that has begun, and why it may end early.
pub(crate) type Begun = (Response<Body>, Lasting);

/// When a call's time is over.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    /// Whether the client said so, and not we.
    clients: bool,
}

impl Inside {
    /// Makes the call, whose server may be in this process or another. `sent` is called before anything reaches it.
    pub(crate) async fn pass(
        &self,
        request: Request<Body>,
        arrived: Instant,
        sent: impl FnOnce(),
    ) -> Result<Begun, Ended> {
        admitted(request.headers(), request.extensions())?;
        let path = request.uri().path();
        if is_of_the_door(path) {
            return self.answer_itself(request, arrived).await;
        }
        let Some((rpc, backend)) = self.find(path) else { return Err(no_such_rpc().into()) };
        let (in_flight, streaming) = if rpc.streams {
            (None, Some(self.stream(request.extensions())?))
        } else {
            (Some(self.in_flight.admit(path)?), None)
        };
        let given = time_given(request.headers())?;
        let deadline = Deadline::of(given, rpc.allowed(), arrived);
        let stop = rpc.streams.then(|| self.stopping.clone());
        let until = given.map(|given| arrived + given);
        let call = read(request, deadline).await?;
        sent();
        let response = send(rpc, backend, &call, deadline).await?;
        // What is answered has no place any more, as at our servers: else whoever never reads would keep it for ever,
        // since of an answer without a window nobody asks for its next frame, nor whether its time is over.
        drop(in_flight);
        Ok((response, Lasting { until, stop, place: streaming }))
    }

    /// The places of a stream: its client's first, so that who has too many takes none from others.
    fn stream(&self, extensions: &Extensions) -> Result<StreamPlaces, Status> {
        let own = StreamRoom::enter(extensions)?;
        Ok((self.streams.enter(1)?, own))
    }

    /// Health and reflection. Probes need no place; what lasts does.
    async fn answer_itself(
        &self,
        request: Request<Body>,
        arrived: Instant,
    ) -> Result<Begun, Ended> {
        let lasts = request.uri().path() != CHECK;
        let place = lasts.then(|| self.stream(request.extensions())).transpose()?;
        let until = time_given(request.headers())?.map(|given| arrived + given);
        let stop = lasts.then(|| self.stopping.clone());
        let Ok(response) = self.local.clone().oneshot(request).await;
        Ok((response, Lasting { until, stop, place }))
    }
}

/// Whether the door answers this path itself: health and reflection, of the public services alone.
pub(crate) fn is_of_the_door(path: &str) -> bool {
    path.starts_with(HEALTH) || REFLECTION.iter().any(|service| path.starts_with(service))
}

impl Deadline {
    fn of(given: Option<Duration>, allowed: Duration, arrived: Instant) -> Self {
        match given {
            Some(given) if given < allowed => Self { at: arrived + given, clients: true },
            Some(_) | None => Self { at: arrived + allowed, clients: false },
        }
    }

    fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    fn over(self) -> Ended {
        if self.clients { Ended::Left } else { Ended::With(too_late()) }
    }
}

fn time_given(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    grpc_timeout(headers).map_err(|wrong| invalid(GRPC_TIMEOUT, &wrong.to_string()))
}

async fn send(
    rpc: &Rpc,
    backend: &Backend,
    call: &Call,
    deadline: Deadline,
) -> Result<Response<Body>, Ended> {
    let repeat = if rpc.reads { Repeat::Read } else { Repeat::Never };
    let (until, more_there) = if deadline.clients {
        (deadline.at, DEADLINE_GRACE)
    } else {
        (deadline.at + DEADLINE_GRACE, Duration::ZERO)
    };
    let tell_server = !rpc.streams;
    let time = Time { here: deadline.left(), more_there, tell_server };
    match timeout_at(until, backend.send(call, time, repeat)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(status)) => Err(Ended::With(rename(call.path.path(), status))),
        Err(_) => Err(deadline.over()),
    }
}

/// Reads the whole request, so that it can be sent again if it never arrives.
async fn read(request: Request<Body>, deadline: Deadline) -> Result<Call, Ended> {
    let (parts, body) = request.into_parts();
    let headers = passed(&parts.headers)?;
    // Only the path: where it leads the channel knows.
    let path = parts.uri.path().parse::<Uri>().map_err(|_| no_such_rpc())?;
    let limited = Limited::new(body, REQUEST_BYTES_MAX).collect();
    let never = Instant::now() + REQUEST_DEADLINE;
    let body = match timeout_at(deadline.at.min(never), limited).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(too_large(REQUEST_BYTES_MAX).into());
        }
        Ok(Err(_)) => return Err(invalid("body", "broke off").into()),
        Err(_) if never <= deadline.at => return Err(never_came().into()),
        Err(_) => return Err(deadline.over()),
    };
    Ok(Call { path, headers, body })
}

/// The headers that the server is to see.
fn passed(headers: &HeaderMap) -> Result<HeaderMap, Status> {
    let mut passed = forwarded(headers).map_err(|twice| {
        let violation = |name: &HeaderName| Violation::new(name.as_str(), TWICE);
        refuse(&Invalid(twice.iter().map(violation).collect()))
    })?;
    let given = |name: HeaderName| headers.get(&name).map(|value| (name, value.clone()));
    passed.extend(COMPRESSION.into_iter().filter_map(given));
    passed.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    passed.insert(TE, HeaderValue::from_static("trailers"));
    Ok(passed)
}
