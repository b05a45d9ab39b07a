//! Calls that come as one: each member is the single call, in the trace of whoever asks for it, with a verdict of its
//! own. One that fails, or takes its time, touches no other.

use std::panic::AssertUnwindSafe;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use kernel::{Invalid, Violation};
use prost::Message;
use proto::google::rpc;
use tonic::{Code, Status};
use tracing::{Instrument, Span};

use crate::limits::BATCH_MAX;
use crate::on_behalf::{OnBehalf, fit};
use crate::shell::failed;
use crate::status::refuse;

/// Who asks for a member, where it is not whoever sends the batch.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// The W3C trace context; empty if there is none.
    pub traceparent: String,
    /// The name of the request; empty if it has none.
    pub request_id: String,
}

impl Asker {
    fn span(&self, rpc: &'static str) -> Span {
        let span = tracing::info_span!(
            "member",
            otel.name = rpc,
            otel.kind = "server",
            rpc.system.name = "grpc",
            rpc.method = rpc,
            correlation_id = fit(&self.request_id).as_ref().and_then(|id| id.to_str().ok()),
        );
        if !self.traceparent.is_empty() {
            telemetry_traces::continue_from_traceparent(&span, Some(&self.traceparent));
            if let Some(batch) = telemetry_traces::traceparent() {
                telemetry_traces::link_to_traceparent(&span, &batch);
            }
        }
        span
    }
}

/// Refuses a batch that is empty or too large, by the name of the field that it stands in.
///
/// # Errors
/// INVALID_ARGUMENT unless there are 1 to 256 members.
pub fn check_size(field: &str, size: usize) -> Result<(), Status> {
    if (1..=BATCH_MAX).contains(&size) {
        return Ok(());
    }
    let rule = format!("must have 1 to {BATCH_MAX} items");
    Err(refuse(&Invalid(vec![Violation::new(field, rule)])))
}

/// Makes the single call of every member, all at once, and gives each answer with its member's place as soon as it is
/// there. A panic is INTERNAL, of its own member alone.
pub fn members<M, A, F: Future<Output = Result<A, Status>>>(
    rpc: &'static str,
    members: impl IntoIterator<Item = (Asker, M)>,
    call: impl Fn(M) -> F,
) -> impl Stream<Item = (usize, Result<A, Status>)> {
    let members = members.into_iter().enumerate().map(|(place, (asker, member))| {
        let answering = AssertUnwindSafe(call(member)).catch_unwind();
        let answering = answering
            .map(move |answered| (place, answered.unwrap_or_else(|panic| Err(failed(panic)))));
        OnBehalf::here().named(&asker.request_id).run(answering.instrument(asker.span(rpc)))
    });
    members.collect::<FuturesUnordered<_>>()
}

/// All answers in the order of their members.
pub async fn in_order<A>(answers: impl Stream<Item = (usize, A)>) -> Vec<A> {
    let mut answers: Vec<_> = answers.collect().await;
    answers.sort_unstable_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The error of a call as a message, details and all.
#[must_use]
pub fn refusal(status: &Status) -> rpc::Status {
    let told = Some(status.details()).filter(|details| !details.is_empty());
    told.and_then(|details| rpc::Status::decode(details).ok()).unwrap_or_else(|| rpc::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

/// The error of the single call, out of a verdict.
#[must_use]
pub fn refused(refusal: &rpc::Status) -> Status {
    let code = Code::from_i32(refusal.code);
    Status::with_details(code, refusal.message.clone(), refusal.encode_to_vec().into())
}

#[cfg(test)]
mod tests {
    use kernel::StoreError;
    use tonic_types::StatusExt;

    use super::*;

    #[tokio::test]
    async fn a_member_that_fails_hangs_or_panics_touches_no_other() {
        let asked = ["well", "fails", "panics", "hangs"].map(|member| (Asker::default(), member));
        let answers = members("x", asked, |member| async move {
            match member {
                "fails" => Err(Status::aborted("")),
                "panics" => panic!("a secret of the house"),
                "hangs" => std::future::pending().await,
                _ => Ok(member),
            }
        });
        let mut answered = in_order(answers.take(3)).await.into_iter();
        assert!(answered.next().is_some_and(|answer| answer.is_ok_and(|said| said == "well")));
        let codes = answered.map(|answer| answer.err().map(|status| status.code()));
        assert_eq!(codes.collect::<Vec<_>>(), [Some(Code::Aborted), Some(Code::Internal)]);
    }

    #[tokio::test]
    async fn g02_a_member_has_the_name_of_its_own_request() {
        let ids = ["r-1", "not fit", ""];
        let asked = ids.map(|id| {
            let asker = Asker { request_id: id.to_owned(), ..Asker::default() };
            (asker, ())
        });
        let named =
            members("x", asked, |()| async { Ok(OnBehalf::here().request_id().to_owned()) });
        let named: Vec<_> = in_order(named).await.into_iter().flatten().collect();
        assert_eq!(named, ["r-1", "", ""]);
    }

    #[test]
    fn an_error_goes_into_a_verdict_and_out_of_it() {
        let overloaded = refuse(&StoreError::Overloaded { doing: "x" });
        let back = refused(&refusal(&overloaded));
        assert_eq!((back.code(), back.message()), (Code::ResourceExhausted, overloaded.message()));
        let info = back.get_details_error_info();
        assert_eq!(info.map(|info| info.reason).as_deref(), Some("OVERLOADED"));
        assert!(back.get_details_retry_info().is_some());
        let plain = refused(&refusal(&Status::unavailable("away")));
        assert_eq!((plain.code(), plain.message()), (Code::Unavailable, "away"));
    }

    #[test]
    fn a_batch_is_neither_empty_nor_endless() {
        for (size, fits) in [(0, false), (1, true), (BATCH_MAX, true), (BATCH_MAX + 1, false)] {
            assert_eq!(check_size("commands", size).is_ok(), fits, "{size}");
        }
    }
}
