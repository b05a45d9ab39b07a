//! Batches: each item is the single call, with a verdict of its own.

use futures::{StreamExt, stream};
use grpc_server::refuse;
use kernel::{Invalid, Violation};
use prost::Message;
use proto::boxoffice::payment::v1 as pb;
use proto::boxoffice::payment::v1::payment_verdict::Outcome;
use proto::google::rpc;
use tonic::Status;

const BATCH_MAX: usize = 256;
/// How many items of a batch run at once.
const AT_ONCE_MAX: usize = 64;

/// Runs every item, a bounded number at once, and gives their verdicts in the items' order.
///
/// # Errors
/// INVALID_ARGUMENT unless there are 1 to 256 items.
pub(crate) async fn run<Item, Answered: Future<Output = Result<Outcome, Status>>>(
    items: Vec<Item>,
    call: impl Fn(Item) -> Answered,
) -> Result<Vec<pb::PaymentVerdict>, Status> {
    if !(1..=BATCH_MAX).contains(&items.len()) {
        let rule = format!("must have 1 to {BATCH_MAX} items");
        return Err(refuse(&Invalid(vec![Violation::new("requests", rule)])));
    }
    let verdicts = stream::iter(items).map(call).buffered(AT_ONCE_MAX).map(verdict);
    Ok(verdicts.collect().await)
}

fn verdict(answered: Result<Outcome, Status>) -> pb::PaymentVerdict {
    let outcome = answered.unwrap_or_else(|status| Outcome::Refusal(message(&status)));
    pb::PaymentVerdict { outcome: Some(outcome) }
}

/// The error of a call as a message, details and all.
fn message(status: &Status) -> rpc::Status {
    rpc::Status::decode(status.details()).unwrap_or_else(|_| rpc::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}
