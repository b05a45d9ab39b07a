//! Many messages, again and out of order, over several replicas: each effect once.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream;
use kernel::{Envelope, EventHandler, EventId, HandlerError, Publisher};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::recorder::number;
use crate::scene::{Scene, of_aggregate, soon};

/// The database of a consumer as all its replicas share it: an inbox and a versioned view, written in
/// one step.
pub(crate) struct Inboxed {
    name: &'static str,
    fails_after_its_effect: fn(&Envelope) -> bool,
    tables: Mutex<Tables>,
    deliveries: AtomicUsize,
}

#[derive(Default)]
struct Tables {
    /// The inbox; how often each had an effect.
    effects: HashMap<EventId, usize>,
    view: BTreeMap<String, i64>,
}

impl Inboxed {
    /// `fails_after_its_effect` picks messages whose first delivery is handled and then not
    /// acknowledged, as if the process had died in between.
    pub(crate) fn new(
        name: &'static str,
        fails_after_its_effect: fn(&Envelope) -> bool,
    ) -> Arc<Self> {
        let (tables, deliveries) = (Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self { name, fails_after_its_effect, tables, deliveries })
    }

    pub(crate) fn effects(&self) -> usize {
        self.tables.lock().unwrap().effects.len()
    }

    pub(crate) fn most_effects_of_one(&self) -> usize {
        self.tables.lock().unwrap().effects.values().copied().max().unwrap_or_default()
    }

    pub(crate) fn deliveries(&self) -> usize {
        self.deliveries.load(Ordering::Relaxed)
    }

    fn view(&self) -> BTreeMap<String, i64> {
        self.tables.lock().unwrap().view.clone()
    }
}

#[async_trait]
impl EventHandler for Inboxed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn event_names(&self) -> &'static [&'static str] {
        &["Happened"]
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        let is_first = {
            let mut tables = self.tables.lock().unwrap();
            let is_first = !tables.effects.contains_key(&message.id);
            if is_first {
                *tables.effects.entry(message.id).or_default() += 1;
                let newest = tables.view.entry(message.aggregate_id.clone()).or_default();
                *newest = (*newest).max(message.aggregate_version);
            }
            is_first
        };
        if is_first && (self.fails_after_its_effect)(message) {
            return Err(HandlerError::Transient("died before the acknowledgement".to_owned()));
        }
        Ok(())
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        panic!("{} was parked: {reason}", message.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n07_r29_ten_thousand_messages_again_and_shuffled_have_each_effect_once() {
    const AGGREGATES: u128 = 500;
    const VERSIONS: i64 = 20;
    const MESSAGES: usize = 10_000;
    const LANES: usize = 64;
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut messages: Vec<Envelope> = (1..=AGGREGATES)
        .flat_map(|aggregate| {
            (1..=VERSIONS).map(move |version| {
                let number = aggregate * 100 + u128::try_from(version).unwrap();
                of_aggregate(&aggregate.to_string(), number, version)
            })
        })
        .collect();
    assert_eq!(messages.len(), MESSAGES);
    // Also against the order of each aggregate: consumers must not rely on it.
    messages.shuffle(&mut random);

    let scene = Scene::shared().await;
    // Versions 1 to 6 of 20: 30 of 100 messages come again.
    let inboxed = Inboxed::new("counting", |message| number(message) % 100 <= 6);
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(scene.replica(inboxed.clone()).await);
    }
    let begun = Instant::now();
    let bus = &replicas[0].bus;
    let published = stream::iter(&messages)
        .map(|message| async move { bus.publish(message).await })
        .buffer_unordered(LANES);
    let published: Vec<_> = published.collect().await;
    assert!(published.iter().all(Result::is_ok));
    let publishing = begun.elapsed();
    soon("all are handled", MESSAGES, async || inboxed.effects()).await;
    soon("30 % came again", MESSAGES * 13 / 10, async || inboxed.deliveries()).await;
    println!("published in {publishing:?}, handled after {:?}", begun.elapsed());
    assert_eq!(inboxed.most_effects_of_one(), 1);
    let newest = (1..=AGGREGATES).map(|aggregate| (aggregate.to_string(), VERSIONS));
    assert_eq!(inboxed.view(), newest.collect());
    let mut buses = Vec::new();
    for replica in replicas {
        buses.push(replica.stop().await);
    }
    scene.end(buses).await;
}
