//! The outbox relay over a JetStream that writes each message to its disk before it acknowledges it: what atomic batches
//! gain the telling itself, against one message after the other; what they gain the whole relay with its database,
//! against single messages with many acknowledgements under way; and whether it keeps up with the bookings that it
//! tells of.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use contract::{Engine, Fresh};
use kernel::{Envelope, EventId, PublishError, Publisher, Timestamp};
use nats_bus::{NatsBus, NatsSettings};
use sea_orm_database::{Database, Marks, Relay, write_marks};
use serde_json::Value;
use servers::{Life, Scratch, Server, plain_get};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::figures::{Claim, RELAY_BATCHES, RELAY_KEEPS_UP};
use crate::in_server::{database_processes, fresh_id};
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::processor::Watch;
use crate::ratios::{Comparison, Pair, Spread, alternated, undisturbed};
use crate::report::Found;
use crate::whole::booking;

const MESSAGES: usize = 40_000;
const MESSAGES_OF_A_TRIAL: usize = 4_000;
const AT_ONCE: usize = 500;
/// As many messages as the relay has under way.
const LANES: usize = 512;
/// As large as an event of a booking is with its headers.
const PAYLOAD_BYTES: usize = 200;
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
const LOOKED_EVERY: Duration = Duration::from_millis(10);
const BOOKERS: u16 = 256;

/// Measures pairs, and after each the rate of bookings.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let mut found = Found::default();
    let sides = [("one by one", &false), ("batches", &true)];
    let told = async |batches: &bool| tell(*batches, plan).await;
    let telling = Comparison {
        name: "telling".to_owned(),
        callers: 1,
        baseline: "one by one",
        ours: "batches",
        pairs: alternated(plan.rounds(), sides, told).await,
    };
    found.claims.push(telling.claim(RELAY_BATCHES, |measured| measured.per_second));
    found.comparisons.push(telling);
    let measured = async |batches: &bool| measure(*batches, plan).await;
    let sides = [("singles", &false), ("batches", &true)];
    let comparison = Comparison {
        name: "relay".to_owned(),
        callers: 1,
        baseline: "singles",
        ours: "batches",
        pairs: alternated(plan.rounds(), sides, measured).await,
    };
    if plan.smoke {
        found.leave_out([RELAY_KEEPS_UP], "bookings take longer than a trial");
    } else {
        let claim = keeps_up(&comparison.pairs, plan, &mut found).await;
        found.claims.push(claim);
    }
    found.comparisons.push(comparison);
    found
}

/// What one relay tells in a second, against all messages that the bookings of a second leave, whoever relays them.
async fn keeps_up(pairs: &[Pair], plan: &Plan, found: &mut Found) -> Claim {
    let (mut ratios, mut each) = (Vec::new(), Vec::new());
    for pair in pairs {
        let measured = async || {
            let (bookings, messages) = booking::measure("on", 1, BOOKERS, plan).await;
            let others_percent = bookings.others_percent;
            ((bookings, messages), others_percent)
        };
        let (bookings, messages) = undisturbed(plan.rounds(), measured).await;
        let all: f64 = messages.iter().map(|(_, each)| each).sum();
        let named = messages.iter();
        let named = named.map(|(context, each)| (format!("messages each, {context}"), *each));
        found.measured("bookings of one hot ticket", &bookings, named);
        ratios.push(pair.ours.per_second / (bookings.per_second * all));
        each.push(all);
    }
    let each = Spread::of(each).median;
    let claim = RELAY_KEEPS_UP.claimed(Spread::of(ratios));
    claim.under(format!("a booking leaves {each:.2} messages"))
}

/// The telling alone, without an outbox: batches of all that the relay's lanes bring at once, or one message when the
/// one before is acknowledged.
async fn tell(batches: bool, plan: &Plan) -> Measurement {
    let Stream { nats, monitor, bus, _scratch } = Stream::fresh(batches).await;
    let lanes = if batches { LANES } else { 1 };
    let timed = Arc::new(Timed { bus: bus.clone(), waits: Mutex::default() });
    let (watch, begun) = (Watch::begin(nats_process(&nats).collect()), Instant::now());
    let mut telling = JoinSet::new();
    for lane in 0..lanes {
        let (timed, time) = (timed.clone(), plan.time());
        telling.spawn(async move {
            let mut turns = (lane..MESSAGES).step_by(lanes);
            while begun.elapsed() < time && turns.next().is_some() {
                timed.publish(&message()).await.unwrap_or_else(|error| panic!("{error}"));
            }
        });
    }
    telling.join_all().await;
    let (waits, took, used) = (timed.taken(), begun.elapsed(), watch.end());
    all_are_kept(&monitor, waits.len());
    bus.close().await;
    Measurement::of(waits, 0, took, &used)
}

/// A stream of its own, on a server of its own.
struct Stream {
    nats: Server,
    monitor: String,
    bus: NatsBus,
    _scratch: Scratch,
}

impl Stream {
    async fn fresh(batches: bool) -> Self {
        let scratch = Scratch::fresh("relay").unwrap_or_else(|error| panic!("{error}"));
        let folder = scratch.path().join("nats");
        let started = block_in_place(|| servers::nats(&folder, Life::WithStarter));
        let (nats, monitor) = started.unwrap_or_else(|error| panic!("{error}"));
        let settings = NatsSettings { batches, ..NatsSettings::named("bench") };
        let bus = NatsBus::connect(nats.url(), settings).await;
        let bus = bus.unwrap_or_else(|error| panic!("{error}"));
        let mut connected = bus.connected();
        let connecting = timeout(CONNECTED_WITHIN, connected.wait_for(|connected| *connected));
        let is_connected = matches!(connecting.await, Ok(Ok(_)));
        assert!(is_connected, "no connection to NATS");
        Self { nats, monitor, bus, _scratch: scratch }
    }
}

fn nats_process(nats: &Server) -> impl Iterator<Item = (String, u32)> {
    nats.pid().map(|pid| ("nats".to_owned(), pid)).into_iter()
}

/// Only what is found afterwards counts.
fn all_are_kept(monitor: &str, told: usize) {
    assert!(told > 0, "the bus took nothing");
    let kept = stored(monitor);
    assert!(kept >= Some(told), "{told} were acknowledged, of which {kept:?} are kept");
}

/// Over a fresh outbox and a fresh stream, until all is told or the time is over.
async fn measure(batches: bool, plan: &Plan) -> Measurement {
    let Stream { nats, monitor, bus, _scratch } = Stream::fresh(batches).await;
    let fresh = Fresh::new(Engine::Postgres, Vec::new()).await;
    let messages = if plan.smoke { MESSAGES_OF_A_TRIAL } else { MESSAGES };
    fill(&fresh.db, messages).await;
    let timed = Arc::new(Timed { bus: bus.clone(), waits: Mutex::default() });
    let relay = Relay::new(fresh.db.clone(), timed.clone(), "bench".to_owned());
    let processes = database_processes("postgres").into_iter().chain(nats_process(&nats)).collect();
    let (stop, mut relaying) = (CancellationToken::new(), JoinSet::new());
    let (watch, begun) = (Watch::begin(processes), Instant::now());
    relaying.spawn(relay.run(stop.clone()));
    while timed.told() < messages && begun.elapsed() < plan.time() {
        sleep(LOOKED_EVERY).await;
    }
    let (waits, took, used) = (timed.taken(), begun.elapsed(), watch.end());
    stop.cancel();
    relaying.join_all().await;
    all_are_kept(&monitor, waits.len());
    bus.close().await;
    fresh.db.close().await;
    Measurement::of(waits, 0, took, &used)
}

/// Knows how long the bus took for each message.
struct Timed {
    bus: NatsBus,
    waits: Mutex<Vec<Duration>>,
}

impl Timed {
    fn told(&self) -> usize {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn taken(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.waits.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Publisher for Timed {
    async fn publish(&self, message: &Envelope) -> Result<(), PublishError> {
        let begun = Instant::now();
        self.bus.publish(message).await?;
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).push(begun.elapsed());
        Ok(())
    }

    async fn publish_again(&self, message: &Envelope) -> Result<(), PublishError> {
        self.bus.publish_again(message).await
    }
}

/// Each message of an aggregate of its own, as bookings are.
async fn fill(db: &Database, messages: usize) {
    for from in (0..messages).step_by(AT_ONCE) {
        let several: Vec<_> = (from..messages.min(from + AT_ONCE)).map(|_| message()).collect();
        let filled = db.write("filling the outbox", move |tx| {
            let marks = Marks { messages: several.clone(), ..Marks::default() };
            Box::pin(write_marks(tx, marks))
        });
        filled.await.unwrap_or_else(|error| panic!("{error}"));
    }
}

fn message() -> Envelope {
    let aggregate = fresh_id().to_string();
    Envelope {
        id: EventId::new(fresh_id()),
        event_type: "boxoffice.booking.v1.BookingConfirmed".to_owned(),
        source: "booking".to_owned(),
        occurred_at: Timestamp::from_micros(1_800_000_000_000_000),
        aggregate_type: "booking".to_owned(),
        aggregate_id: aggregate.clone(),
        aggregate_version: 1,
        correlation_id: aggregate,
        causation_id: None,
        traceparent: None,
        payload: vec![7; PAYLOAD_BYTES],
    }
}

/// The messages in all streams, as NATS itself tells.
fn stored(monitor: &str) -> Option<usize> {
    let authority = monitor.trim_start_matches("http://");
    let page = block_in_place(|| plain_get::get(authority, "/jsz", CONNECTED_WITHIN)).ok()?;
    let told: Value = serde_json::from_str(&page.body).ok()?;
    told.get("messages")?.as_u64()?.try_into().ok()
}
