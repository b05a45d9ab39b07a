//! What every call passes on its way to a handler and back, in this order: it is told of, is it gRPC, who is calling and
//! not too often, is there a place for it and may they, by when must it answer, did the handler panic, is the status one
//! of the contract's, and until when may a stream last. Health and reflection need neither a token nor a place.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use grpc_client::{GRPC_TIMEOUT, NoTime, grpc_timeout};
use http::{Request, Response};
use in_process_rates::{Buckets, RateLimited};
use kernel::{Caller, Invalid, Violation};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;
use tracing::Instrument;

use crate::auth::authenticate;
use crate::deadline::{self, Deadline};
use crate::limit::{InFlight, Overloaded, Place, Rank};
use crate::on_behalf::OnBehalf;
use crate::status::refuse;
use crate::tasks::HandlerFailed;
use crate::verifier::Verifier;
use crate::{remap, roles, rpcs, telling, token_end};

/// What a call was let in with.
#[derive(Default)]
struct Admitted {
    _place: Option<Place>,
    /// When the stream that it opens has to end, in seconds since 1970.
    until: Option<u64>,
}

/// The routes of a server behind its shell.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) routes: Routes,
    pub(crate) verifier: Verifier,
    pub(crate) in_flight: InFlight,
    pub(crate) subjects: Option<Arc<Buckets<String>>>,
}

impl Service<Request<Body>> for Shell {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.routes, cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (given, wrong) = match grpc_timeout(request.headers()) {
            Ok(given) => (given, None),
            Err(wrong) => (None, Some(wrong)),
        };
        if let Some(given) = given {
            request.extensions_mut().insert(Deadline(Instant::now() + given));
        }
        // Started here and not in the future: it must run out before tonic's own timer.
        let time_out = tokio::time::sleep(deadline::allowed(given));
        let shell = self.clone();
        let (span, ending) = telling::begin(&request);
        Box::pin(
            async move {
                let response = match wrong {
                    Some(wrong) => no_time(wrong).into_http(),
                    None => shell.answer(request, time_out).await,
                };
                Ok(ending.with(response))
            }
            .instrument(span),
        )
    }
}

impl Shell {
    async fn answer(self, request: Request<Body>, time_out: Sleep) -> Response<Body> {
        if let Some(refused) = remap::not_grpc(&request) {
            return refused;
        }
        tokio::select! {
            biased;
            answered = self.admitted(request) => answered,
            () = time_out => remap::deadline_exceeded().into_http(),
        }
    }

    async fn admitted(self, mut request: Request<Body>) -> Response<Body> {
        let admitted = if is_open(request.uri().path()) {
            Admitted::default()
        } else {
            match self.admit(&mut request).await {
                Ok(admitted) => admitted,
                Err(refused) => return refused.into_http(),
            }
        };
        let answered = OnBehalf::of(&request).run(handle(self.routes, request)).await;
        let answered = remap::response(answered);
        match admitted.until {
            Some(second) => token_end::until(second, answered),
            None => answered,
        }
    }

    /// Finds out who is calling, which may have to wait for its issuer's keys, and then gives the call its place. Our
    /// own servers need none: their calls are part of calls that have one, and refusing them would waste what is half
    /// done.
    async fn admit(&self, request: &mut Request<Body>) -> Result<Admitted, Status> {
        let bearer = authenticate(&self.verifier, request.headers()).await;
        let bearer = bearer.map_err(|e| refuse(&e))?;
        let (caller, mut until) = bearer.map(|it| (it.caller, Some(it.until))).unwrap_or_default();
        let path = request.uri().path();
        let place = self.in_flight.enter(Rank::of(path));
        if caller.service().is_ok() {
            // Its streams are answers in parts, each an effect that it has to hear of.
            until = None;
        } else {
            self.count(&caller).map_err(|limited| refuse(&limited))?;
            if place.is_none() {
                return Err(refuse(&Overloaded));
            }
        }
        roles::admit(path, &caller).map_err(|e| refuse(&e))?;
        let until = until.filter(|_| rpcs::streams(path));
        request.extensions_mut().insert(caller);
        Ok(Admitted { _place: place, until })
    }

    /// Whether this subject has not called too often. Who has no token is counted by the gateway, by address.
    fn count(&self, caller: &Caller) -> Result<(), RateLimited> {
        match (&self.subjects, &caller.subject) {
            (Some(buckets), Some(subject)) => buckets.take(subject),
            _ => Ok(()),
        }
    }
}

async fn handle(mut routes: Routes, request: Request<Body>) -> Response<Body> {
    match AssertUnwindSafe(routes.call(request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Err(panic) => failed(panic).into_http(),
    }
}

fn no_time(wrong: NoTime) -> Status {
    refuse(&Invalid(vec![Violation::new(GRPC_TIMEOUT, wrong)]))
}

/// What becomes of a call whose handler has panicked. The text goes to the log.
pub(crate) fn failed(panic: Box<dyn Any + Send>) -> Status {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    refuse(&HandlerFailed(text.unwrap_or_default()))
}

fn is_open(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/") || path.starts_with("/grpc.reflection.v1")
}
