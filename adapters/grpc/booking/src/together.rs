//! Calls to one server that wait together go as one rpc, in which each has a verdict of its own; one that comes alone
//! goes as the single rpc. Every member keeps its own deadline, its trace and its request's name.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{BoxFuture, join_all};
use grpc_server::batch::Asker;
use grpc_server::limits::BATCH_MAX;
use grpc_server::{OnBehalf, refuse};
use in_process_gather::{Batching, Gather, Limits, Missed, Waiting};
use kernel::{StoreError, Uuid};
use tokio_util::task::TaskTracker;
use tonic::{Code, Status};
use tracing::Instrument;

use crate::peer::{Failed, reason, time_allowed};

/// Some rpcs may be under way at once, and one that is slow, because its replica hangs or one of its charges does,
/// keeps the next from its place for 25 ms and no longer: several times what a server needs that is well.
const fn limits<C: Calling>() -> Limits {
    Limits {
        batch_weight: BATCH_MAX,
        waiting_weight: C::WAITING_RPCS_MAX * BATCH_MAX,
        at_once: 4,
        patience: Some(Duration::from_millis(25)),
        rest: Duration::ZERO,
    }
}

/// How the calls of one kind are made.
#[async_trait]
pub(crate) trait Calling: Send + Sync + 'static {
    /// What is asked.
    type Message: Clone + Send + Sync + 'static;
    /// What is answered.
    type Answer: Send + 'static;
    /// What may wait, in rpcs.
    const WAITING_RPCS_MAX: usize = 8;

    /// Makes one call.
    async fn single(&self, message: Self::Message) -> Result<Self::Answer, Failed>;

    /// Makes several as one and tells of each as soon as its verdict is there, by its place. Whoever is not told of
    /// when it ends well got no verdict; when it fails they all fail with it.
    async fn several(
        &self,
        members: Vec<(Asker, Self::Message)>,
        tell: &mut (dyn FnMut(usize, Result<Self::Answer, Failed>) + Send),
    ) -> Result<(), Failed>;
}

/// The calls of one kind.
pub(crate) struct Together<C: Calling>(Gather<Member<C::Message>, Result<C::Answer, Failed>>);

/// One that waits.
struct Member<M> {
    message: M,
    on_behalf: OnBehalf,
}

type Members<C> =
    Vec<Waiting<Member<<C as Calling>::Message>, Result<<C as Calling>::Answer, Failed>>>;

impl<C: Calling> Together<C> {
    pub(crate) fn new(calling: C, batching: Batching) -> Self {
        let calling = Arc::new(calling);
        let run = move |members| -> BoxFuture<'static, ()> {
            Box::pin(make::<C>(Arc::clone(&calling), members))
        };
        Self(Gather::new(batching, limits::<C>(), TaskTracker::new(), run))
    }

    /// Makes a call, with others where others wait; calls of one key leave in the order they come, and arrive in any.
    /// It ends when the port and the caller allow, whatever becomes of the others.
    pub(crate) async fn ask(
        &self,
        key: Uuid,
        weight: usize,
        message: C::Message,
    ) -> Result<C::Answer, Failed> {
        let allowed = time_allowed()?;
        let member = Member { message, on_behalf: OnBehalf::here() };
        match tokio::time::timeout(allowed, self.0.submit(key, weight, member)).await {
            Ok(Ok(answer)) => answer,
            // It has not left, and must be told as what it is: too much at once.
            Ok(Err(Missed::Full)) => {
                let status = refuse(&StoreError::Overloaded { doing: "calling another server" });
                Err(Failed { status, never_sent: true })
            }
            Ok(Err(Missed::Lost)) => Err(undecided("the calls ended without an answer")),
            Err(_elapsed) => {
                let status = Status::deadline_exceeded("no answer in time");
                Err(Failed { status, never_sent: false })
            }
        }
    }
}

async fn make<C: Calling>(calling: Arc<C>, mut members: Members<C>) {
    if members.len() > 1 {
        members = several(&*calling, members).await;
    }
    // Alone, or the server is of a version that does not know the rpc for several.
    join_all(members.into_iter().map(|member| single(&*calling, member))).await;
}

async fn single<C: Calling>(
    calling: &C,
    waiting: Waiting<Member<C::Message>, Result<C::Answer, Failed>>,
) {
    let Member { message, on_behalf } = &waiting.item;
    let call = on_behalf.clone().run(calling.single(message.clone()));
    let answer = call.instrument(waiting.span.clone()).await;
    waiting.answer(answer);
}

/// Makes them as one. Gives those back that have to go one by one.
async fn several<C: Calling>(calling: &C, members: Members<C>) -> Members<C> {
    let asked = members.iter().map(|waiting| {
        let traceparent = waiting.traceparent.clone().unwrap_or_default();
        let request_id = waiting.item.on_behalf.request_id().to_owned();
        (Asker { traceparent, request_id }, waiting.item.message.clone())
    });
    let asked = asked.collect();
    let on_behalf = OnBehalf::together(members.iter().map(|waiting| &waiting.item.on_behalf));
    let mut waiting: Vec<_> = members.into_iter().map(Some).collect();
    let mut told = 0;
    let mut tell = |place: usize, answer| {
        if let Some(member) = waiting.get_mut(place).and_then(Option::take) {
            member.answer(answer);
            told += 1;
        }
    };
    let call = on_behalf.run(async {
        let allowed = time_allowed()?;
        let called = tokio::time::timeout(allowed, calling.several(asked, &mut tell)).await;
        called.unwrap_or_else(|_elapsed| Err(undecided("no verdict in time")))
    });
    let failed = match call.await {
        Ok(()) => undecided("the server gave no verdict"),
        Err(failed) if must_go_alone(&failed.status) && told == 0 => {
            return waiting.into_iter().flatten().collect();
        }
        Err(failed) => failed,
    };
    waiting.into_iter().flatten().for_each(|member| member.answer(Err(failed.clone())));
    Vec::new()
}

/// The server does not know the rpc, or will not take a message that large: nothing was decided. An answer that does
/// not come back, be it for its size, says nothing of the kind, and what is surely new would not be so any more.
fn must_go_alone(status: &Status) -> bool {
    let is_too_large = status.code() == Code::ResourceExhausted
        && reason(status).as_deref() == Some("MESSAGE_TOO_LARGE");
    is_too_large || status.code() == Code::Unimplemented
}

/// What was asked may have happened.
pub(crate) fn undecided(why: &'static str) -> Failed {
    Failed { status: Status::deadline_exceeded(why), never_sent: false }
}

#[cfg(test)]
mod tests;
