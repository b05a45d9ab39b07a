//! Sending: many messages as one atomic batch, or one by one where the server refuses the batch.
//!
//! The server opens a store for each batch, which costs it as much as about sixteen single messages that
//! are each written to its disk; every further message of the batch costs nearly nothing. It refuses a
//! batch whole for one message that it has already or does not take; singles tell which one.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError as NatsError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context, ErrorCode};
use futures::future::join_all;
use kernel::PublishError;
use telemetry_traces::TRACE_PARENT;
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::connection::REQUEST_WITHIN;
use crate::headers::Outgoing;
use crate::queue::Job;

/// The most that are sent as one batch.
pub(crate) const BATCH_MAX: usize = 100;
/// Fewer are sent singly: that is sooner done.
const BATCH_MIN: usize = 16;
/// The first server that knows batches; older ones take each part for a message of its own.
const BATCHES_SINCE: (i64, i64, i64) = (2, 12, 0);

/// Sends what the queue hands it, one turn after the other.
pub(crate) struct Sender {
    pub(crate) js: Context,
    /// Whether many messages go as a batch.
    pub(crate) batches: bool,
    /// Told when the stream is missing.
    pub(crate) missed: Arc<Notify>,
}

impl Sender {
    /// Sends the messages and answers everybody who waits.
    pub(crate) async fn send(&self, jobs: Vec<Job>) {
        let (major, minor, patch) = BATCHES_SINCE;
        let is_many = self.batches && jobs.len() >= BATCH_MIN;
        if is_many && self.js.client().is_server_compatible(major, minor, patch) {
            match self.batch(&jobs).instrument(joining(&jobs)).await {
                Ok(()) => return answer(jobs, &Ok(())),
                Err(error) if self.is_away(&error) => {
                    return answer(jobs, &Err(self.verdict(&error)));
                }
                Err(error) => {
                    tracing::debug!(messages = jobs.len(), %error, "a batch was refused; its messages are sent singly");
                }
            }
        }
        self.singles(jobs).await;
    }

    /// All of them or none.
    async fn batch(&self, jobs: &[Job]) -> Result<(), NatsError> {
        let id = format!("{:032x}", rand::random::<u128>());
        let client = self.js.client();
        let Some((last, parts)) = jobs.split_last() else { return Ok(()) };
        for (job, number) in parts.iter().zip(1..) {
            let Outgoing { subject, payload, .. } = &job.outgoing;
            let headers = part_headers(&job.outgoing, &id, number);
            let sent = client.publish_with_headers(subject.clone(), headers, payload.clone());
            let sent = timeout(REQUEST_WITHIN, sent).await;
            let sent = sent.map_err(|_| NatsError::new(PublishErrorKind::TimedOut))?;
            sent.map_err(|error| NatsError::with_source(PublishErrorKind::Other, error))?;
        }
        let mut headers = part_headers(&last.outgoing, &id, jobs.len());
        headers.insert("Nats-Batch-Commit", "1");
        let Outgoing { subject, payload, .. } = &last.outgoing;
        let commit = PublishMessage::build().headers(headers).payload(payload.clone());
        let ack = self.js.send_publish(subject.clone(), commit).await?.await?;
        // A server that took it for a single message names no size.
        if ack.batch_size == u64::try_from(jobs.len()).ok() {
            Ok(())
        } else {
            Err(NatsError::with_source(PublishErrorKind::Other, "not all of the batch was stored"))
        }
    }

    /// Those of different aggregates at once, those of one aggregate in order.
    async fn singles(&self, jobs: Vec<Job>) {
        let mut rows: HashMap<String, Vec<Job>> = HashMap::new();
        for job in jobs {
            rows.entry(job.aggregate.clone()).or_default().push(job);
        }
        join_all(rows.into_values().map(|row| self.in_order(row))).await;
    }

    async fn in_order(&self, row: Vec<Job>) {
        let mut jobs = row.into_iter();
        for job in jobs.by_ref() {
            let sent = self.single(&job.outgoing).await.map_err(|error| self.verdict(&error));
            let failed = sent.is_err();
            // A caller that has gone asks again later.
            let _ = job.answer.send(sent);
            if failed {
                break;
            }
        }
        let behind =
            PublishError::Away("an earlier message of its aggregate was not taken".to_owned());
        answer(jobs.collect(), &Err(behind));
    }

    /// A message that is there already is as good as sent.
    async fn single(&self, outgoing: &Outgoing) -> Result<(), NatsError> {
        let Outgoing { subject, headers, payload } = outgoing;
        let message = PublishMessage::build().headers(headers.clone()).payload(payload.clone());
        self.js.send_publish(subject.clone(), message).await?.await?;
        Ok(())
    }

    /// Nothing would come of trying the messages one by one.
    fn is_away(&self, error: &NatsError) -> bool {
        error.kind() == PublishErrorKind::StreamNotFound
            || self.js.client().connection_state() != State::Connected
    }

    fn verdict(&self, error: &NatsError) -> PublishError {
        if error.kind() == PublishErrorKind::StreamNotFound {
            self.missed.notify_one();
        }
        let source = std::error::Error::source(error);
        let code = source.and_then(|source| source.downcast_ref::<jetstream::Error>());
        let is_too_large = error.kind() == PublishErrorKind::MaxPayloadExceeded
            || code.is_some_and(|error| {
                error.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
            });
        if is_too_large {
            PublishError::Refused(error.to_string())
        } else {
            PublishError::Away(error.to_string())
        }
    }
}

fn part_headers(outgoing: &Outgoing, batch: &str, number: usize) -> async_nats::HeaderMap {
    let mut headers = outgoing.headers.clone();
    headers.insert("Nats-Batch-Id", batch);
    headers.insert("Nats-Batch-Sequence", number.to_string());
    headers
}

/// A batch belongs to the traces of all its messages.
fn joining(jobs: &[Job]) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "publish batch",
        otel.kind = "client",
        messaging.system = "nats",
        messaging.operation.name = "publish",
        messaging.operation.type = "send",
        messaging.batch.message_count = i64::try_from(jobs.len()).unwrap_or(i64::MAX),
    );
    for traceparent in jobs.iter().filter_map(|job| job.outgoing.headers.get(TRACE_PARENT)) {
        telemetry_traces::link_to_traceparent(&span, traceparent.as_str());
    }
    span
}

fn answer(jobs: Vec<Job>, with: &Result<(), PublishError>) {
    for job in jobs {
        let _ = job.answer.send(with.clone());
    }
}
