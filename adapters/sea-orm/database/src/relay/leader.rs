//! The leader's loop: a bounded set of lanes, each publishing the messages of one aggregate in order.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kernel::{Envelope, PublishError, Publisher, StoreError};
use sea_orm::DbBackend;
use telemetry_metrics::names::MESSAGES_PUBLISHED;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field};

use super::LEASE_DURATION;
use super::queue::{Failure, Pending, mark, read_unpublished, read_waiting};
use crate::engine::database_now;
use crate::unit_of_work::unavailable;
use crate::{Database, Lease};

const LEASE_RENEWAL: Duration = Duration::from_secs(3);
/// How often to look for messages of other processes: those of this one announce themselves.
const POLL_FILE: Duration = Duration::from_secs(1);
const POLL_SERVER: Duration = Duration::from_millis(250);
/// A message that the bus has refused as often, over some minutes, is set aside.
const REFUSALS_MAX: u32 = 20;
/// Enough for some full batches to the bus.
const LANES_MAX: usize = 512;
/// Where all lanes are in use, so many that have ended make a round of their own.
const LANES_OF_A_ROUND: usize = LANES_MAX / 2;
const LANE_MESSAGES_MAX: usize = 16;
/// So many reads fill the lanes, unless few aggregates have very much to tell; then the next round goes on.
const READS_OF_A_ROUND: usize = 8;
/// Aggregates whose head waits for its next attempt. So many mean that the bus is away, not one message.
const BLOCKED_MAX: usize = 1000;
/// So many of the messages that wait for an operator are known here, and their aggregates with them; where there are
/// more, the database leaves them out.
const WAITING_MAX: usize = 10_000;
/// How long they are known for: what an operator takes up again goes on as much later. What is set aside here is known
/// at once.
const WAITING_KNOWN: Duration = Duration::from_millis(500);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// That the bus was away says nothing about the message: it must not wait long once the bus is back.
const RETRY_AWAY_MAX: Duration = Duration::from_secs(3);
/// A round is at least as far from the next, and as far as it took, unless many lanes end before: what ends meanwhile
/// is marked together.
const REST_MIN: Duration = Duration::from_millis(50);
const REST_MAX: Duration = Duration::from_millis(100);
const DRAIN: Duration = Duration::from_secs(2);
const _: () = assert!(LEASE_RENEWAL.as_millis() * 3 < LEASE_DURATION.as_millis());

pub(super) struct Leader<'a> {
    db: &'a Database,
    publisher: Arc<dyn Publisher>,
    lease: &'a Lease,
    lanes: JoinSet<LaneEnd>,
    /// Aggregates that are being published, or were and are not marked yet.
    in_flight: HashSet<String>,
    /// Aggregates whose head failed, and when it is tried again.
    blocked: HashMap<String, Instant>,
    /// Aggregates behind a message that was set aside, and when they were asked for.
    waiting: Option<(Instant, Vec<String>)>,
    ended: Vec<LaneEnd>,
    away: Option<Away>,
}

/// The bus took nothing at last: one message at a time finds out whether it is back.
#[derive(Clone, Copy)]
struct Away {
    attempts: u32,
    until: Instant,
}

/// What a lane got done before it ended.
struct LaneEnd {
    aggregate_id: String,
    published: Vec<i64>,
    failure: Option<LaneFailure>,
}

/// The message a lane did not get past.
struct LaneFailure {
    seq: i64,
    attempts: u32,
    refusals: u32,
    error: PublishError,
}

/// Somebody else holds the lease.
struct Deposed;

impl<'a> Leader<'a> {
    pub(super) fn new(db: &'a Database, publisher: Arc<dyn Publisher>, lease: &'a Lease) -> Self {
        Self {
            db,
            publisher,
            lease,
            lanes: JoinSet::new(),
            in_flight: HashSet::new(),
            blocked: HashMap::new(),
            waiting: None,
            ended: Vec::new(),
            away: None,
        }
    }

    /// Publishes until told to stop or somebody else leads. No database call in here is ever dropped.
    pub(super) async fn lead(mut self, stop: &CancellationToken) {
        let mut commits = self.db.committed();
        // The lease is fresh.
        let mut renewal = interval_at(Instant::now() + LEASE_RENEWAL, LEASE_RENEWAL);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let begun = Instant::now();
            if let Err(Deposed) = self.round().await {
                return;
            }
            let rested = Instant::now() + begun.elapsed().clamp(REST_MIN, REST_MAX);
            let pause = self.pause();
            let has_free_lanes = self.lanes_free() > 0;
            tokio::select! {
                () = stop.cancelled() => return self.drain().await,
                Some(end) = self.lanes.join_next() => self.collect(end),
                () = commits.notified(), if has_free_lanes => {}
                () = sleep(pause) => {}
                _ = renewal.tick() => if self.is_deposed().await { return },
            }
            tokio::select! {
                () = stop.cancelled() => return self.drain().await,
                () = self.rest(rested) => {}
            }
        }
    }

    /// Until then, or until many lanes have ended where more waits than there are lanes.
    async fn rest(&mut self, until: Instant) {
        // Many have ended already only where they could not be marked.
        let is_behind =
            self.lanes.len() + self.ended.len() >= LANES_MAX && self.ended.len() < LANES_OF_A_ROUND;
        loop {
            tokio::select! {
                () = sleep_until(until) => return,
                Some(end) = self.lanes.join_next(), if is_behind => self.collect(end),
            }
            if self.ended.len() >= LANES_OF_A_ROUND {
                return;
            }
        }
    }

    /// Marks what has ended and starts what can start. Failures of the database are tried again in
    /// the next round.
    async fn round(&mut self) -> Result<(), Deposed> {
        let now = Instant::now();
        self.blocked.retain(|_, due| *due > now);
        let worked = match self.mark_ended().await {
            Ok(true) => self.start_lanes().await,
            Ok(false) => return Err(Deposed),
            Err(error) => Err(error),
        };
        if let Err(error) = worked {
            tracing::warn!(%error, "the relay could not work; trying again");
        }
        Ok(())
    }

    async fn mark_ended(&mut self) -> Result<bool, StoreError> {
        while let Some(end) = self.lanes.try_join_next() {
            self.collect(end);
        }
        if self.ended.is_empty() {
            return Ok(true);
        }
        let published = self.ended.iter().flat_map(|end| end.published.iter().copied()).collect();
        let mut failures = Vec::new();
        let mut blocked = HashMap::new();
        for end in &self.ended {
            let Some(LaneFailure { seq, attempts, refusals, error }) = &end.failure else {
                continue;
            };
            let refused = matches!(error, PublishError::Refused(_));
            let longest = if refused { RETRY_MAX } else { RETRY_AWAY_MAX };
            let (seq, retry_in) = (*seq, retry_in(*attempts, longest));
            let park = refused && *refusals >= REFUSALS_MAX;
            let aggregate_id = end.aggregate_id.clone();
            if park {
                tracing::error!(seq, aggregate_id, %error, "a message is set aside and its aggregate waits");
            } else {
                // Not a warning: while the bus is away, which it tells itself, this is so of every message.
                tracing::debug!(seq, attempts, %error, "a message was not taken by the bus");
                blocked.insert(aggregate_id, Instant::now() + retry_in);
            }
            failures.push(Failure { seq, error: error.to_string(), retry_in, refused, park });
        }
        if failures.iter().any(|failure| failure.park) {
            self.waiting = None;
        }
        if !mark(self.db, self.lease, published, failures).await? {
            return Ok(false);
        }
        self.away = self.away_after(&self.ended);
        self.blocked.extend(blocked);
        for end in self.ended.drain(..) {
            self.in_flight.remove(&end.aggregate_id);
        }
        Ok(true)
    }

    /// Whether the bus is away, as what has ended tells. One message that does not get through says nothing of it as
    /// long as others do.
    fn away_after(&self, ended: &[LaneEnd]) -> Option<Away> {
        let is_away = |end: &LaneEnd| match &end.failure {
            Some(failure) => matches!(failure.error, PublishError::Away(_)),
            None => false,
        };
        if !ended.iter().all(is_away) {
            return None;
        }
        let attempts = self.away.map_or(0, |away| away.attempts.saturating_add(1));
        Some(Away { attempts, until: Instant::now() + retry_in(attempts, RETRY_AWAY_MAX) })
    }

    fn lanes_free(&self) -> usize {
        let lanes_max = match self.away {
            Some(away) if away.until > Instant::now() => 0,
            Some(_) => 1,
            None => LANES_MAX,
        };
        lanes_max.saturating_sub(self.lanes.len())
    }

    async fn start_lanes(&mut self) -> Result<(), StoreError> {
        for _ in 0..READS_OF_A_ROUND {
            let free = self.lanes_free();
            if free == 0 || self.blocked.len() >= BLOCKED_MAX {
                return Ok(());
            }
            let waiting = self.waiting().await?;
            let apart = self.in_flight.iter().chain(self.blocked.keys()).chain(&waiting);
            let apart = apart.map(String::as_str).collect();
            let are_all_known = waiting.len() < WAITING_MAX;
            let found = read_unpublished(self.db, &apart, are_all_known, free).await?;
            if !found.unreadable.is_empty() {
                // Set aside before anything is published: later messages of their aggregates wait for them.
                for failure in &found.unreadable {
                    let Failure { seq, error, .. } = failure;
                    tracing::error!(seq, error, "a message cannot be read and is set aside");
                }
                self.waiting = None;
                if !mark(self.db, self.lease, Vec::new(), found.unreadable).await? {
                    return Ok(());
                }
                continue;
            }
            for lane in by_aggregate(found.messages).into_iter().take(free) {
                self.start_lane(lane).await?;
            }
            // A full page may be all one aggregate's; with that one apart, others come into sight.
            if !found.is_cut || self.lanes_free() < LANES_OF_A_ROUND {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The aggregates that wait behind a message that was set aside, as they were a moment ago.
    async fn waiting(&mut self) -> Result<Vec<String>, StoreError> {
        let known = self.waiting.as_ref().filter(|(at, _)| at.elapsed() < WAITING_KNOWN);
        if let Some((_, waiting)) = known {
            return Ok(waiting.clone());
        }
        let waiting = read_waiting(self.db, WAITING_MAX as u64).await?;
        self.waiting = Some((Instant::now(), waiting.clone()));
        Ok(waiting)
    }

    async fn start_lane(&mut self, lane: Vec<Pending>) -> Result<(), StoreError> {
        let Some(head) = lane.first() else { return Ok(()) };
        let aggregate_id = head.message.aggregate_id.clone();
        if head.attempts > 0 {
            // It failed before, perhaps under another leader.
            let now =
                database_now(self.db.reader()).await.map_err(unavailable("reading the time"))?;
            let wait = head.next_attempt_at.since(now);
            if !wait.is_zero() {
                self.blocked.insert(aggregate_id, Instant::now() + wait);
                return Ok(());
            }
        }
        self.in_flight.insert(aggregate_id.clone());
        self.lanes.spawn(publish_lane(self.publisher.clone(), aggregate_id, lane));
        Ok(())
    }

    fn collect(&mut self, end: Result<LaneEnd, tokio::task::JoinError>) {
        match end {
            Ok(end) => self.ended.push(end),
            Err(error) => tracing::error!(%error, "a lane of the relay did not end properly"),
        }
    }

    /// How long nothing needs to be done unless something happens.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        if let Some(away) = self.away.filter(|away| away.until > now) {
            return away.until - now;
        }
        let retry = self.blocked.values().min().map(|due| due.duration_since(now));
        let poll = if self.db.reader().get_database_backend() == DbBackend::Sqlite {
            POLL_FILE
        } else {
            // Not all replicas of all servers at the same moment.
            POLL_SERVER.mul_f64(rand::random_range(0.8..=1.2))
        };
        retry.map_or(poll, |retry| retry.min(poll))
    }

    async fn is_deposed(&self) -> bool {
        match self.lease.renew(self.db, LEASE_DURATION).await {
            Ok(held) => !held,
            Err(error) => {
                // Whether we still lead shows when marks are written.
                tracing::warn!(%error, "the relay could not renew its lease");
                false
            }
        }
    }

    /// Lets running lanes end for a moment, so that few messages are published twice.
    async fn drain(mut self) {
        let all_ended = async {
            while let Some(end) = self.lanes.join_next().await {
                self.collect(end);
            }
        };
        let _in_time = timeout(DRAIN, all_ended).await;
        if let Err(error) = self.mark_ended().await {
            tracing::warn!(%error, "the relay could not mark its last messages; they will come again");
        }
    }
}

/// The rows of each aggregate in their order, the aggregate with the oldest row first.
fn by_aggregate(rows: Vec<Pending>) -> Vec<Vec<Pending>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut lanes: Vec<Vec<Pending>> = Vec::new();
    for row in rows {
        let place = *places.entry(row.message.aggregate_id.clone()).or_insert(lanes.len());
        match lanes.get_mut(place) {
            // What is left out is read again when the lane has ended.
            Some(lane) if lane.len() >= LANE_MESSAGES_MAX => {}
            Some(lane) => lane.push(row),
            None => lanes.push(vec![row]),
        }
    }
    lanes
}

/// Publishes the messages of one aggregate one after the other, up to the first that fails.
async fn publish_lane(
    publisher: Arc<dyn Publisher>,
    aggregate_id: String,
    lane: Vec<Pending>,
) -> LaneEnd {
    let mut end = LaneEnd { aggregate_id, published: Vec::new(), failure: None };
    for pending in lane {
        let publishing = if pending.told_again {
            publisher.publish_again(&pending.message)
        } else {
            publisher.publish(&pending.message)
        };
        let span = sending(&pending.message);
        let publishing = AssertUnwindSafe(publishing).catch_unwind().instrument(span.clone());
        let ended = publishing.await.unwrap_or_else(|_panic| {
            Err(PublishError::Refused("the publisher panicked".to_owned()))
        });
        count(&pending.message, &ended);
        let Err(error) = ended else {
            end.published.push(pending.seq);
            continue;
        };
        span.record("otel.status_code", "ERROR");
        let Pending { seq, attempts, refusals, .. } = pending;
        end.failure = Some(LaneFailure { seq, attempts, refusals, error });
        break;
    }
    end
}

/// The span in which a message is sent: a child of what told it.
fn sending(message: &Envelope) -> Span {
    let span = tracing::info_span!(
        "send",
        otel.name = format!("send {}", message.name()),
        otel.kind = "producer",
        otel.status_code = field::Empty,
        // Known to the bus alone, which records it.
        messaging.system = field::Empty,
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.destination.name = message.subject(),
        messaging.message.id = %message.id,
        correlation_id = message.correlation_id,
    );
    telemetry_traces::continue_from_traceparent(&span, message.traceparent.as_deref());
    span
}

fn count(message: &Envelope, ended: &Result<(), PublishError>) {
    let status = match ended {
        Ok(()) => "sent",
        Err(PublishError::Refused(_)) => "refused",
        Err(PublishError::Away(_)) => "away",
        Err(PublishError::Unheard(_)) => "unheard",
    };
    MESSAGES_PUBLISHED.add([message.subject(), status.to_owned()]);
}

/// 100 ms doubling with every attempt up to the longest; at least half of it, the rest by chance.
fn retry_in(attempts: u32, longest: Duration) -> Duration {
    let full = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(attempts)).min(longest);
    full.mul_f64(rand::random_range(0.5..=1.0))
}
