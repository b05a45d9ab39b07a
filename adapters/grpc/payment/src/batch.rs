//! Batches: each item is the single call, with a verdict of its own.

use futures::{Stream, StreamExt};
use grpc_server::batch::{self, Asker};
use proto::boxoffice::payment::v1 as pb;
use proto::boxoffice::payment::v1::payment_verdict::Outcome;
use tonic::Status;

/// Runs every item and gives their verdicts in the items' order.
pub(crate) async fn run<Item, Answered: Future<Output = Result<Outcome, Status>>>(
    rpc: &'static str,
    items: Vec<Item>,
    call: impl Fn(Item) -> Answered,
) -> Vec<pb::PaymentVerdict> {
    let items = items.into_iter().map(|item| (Asker::default(), item));
    let answers = batch::in_order(batch::members(rpc, items, call)).await;
    answers.into_iter().map(verdict).collect()
}

/// Runs every charge and gives its verdict when it has ended, with what has ended meanwhile.
pub(crate) fn charges<Answered: Future<Output = Result<Outcome, Status>>>(
    commands: Vec<pb::ChargeCommand>,
    call: impl Fn(pb::ChargePaymentRequest) -> Answered,
) -> impl Stream<Item = pb::ChargePaymentsResponse> {
    let at_most = commands.len().max(1);
    let commands = commands.into_iter().map(|command| {
        let asker = Asker { traceparent: command.traceparent, request_id: command.request_id };
        (asker, command.charge.unwrap_or_default())
    });
    let verdicts = batch::members("ChargePayments", commands, call).map(|(place, answered)| {
        // At most 256.
        let index = i32::try_from(place).unwrap_or(i32::MAX);
        pb::IndexedVerdict { index, verdict: Some(verdict(answered)) }
    });
    verdicts.ready_chunks(at_most).map(|verdicts| pb::ChargePaymentsResponse { verdicts })
}

fn verdict(answered: Result<Outcome, Status>) -> pb::PaymentVerdict {
    let refused = |status| Outcome::Refusal(batch::refusal(&status));
    pb::PaymentVerdict { outcome: Some(answered.unwrap_or_else(refused)) }
}
