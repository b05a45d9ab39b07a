//! The bus as every consumer and the relay may rely on it: at least once, each consumer for itself,
//! poison aside. The clock stands still and jumps to the next pause, so that back-offs take no time.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a scene that cannot be set up is a failed test, and one consumer panics on purpose"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use in_process_bus::{BusSettings, InProcessBus};
use kernel::{Envelope, EventHandler, EventId, HandlerError, Publisher, Timestamp, Uuid};
use proptest::prelude::*;
use telemetry_metrics::{Format, render};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a consumer does with one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Handle,
    FailForNow,
    FailForGood,
    Panic,
}

/// A consumer that acts by its script, one act a try and then the last one for ever, and writes down
/// what happened and when.
struct Consumer {
    name: &'static str,
    script: Mutex<Vec<Act>>,
    park_failures: Mutex<u32>,
    seen: Mutex<Vec<(EventId, Instant)>>,
    parked: Mutex<Vec<(EventId, String)>>,
}

impl Consumer {
    fn acting(name: &'static str, script: &[Act]) -> Arc<Self> {
        Arc::new(Self {
            name,
            script: Mutex::new(script.to_vec()),
            park_failures: Mutex::new(0),
            seen: Mutex::default(),
            parked: Mutex::default(),
        })
    }

    fn tries(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn parked(&self) -> Vec<String> {
        self.parked.lock().unwrap().iter().map(|(_, reason)| reason.clone()).collect()
    }

    /// The pauses between its tries.
    fn pauses(&self) -> Vec<Duration> {
        let seen = self.seen.lock().unwrap();
        seen.iter().zip(seen.iter().skip(1)).map(|((_, one), (_, next))| *next - *one).collect()
    }
}

#[async_trait]
impl EventHandler for Consumer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn event_names(&self) -> &'static [&'static str] {
        &["Happened"]
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        self.seen.lock().unwrap().push((message.id, Instant::now()));
        let act = {
            let mut script = self.script.lock().unwrap();
            if script.len() > 1 { script.remove(0) } else { *script.first().unwrap() }
        };
        match act {
            Act::Handle => Ok(()),
            Act::FailForNow => Err(HandlerError::Transient("not now".to_owned())),
            Act::FailForGood => Err(HandlerError::Poison("unreadable".to_owned())),
            Act::Panic => panic!("the script says so"),
        }
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        {
            let mut failures = self.park_failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return Err(HandlerError::Transient("no room".to_owned()));
            }
        }
        self.parked.lock().unwrap().push((message.id, reason.to_owned()));
        Ok(())
    }
}

/// Fewer tries than a platform makes, so that the tests see the end of them.
fn five_tries() -> BusSettings {
    BusSettings { tries_max: 5, ..BusSettings::default() }
}

fn message(number: u128, name: &str) -> Envelope {
    Envelope {
        id: EventId::new(Uuid::from_u128(number)),
        event_type: format!("boxoffice.scene.v1.{name}"),
        source: "scene".to_owned(),
        occurred_at: Timestamp::from_micros(1),
        aggregate_type: "thing".to_owned(),
        aggregate_id: number.to_string(),
        aggregate_version: 1,
        correlation_id: number.to_string(),
        causation_id: None,
        traceparent: None,
        payload: vec![],
    }
}

fn bus(consumers: &[&Arc<Consumer>]) -> InProcessBus {
    let handlers = consumers.iter().map(|consumer| (*consumer).clone() as Arc<dyn EventHandler>);
    InProcessBus::new(handlers.collect(), five_tries())
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_to_all_who_want_it_and_to_nobody_else() {
    let (one, two) =
        (Consumer::acting("one", &[Act::Handle]), Consumer::acting("two", &[Act::Handle]));
    let bus = bus(&[&one, &two]);
    assert_eq!(bus.publish(&message(1, "Happened")).await, Ok(()));
    assert_eq!(bus.publish(&message(2, "Unheard")).await, Ok(()));
    assert_eq!((one.tries(), two.tries()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_tried_again_after_growing_pauses() {
    let script = [Act::FailForNow, Act::Panic, Act::FailForNow, Act::FailForNow, Act::Handle];
    let consumer = Consumer::acting("one", &script);
    assert_eq!(bus(&[&consumer]).publish(&message(1, "Happened")).await, Ok(()));
    assert_eq!(consumer.parked(), Vec::<String>::new());
    for (pause, full_ms) in consumer.pauses().into_iter().zip([50, 100, 200, 400]) {
        let full = Duration::from_millis(full_ms);
        // The clock of the tests moves by whole milliseconds.
        let longest = full + Duration::from_millis(1);
        assert!(pause >= full / 2 && pause <= longest, "{pause:?} of {full:?}");
    }
    assert_eq!(consumer.tries(), 5);
}

#[tokio::test(start_paused = true)]
async fn r18_what_fails_five_times_is_parked_and_poison_at_once() {
    for (act, tries, reason) in [
        (Act::FailForNow, 5, "failed 5 times, the last time: will be tried again"),
        (Act::Panic, 5, "failed 5 times"),
        (Act::FailForGood, 1, "unreadable"),
    ] {
        let consumer = Consumer::acting("one", &[act]);
        assert_eq!(bus(&[&consumer]).publish(&message(1, "Happened")).await, Ok(()));
        assert_eq!(consumer.tries(), tries, "{act:?}");
        let parked = consumer.parked();
        assert_eq!(parked.len(), 1);
        let words = reason.split(": will").next().unwrap();
        assert!(parked[0].starts_with(words), "{parked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn m03_a_parked_message_counts_as_parked_and_its_last_try_not_as_another() {
    for (name, act, retried) in
        [("poisoned", Act::FailForGood, None), ("unlucky", Act::FailForNow, Some(4))]
    {
        let consumer = Consumer::acting(name, &[act]);
        let message = message(1, "Happened");
        assert_eq!(bus(&[&consumer]).publish(&message).await, Ok(()));
        let text = render(Format::Prometheus);
        let count = |status: &str| {
            let subject = message.subject();
            let labels = format!(r#"{{consumer="{name}",subject="{subject}",status="{status}"}} "#);
            let start = format!("messages_processed_total{labels}");
            text.lines().find_map(|line| line.strip_prefix(&start)?.parse::<u64>().ok())
        };
        assert_eq!((count("retried"), count("parked")), (retried, Some(1)), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_parked_is_tried_and_then_given_back() {
    let consumer = Consumer::acting("one", &[Act::FailForGood]);
    let bus = bus(&[&consumer]);
    *consumer.park_failures.lock().unwrap() = 4;
    assert_eq!(bus.publish(&message(1, "Happened")).await, Ok(()));
    assert_eq!(consumer.parked(), ["unreadable"]);

    *consumer.park_failures.lock().unwrap() = 7;
    let error = bus.publish(&message(2, "Happened")).await.unwrap_err().to_string();
    assert!(error.contains("one could neither handle nor park it: unreadable"), "{error}");
    assert_eq!(bus.publish(&message(2, "Happened")).await, Ok(()), "the relay's next attempt");
    assert_eq!(consumer.parked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_in_trouble_delays_no_other() {
    let troubled = Consumer::acting("troubled", &[Act::FailForNow]);
    let sound = Consumer::acting("sound", &[Act::Handle]);
    let bus = bus(&[&troubled, &sound]);
    let begun = Instant::now();
    let messages: Vec<_> = (1..=200).map(|number| message(number, "Happened")).collect();
    let publishing = messages.iter().map(|message| bus.publish(message));
    for published in futures::future::join_all(publishing).await {
        assert_eq!(published, Ok(()));
    }
    assert!(
        sound.seen.lock().unwrap().iter().all(|(_, at)| *at == begun),
        "no pause for the sound"
    );
    assert_eq!((sound.tries(), troubled.tries()), (200, 1000));
    assert_eq!(troubled.parked().len(), 200);
}

/// A consumer that waits until it is let go.
struct Waiting {
    entered: Notify,
    go: Notify,
    done: Notify,
}

#[async_trait]
impl EventHandler for Waiting {
    fn name(&self) -> &'static str {
        "waiting"
    }

    fn event_names(&self) -> &'static [&'static str] {
        &["Happened"]
    }

    async fn handle(&self, _message: &Envelope) -> Result<(), HandlerError> {
        self.entered.notify_one();
        self.go.notified().await;
        self.done.notify_one();
        Ok(())
    }

    async fn park(&self, _message: &Envelope, _reason: &str) -> Result<(), HandlerError> {
        Ok(())
    }
}

#[tokio::test]
async fn f1_a_handler_once_begun_ends_though_its_caller_goes_away_and_close_waits_for_it() {
    let handler =
        Arc::new(Waiting { entered: Notify::new(), go: Notify::new(), done: Notify::new() });
    let bus = InProcessBus::new(vec![handler.clone()], five_tries());
    let sent = message(1, "Happened");
    let mut publishing = bus.publish(&sent);
    assert!(publishing.as_mut().now_or_never().is_none());
    handler.entered.notified().await;
    drop(publishing);
    let mut closing = Box::pin(bus.close());
    assert!(closing.as_mut().now_or_never().is_none(), "it still runs");
    handler.go.notify_one();
    closing.await;
    assert!(handler.done.notified().now_or_never().is_some());
}

#[tokio::test]
async fn one_consumer_handles_a_limited_number_at_once() {
    let handler =
        Arc::new(Waiting { entered: Notify::new(), go: Notify::new(), done: Notify::new() });
    let settings = BusSettings { handlings_max: 1, ..five_tries() };
    let bus = InProcessBus::new(vec![handler.clone()], settings);
    let messages = [message(1, "Happened"), message(2, "Happened")];
    let both = futures::future::join(bus.publish(&messages[0]), bus.publish(&messages[1]));
    let watching = async {
        for _ in 0..2 {
            handler.entered.notified().await;
            tokio::task::yield_now().await;
            assert!(handler.entered.notified().now_or_never().is_none(), "one at a time");
            handler.go.notify_one();
        }
    };
    let (published, ()) = futures::future::join(both, watching).await;
    assert_eq!(published, (Ok(()), Ok(())));
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => Just(Act::FailForNow),
        2 => Just(Act::Handle),
        1 => Just(Act::FailForGood),
        1 => Just(Act::Panic),
    ];
    prop::collection::vec(act, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// However a consumer acts, it has handled or parked the message when `publish` says so, never
    /// both, and never with more tries than allowed.
    #[test]
    fn r18_every_message_is_handled_or_parked(script in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let consumer = Consumer::acting("one", &script);
        let published = runtime.block_on(async { bus(&[&consumer]).publish(&message(1, "Happened")).await });
        prop_assert_eq!(published, Ok(()));
        let last = script[(consumer.tries() - 1).min(script.len() - 1)];
        prop_assert_eq!(consumer.parked().len(), usize::from(last != Act::Handle));
        prop_assert!(consumer.tries() <= 5);
    }
}
