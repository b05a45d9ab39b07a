//! How this context calls the others: every call within the caller's deadline and with our own servers'
//! token, sent again only where it never left, and every error by its stable reason.

use std::sync::Arc;
use std::time::Duration;

use booking::{PROCESS_CALL, Unanswered};
use grpc_client::limits::DEADLINE_GRACE;
use grpc_client::{Repeat, Resend, never_sent};
use grpc_server::{pass_on_request_id, time_left_here};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

/// The `authorization` metadata that our own servers show each other; short-lived, so asked for each call.
pub type ServiceBearer = Arc<dyn Fn() -> Result<MetadataValue<Ascii>, Status> + Send + Sync>;

/// What must be left of a caller's time for a call to make sense.
const CALL_TIME_MIN: Duration = Duration::from_millis(20);

/// Another context's server.
pub(crate) struct Peer {
    bearer: ServiceBearer,
    resend: Resend,
}

/// A call that got no answer of its own kind.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) status: Status,
    /// The call provably reached nobody and no time was lost: it is as if it had not been made.
    pub(crate) never_sent: bool,
}

impl Peer {
    pub(crate) fn new(bearer: ServiceBearer) -> Self {
        Self { bearer, resend: Resend::new() }
    }

    /// Makes a call and waits for its answer no longer than the port and the caller allow, the time to
    /// connect included.
    pub(crate) async fn ask<M, A, F>(
        &self,
        message: M,
        send: impl Fn(Request<M>) -> F,
    ) -> Result<A, Failed>
    where
        M: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let allowed = time_allowed()?;
        // Handed on: that it is over is for whoever handed it on, and no fault of the server's.
        let inherited = allowed < PROCESS_CALL;
        let more_there = if inherited { DEADLINE_GRACE } else { Duration::ZERO };
        let token = (self.bearer)().map_err(|status| Failed { status, never_sent: true })?;
        let call = self.resend.call(allowed, Repeat::Never, |left| {
            let mut request = Request::new(message.clone());
            request.set_timeout(left + more_there);
            request.metadata_mut().insert("authorization", token.clone());
            pass_on_request_id(&mut request);
            send(request)
        });
        match tokio::time::timeout(allowed, call).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(Failed { never_sent: never_sent(&status), status }),
            Err(_elapsed) => {
                let status = Status::deadline_exceeded("no answer in time");
                Err(Failed { status, never_sent: false })
            }
        }
    }
}

/// How long a call may take that is made here and now.
pub(crate) fn time_allowed() -> Result<Duration, Failed> {
    let allowed = time_left_here().map_or(PROCESS_CALL, |left| left.min(PROCESS_CALL));
    if allowed < CALL_TIME_MIN {
        let status = Status::deadline_exceeded("no time is left for the call");
        return Err(Failed { status, never_sent: false });
    }
    Ok(allowed)
}

impl From<Failed> for Unanswered {
    fn from(failed: Failed) -> Self {
        unanswered(&failed.status)
    }
}

/// The stable name of an error that the peer's use case decided on; `None` where nobody decided.
pub(crate) fn reason(status: &Status) -> Option<String> {
    match status.code() {
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated
        | Code::PermissionDenied => None,
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange => Some(status.get_details_error_info()?.reason),
    }
}

/// A fact about an error, for programs.
pub(crate) fn metadata(status: &Status, name: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.remove(name)
}

/// An answer that decides nothing.
pub(crate) fn unanswered(status: &Status) -> Unanswered {
    Unanswered(format!("{:?}: {}", status.code(), status.message()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use grpc_server::OnBehalf;

    use super::*;

    #[tokio::test]
    async fn g02_a_peer_is_told_the_id_of_the_request_on_whose_behalf_it_is_asked() {
        let peer = Peer::new(Arc::new(|| Ok("Bearer x".parse().expect("ascii"))));
        let request = http::Request::builder().header("x-request-id", "r-1").body(());
        let answer = peer.ask((), |request: Request<()>| async move {
            let id = request.metadata().get("x-request-id").and_then(|id| id.to_str().ok());
            Ok(Response::new(id.unwrap_or_default().to_owned()))
        });
        let told = OnBehalf::of(&request.expect("a request")).run(answer).await;
        assert_eq!(told.map_err(|failed| failed.status).expect("answers"), "r-1");
    }

    #[tokio::test]
    async fn a_call_of_the_sweep_has_the_ports_deadline_and_our_token() {
        let peer = Peer::new(Arc::new(|| Ok("Bearer x".parse().expect("ascii"))));
        let sent = Mutex::new(Vec::new());
        let answer = peer.ask((), |request| {
            sent.lock().expect("whole").push(request.metadata().clone());
            async { Err::<Response<()>, _>(Status::unavailable("the connection broke")) }
        });
        let failed = answer.await.expect_err("fails");
        assert!(!failed.never_sent);
        let sent = sent.into_inner().expect("whole");
        assert_eq!(sent.len(), 1, "what may have arrived is not sent again");
        let header = |name| sent.first().and_then(|sent| sent.get(name)?.to_str().ok());
        assert_eq!(header("authorization"), Some("Bearer x"));
        let timeout = header("grpc-timeout").and_then(|text| text.strip_suffix('u')?.parse().ok());
        assert!(timeout.is_some_and(|micros: u64| micros <= 10_000_000 && micros > 1_000_000));
    }

    #[tokio::test]
    async fn without_a_token_nothing_is_sent() {
        let peer = Peer::new(Arc::new(|| Err(Status::unavailable("no key"))));
        let answer = peer.ask((), |_| async { Ok(Response::new(())) });
        assert!(answer.await.expect_err("fails").never_sent);
    }
}
