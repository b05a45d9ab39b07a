//! Many messages, again and out of order, to several replicas of the real consumers over real databases:
//! each effect once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, HeaderName};
use contract::{Engine, Fresh};
use futures::future::join_all;
use futures::{StreamExt, stream};
use grpc_mypage::{ViewsConsumer, read_fact};
use grpc_notification::LettersConsumer;
use kernel::{Clock, Envelope, EventHandler, IdSource, Publisher, Timestamp, Uuid};
use mypage::{BookingView, MyPage, ViewRepair};
use nats_bus::{DeliverySettings, NatsBus};
use notification::Notifying;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use sea_orm::ConnectionTrait;
use sea_orm::Statement;
use sea_orm_database::Batching;
use sea_orm_migration::MigrationTrait;
use sea_orm_mypage::SeaOrmViewStore;
use sea_orm_notification::SeaOrmNotificationStore;
use testkit::eventually_within;

use crate::journeys::{EVENTS_OF_FIVE, buyer_of, five};
use crate::own_server::OwnServer;
use crate::scene::{Replica, Scene};

const EVENTS: usize = 10_000;
const REPLICAS: usize = 3;
/// Calls under way at a time.
const LANES: usize = 64;
/// Portions in which the events come; after each some of all that came before come again.
const PORTIONS: usize = 10;
const ROWS_AT_A_TIME: usize = 200;
const AGAIN: usize = EVENTS * 3 / 10;
const HANDLED_WITHIN: Duration = Duration::from_secs(300);
const VIEWS: &str = "mypage.views";
const LETTERS: &str = "notification.letters";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n07_r29_ten_thousand_events_again_and_shuffled_have_each_effect_once() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut events: Vec<_> = (0..EVENTS as u128 / EVENTS_OF_FIVE).flat_map(five).collect();
    assert_eq!(events.len(), EVENTS);
    // Also against the order of each aggregate: consumers must not rely on it.
    events.shuffle(&mut random);

    // Nothing is killed here, so nobody waits for disks.
    let server = OwnServer::start(None).await;
    let mut scene = Scene::over(&server.url()).await;
    scene.settings.delivery = DeliverySettings::default();
    let views = hasty_database(sea_orm_mypage::migrations()).await;
    let letters = hasty_database(sea_orm_notification::migrations()).await;
    let mut replicas = Vec::new();
    for _ in 0..REPLICAS {
        replicas.push(scene.replica(views_consumer(&views).await).await);
        replicas.push(scene.replica(letters_consumer(&letters).await).await);
    }
    let begun = Instant::now();
    let bus = scene.bus().await;
    for portion in events.chunks(EVENTS / PORTIONS) {
        publish(&bus, portion).await;
        publish_again(&scene, AGAIN / PORTIONS, &mut random).await;
    }
    println!("published in {:?}", begun.elapsed());
    assert_eq!(scene.stored().await, (EVENTS + AGAIN) as u64);
    for consumer in [VIEWS, LETTERS] {
        nothing_is_left(&scene, &consumer.replace('.', "-")).await;
    }
    println!("handled after {:?}", begun.elapsed());

    let ids = |events: &mut dyn Iterator<Item = &Envelope>| {
        events.map(|event| event.id.to_string()).collect::<BTreeSet<_>>()
    };
    let all = ids(&mut events.iter());
    // What tells nobody anything leaves nothing behind.
    let told = ids(&mut events.iter().filter(|event| event.name() != "BookingPlaced"));
    for (database, consumer, ids) in [(&views, VIEWS, all), (&letters, LETTERS, told)] {
        let inbox = format!("SELECT event_id FROM inbox WHERE consumer = '{consumer}'");
        let heard = rows(database, &inbox).await;
        let (found, due) = (heard.len(), ids.len());
        assert!(heard.iter().eq(&ids), "{consumer} heard {found} of {due}");
        assert_eq!(database.value::<i64>("SELECT COUNT(*) FROM dead_letter").await, 0);
    }
    assert_views_are_the_fold(&views, &events).await;
    let sent = "SELECT event_id || ' ' || recipient_kind || ' ' || recipient FROM notification";
    assert!(rows(&letters, sent).await == letters_due(&events), "not every letter once");

    println!("checked after {:?}", begun.elapsed());
    let mut buses = vec![bus];
    buses.extend(join_all(replicas.into_iter().map(Replica::stop)).await);
    scene.end(buses).await;
}

async fn hasty_database(migrations: Vec<Box<dyn MigrationTrait>>) -> Fresh {
    let fresh = Fresh::new(Engine::Postgres, migrations).await;
    let name: String = fresh.value("SELECT current_database()::text").await;
    let hasty = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    fresh.tamper(&hasty).await.unwrap();
    fresh
}

async fn views_consumer(database: &Fresh) -> Arc<dyn EventHandler> {
    let own = database.open_again(sea_orm_mypage::migrations()).await;
    let my_page = MyPage { store: Arc::new(SeaOrmViewStore::new(own, Batching::On)) };
    Arc::new(ViewsConsumer::new(Arc::new(my_page)))
}

async fn letters_consumer(database: &Fresh) -> Arc<dyn EventHandler> {
    let own = database.open_again(sea_orm_notification::migrations()).await;
    let store = Arc::new(SeaOrmNotificationStore::new(own, Batching::On));
    let notifying = Notifying { store, clock: Arc::new(Midnight), ids: Arc::new(RandomIds) };
    Arc::new(LettersConsumer::new(Arc::new(notifying)))
}

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }
}

struct RandomIds;

impl IdSource for RandomIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(rand::random())
    }
}

async fn publish(bus: &NatsBus, events: &[Envelope]) {
    let publishing = stream::iter(events).map(|event| async move { bus.publish(event).await });
    let published: Vec<_> = publishing.buffer_unordered(LANES).collect().await;
    assert!(published.iter().all(Result::is_ok));
}

/// Stores so many of the stored events once more: under another message id, which the server takes for new.
async fn publish_again(scene: &Scene, count: usize, random: &mut StdRng) {
    let stream = &scene.stream().await;
    let stored: Vec<u64> = (1..=stream.cached_info().state.last_sequence).collect();
    let chosen: Vec<u64> = stored.choose_multiple(random, count).copied().collect();
    let again = stream::iter(chosen).map(|sequence| async move {
        let event = stream.get_raw_message(sequence).await.unwrap();
        let of_the_event = |name: &HeaderName| !name.to_string().starts_with("Nats-");
        let headers = event.headers.iter().filter(|(name, _)| of_the_event(name));
        let mut headers: HeaderMap = headers
            .flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())))
            .collect();
        headers.insert("Nats-Msg-Id", Uuid::from_u128(rand::random()).to_string());
        let sent = scene.js.publish_with_headers(event.subject, headers, event.payload);
        sent.await.unwrap().await.unwrap()
    });
    let stored: Vec<_> = again.buffer_unordered(LANES).collect().await;
    assert!(stored.iter().all(|stored| !stored.duplicate));
}

async fn nothing_is_left(scene: &Scene, consumer: &str) {
    eventually_within(HANDLED_WITHIN, "all is handled", || async {
        let left = scene.pending(consumer).await;
        if left == (0, 0) { Ok(()) } else { Err(format!("{consumer}: {left:?} left")) }
    })
    .await;
}

/// The rows of a query's only column, in order.
async fn rows(database: &Fresh, sql: &str) -> Vec<String> {
    let reader = database.db.reader();
    let statement = Statement::from_string(reader.get_database_backend(), sql);
    let found = reader.query_all_raw(statement).await.unwrap();
    let mut texts: Vec<String> = found.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    texts.sort_unstable();
    texts
}

/// I8.
async fn assert_views_are_the_fold(database: &Fresh, events: &[Envelope]) {
    let mut in_order: Vec<_> = events.iter().collect();
    in_order.sort_by_key(|event| event.aggregate_version);
    let mut expected = BTreeMap::new();
    for event in in_order {
        let fact = read_fact(event).unwrap();
        let empty = || BookingView::empty(fact.booking_id());
        expected.entry(fact.booking_id()).or_insert_with(empty).fold(&fact);
    }
    let count: i64 = database.value("SELECT COUNT(*) FROM booking_view").await;
    assert_eq!(usize::try_from(count), Ok(expected.len()));
    let store = SeaOrmViewStore::new(database.db.clone(), Batching::On);
    let keys: Vec<_> = expected.keys().map(ToString::to_string).collect();
    let mut found = Vec::new();
    for keys in keys.chunks(ROWS_AT_A_TIME) {
        found.extend(store.rows(keys).await.unwrap());
    }
    assert_eq!(found.len(), expected.len());
    for row in found {
        let mut view = row.view.unwrap();
        let expected = expected.get(&view.booking_id).unwrap();
        // How many of its events were news when they came is the order's doing.
        assert!((1..=expected.revision).contains(&view.revision));
        view.revision = expected.revision;
        assert_eq!(view, *expected);
    }
}

/// I7: whom each event's letters go to.
fn letters_due(events: &[Envelope]) -> Vec<String> {
    let due = |event: &Envelope| {
        let (buyer, organizer) = match event.name() {
            "BookingPlaced" => (false, false),
            "BookingConfirmed" | "BookingCancelled" => (true, true),
            _ => (true, false),
        };
        let booking_id = read_fact(event).unwrap().booking_id();
        let buyer = buyer.then(|| format!("{} BUYER {}", event.id, buyer_of(booking_id)));
        let organizer = organizer.then(|| format!("{} ORGANIZER acme", event.id));
        buyer.into_iter().chain(organizer)
    };
    let mut due: Vec<_> = events.iter().flat_map(due).collect();
    due.sort_unstable();
    due
}
