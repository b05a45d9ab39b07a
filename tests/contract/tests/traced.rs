//! What becomes of a message stands in the span of its delivery: lines find their trace, failures are seen.
//! One test of one process: a span's site is switched on or off for all threads together.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a scene that cannot be set up is a failed test, and only some of the scene is needed"
)]

#[path = "nats_bus/recorder.rs"]
mod recorder;
#[path = "nats_bus/scene.rs"]
mod scene;

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use in_process_bus::{BusSettings, InProcessBus};
use kernel::Publisher;
use tracing::field::{Field, Visit};
use tracing::span::{Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::recorder::{Act, Recorder, number};
use crate::scene::{Scene, message, soon};

/// Lines and statuses, each with the span it stands in.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Seen {
    fn count(&self, what: &str) -> usize {
        let seen = self.0.lock().unwrap();
        seen.iter().filter(|(span, said)| *span == "handle" && said == what).count()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Seen {
    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut said = Said::default();
        values.record(&mut said);
        self.0.lock().unwrap().extend(said.0.map(|said| (context.span(id).unwrap().name(), said)));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (mut said, span) = (Said::default(), context.event_span(event));
        event.record(&mut said);
        let span = span.map_or("none", |span| span.name());
        self.0.lock().unwrap().extend(said.0.map(|said| (span, said)));
    }
}

#[derive(Default)]
struct Said(Option<String>);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if ["message", "otel.status_code"].contains(&field.name()) {
            self.0 = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[tokio::test]
async fn g02_failures_are_told_within_the_span_of_their_delivery() {
    let seen = Seen::default();
    let layers = tracing_subscriber::registry().with(seen.clone());
    let _guard = tracing::subscriber::set_default(layers);
    over_nats(&seen).await;
    seen.0.lock().unwrap().clear();
    within_the_process(&seen).await;
}

const TOLD: [&str; 3] = ["a message will be tried again", "parking a message", "ERROR"];

fn failing_after_the_first() -> Arc<Recorder> {
    Recorder::acting("traced", |message, _| match number(message) {
        1 => Act::Handle,
        _ => Act::FailForNow,
    })
}

async fn over_nats(seen: &Seen) {
    let scene = Scene::shared().await;
    let consumer = failing_after_the_first();
    let replica = scene.replica(consumer.clone()).await;
    assert_eq!(replica.bus.publish(&message(1)).await, Ok(()));
    soon("handled", vec![1], async || consumer.numbers()).await;
    soon("acknowledged", (0, 0), async || scene.pending("traced").await).await;
    assert_eq!(TOLD.map(|what| seen.count(what)), [0; 3]);

    assert_eq!(replica.bus.publish(&message(2)).await, Ok(()));
    soon("parked", 1, async || consumer.parked().len()).await;
    soon("taken off", (0, 0), async || scene.pending("traced").await).await;
    assert_eq!(TOLD.map(|what| seen.count(what)), [3, 1, 4], "four tries, each a delivery");
    scene.end([replica.stop().await]).await;
}

async fn within_the_process(seen: &Seen) {
    let consumer = failing_after_the_first();
    let settings = BusSettings { tries_max: 4, ..BusSettings::default() };
    let bus = InProcessBus::new(vec![consumer.clone()], settings);
    assert_eq!(bus.publish(&message(1)).await, Ok(()));
    assert_eq!(TOLD.map(|what| seen.count(what)), [0; 3]);
    assert_eq!(bus.publish(&message(2)).await, Ok(()));
    assert_eq!(consumer.parked().len(), 1);
    assert_eq!(TOLD.map(|what| seen.count(what)), [3, 1, 1], "four tries, one delivery");
}
