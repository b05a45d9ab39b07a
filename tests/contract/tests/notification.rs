//! The notification store's contract, over every implementation.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;

use contract::{Engine, Fresh};
use futures::future::join_all;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Cursor, Envelope, EventId, Locale, NotificationId,
    OrganizerId, TicketId, Timestamp, Uuid,
};
use memory_notification::MemoryNotificationStore;
use notification::{
    Change, Channel, DeliveryStatus, Filter, Learned, Notification, NotificationStore, Recipient,
};
use sea_orm_database::Batching;
use sea_orm_notification::{SeaOrmNotificationStore, migrations};

struct Scene {
    store: Arc<dyn NotificationStore>,
    _database: Option<Fresh>,
}

async fn memory() -> Scene {
    Scene { store: Arc::new(MemoryNotificationStore::new()), _database: None }
}

async fn over(engine: Engine) -> Scene {
    let fresh = Fresh::new(engine, migrations()).await;
    Scene {
        store: Arc::new(SeaOrmNotificationStore::new(fresh.db.clone(), Batching::On)),
        _database: Some(fresh),
    }
}

contract::over_every_store!(
    every_kind_of_message_round_trips,
    r29_the_same_cause_twice_is_one_commit,
    i7_the_same_message_by_another_consumer_is_not_sent_again,
    a_commit_that_is_refused_leaves_nothing,
    r29_of_ten_racers_one_delivers,
    pages_have_no_gap_and_no_double_while_others_write,
    t07_no_one_sees_anothers,
    the_language_of_the_later_event_stays,
    of_languages_learned_at_once_the_later_stays,
    recipients_are_compared_by_every_letter,
    r18_a_parked_message_counts_as_handled,
);

fn alice() -> Recipient {
    Recipient::Buyer(BuyerId::new("alice").unwrap())
}

fn acme() -> Recipient {
    Recipient::Organizer(OrganizerId::new("acme").unwrap())
}

/// Message `n`, written at microsecond `n / 3`, so that some share their time.
fn message(n: u128, event: u128, recipient: Recipient) -> Notification {
    Notification {
        id: NotificationId::new(Uuid::from_u128(n)),
        event_id: EventId::new(Uuid::from_u128(event)),
        event_type: "BookingConfirmed".to_owned(),
        booking_id: Some(BookingId::new(Uuid::from_u128(77))),
        ticket_id: Some(TicketId::new(Uuid::from_u128(88))),
        recipient,
        channel: Channel::Inbox,
        subject: "예매가 확정되었습니다".to_owned(),
        body: "line\nline".to_owned(),
        status: DeliveryStatus::Sent,
        create_time: Timestamp::from_micros(i64::try_from(n / 3).unwrap()),
    }
}

fn change(event: u128, notifications: Vec<Notification>) -> Change {
    let caused_by = Cause { consumer: "test", event_id: EventId::new(Uuid::from_u128(event)) };
    Change { notifications, learned: None, caused_by }
}

fn learned(recipient: Recipient, locale: Locale, at: i64) -> Option<Learned> {
    Some(Learned { recipient, locale, at: Timestamp::from_micros(at) })
}

fn to(recipient: Recipient) -> Filter {
    Filter { recipients: vec![recipient], booking_id: None, ticket_id: None }
}

async fn all(scene: &Scene, recipient: Recipient) -> Vec<Notification> {
    scene.store.list(&to(recipient), None, 1_000).await.unwrap()
}

async fn commit(scene: &Scene, change: Change) -> Committed {
    scene.store.commit(change).await.unwrap()
}

async fn every_kind_of_message_round_trips(scene: &Scene) {
    let plain = message(1, 1, alice());
    let statuses = [DeliveryStatus::Pending, DeliveryStatus::Sent, DeliveryStatus::Failed];
    let with_status = statuses
        .into_iter()
        .zip(2..)
        .map(|(status, n)| Notification { status, ..message(n, n, alice()) });
    let bare = Notification { booking_id: None, ticket_id: None, ..message(9, 9, alice()) };
    let mut messages: Vec<_> = [plain, bare].into_iter().chain(with_status).collect();
    for message in &messages {
        let event = message.event_id.as_uuid().as_u128();
        assert_eq!(commit(scene, change(event, vec![message.clone()])).await, Committed::Done);
    }
    messages.sort_by_key(|message| std::cmp::Reverse((message.create_time, message.id)));
    assert_eq!(all(scene, alice()).await, messages);
}

async fn r29_the_same_cause_twice_is_one_commit(scene: &Scene) {
    let first = change(1, vec![message(1, 1, alice()), message(2, 1, acme())]);
    assert_eq!(commit(scene, first).await, Committed::Done);
    let again = change(1, vec![message(3, 1, alice()), message(4, 1, acme())]);
    assert_eq!(commit(scene, again).await, Committed::AlreadyHandled);
    assert_eq!(all(scene, alice()).await, [message(1, 1, alice())]);
    // An event that nobody is told of is handled once too.
    assert_eq!(commit(scene, change(2, Vec::new())).await, Committed::Done);
    assert_eq!(commit(scene, change(2, Vec::new())).await, Committed::AlreadyHandled);
}

async fn i7_the_same_message_by_another_consumer_is_not_sent_again(scene: &Scene) {
    let first = change(1, vec![message(1, 1, alice())]);
    assert_eq!(commit(scene, first).await, Committed::Done);
    let mut renamed = change(1, vec![message(2, 1, alice())]);
    renamed.caused_by.consumer = "renamed";
    assert_eq!(commit(scene, renamed).await, Committed::AlreadyHandled);
    assert_eq!(all(scene, alice()).await.len(), 1);
    // Also when they come at once.
    let rivals = ["first", "second", "third"].map(|consumer| {
        let mut rival = change(2, vec![message(9, 2, acme())]);
        rival.caused_by.consumer = consumer;
        commit(scene, rival)
    });
    let verdicts = join_all(rivals).await;
    let sent = verdicts.iter().filter(|verdict| **verdict == Committed::Done).count();
    assert_eq!((sent, all(scene, acme()).await.len()), (1, 1), "{verdicts:?}");
}

async fn a_commit_that_is_refused_leaves_nothing(scene: &Scene) {
    assert_eq!(commit(scene, change(1, vec![message(1, 1, alice())])).await, Committed::Done);
    // Its second message is there already; its first one, its language and its cause must not stay.
    let refused = Change {
        learned: learned(acme(), Locale::Ko, 1),
        ..change(2, vec![message(2, 2, acme()), message(3, 1, alice())])
    };
    assert_eq!(commit(scene, refused).await, Committed::AlreadyHandled);
    assert_eq!(all(scene, acme()).await, []);
    assert_eq!(scene.store.locale_of(&acme()).await.unwrap(), None);
    assert_eq!(commit(scene, change(2, vec![message(4, 2, acme())])).await, Committed::Done);
}

async fn r29_of_ten_racers_one_delivers(scene: &Scene) {
    let racers = (1..=10).map(|n| {
        let store = Arc::clone(&scene.store);
        async move {
            let racer = Change {
                learned: learned(alice(), Locale::Ko, 1),
                ..change(1, vec![message(n, 1, alice())])
            };
            store.commit(racer).await.unwrap()
        }
    });
    let verdicts = join_all(racers).await;
    let done = verdicts.iter().filter(|verdict| **verdict == Committed::Done).count();
    let handled = verdicts.iter().filter(|verdict| **verdict == Committed::AlreadyHandled).count();
    assert_eq!((done, handled), (1, 9));
    assert_eq!(all(scene, alice()).await.len(), 1);
}

async fn pages_have_no_gap_and_no_double_while_others_write(scene: &Scene) {
    for n in 1..=20 {
        let verdict = commit(scene, change(n, vec![message(n, n, alice())])).await;
        assert_eq!(verdict, Committed::Done);
    }
    let (mut seen, mut after, mut others) = (Vec::new(), None::<Cursor>, 100..);
    loop {
        let page = scene.store.list(&to(alice()), after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.iter().map(|message| message.id.as_uuid().as_u128()));
        let n = others.next().unwrap();
        let _ = commit(scene, change(n, vec![message(n, n, alice())])).await;
    }
    assert_eq!(seen, (1..=20).rev().collect::<Vec<_>>());
}

async fn t07_no_one_sees_anothers(scene: &Scene) {
    let both = change(1, vec![message(1, 1, alice()), message(2, 1, acme())]);
    assert_eq!(commit(scene, both).await, Committed::Done);
    let acme_the_buyer = Recipient::Buyer(BuyerId::new("acme").unwrap());
    assert_eq!(all(scene, acme_the_buyer).await, []);
    assert_eq!(all(scene, alice()).await, [message(1, 1, alice())]);
    let nobody = Filter { recipients: Vec::new(), booking_id: None, ticket_id: None };
    assert_eq!(scene.store.list(&nobody, None, 10).await.unwrap(), []);
    let everybody_here = Filter { recipients: vec![alice(), acme()], ..nobody };
    assert_eq!(scene.store.list(&everybody_here, None, 10).await.unwrap().len(), 2);
    let booking_id = Some(BookingId::new(Uuid::from_u128(77)));
    let of_booking = Filter { booking_id, ..to(alice()) };
    assert_eq!(scene.store.list(&of_booking, None, 10).await.unwrap().len(), 1);
    let other = Filter { booking_id: Some(BookingId::new(Uuid::from_u128(78))), ..to(alice()) };
    assert_eq!(scene.store.list(&other, None, 10).await.unwrap(), []);
    let other = Filter { ticket_id: Some(TicketId::new(Uuid::from_u128(89))), ..to(alice()) };
    assert_eq!(scene.store.list(&other, None, 10).await.unwrap(), []);
}

async fn the_language_of_the_later_event_stays(scene: &Scene) {
    let events = [(5, Locale::Ko), (3, Locale::En), (4, Locale::En)];
    for (at, locale) in events {
        let event = u128::try_from(at).unwrap();
        let change = Change { learned: learned(acme(), locale, at), ..change(event, Vec::new()) };
        assert_eq!(commit(scene, change).await, Committed::Done);
    }
    assert_eq!(scene.store.locale_of(&acme()).await.unwrap(), Some(Locale::Ko));
    let later = Change { learned: learned(acme(), Locale::En, 6), ..change(6, Vec::new()) };
    assert_eq!(commit(scene, later).await, Committed::Done);
    assert_eq!(scene.store.locale_of(&acme()).await.unwrap(), Some(Locale::En));
    let acme_the_buyer = Recipient::Buyer(BuyerId::new("acme").unwrap());
    assert_eq!(scene.store.locale_of(&acme_the_buyer).await.unwrap(), None);
}

async fn of_languages_learned_at_once_the_later_stays(scene: &Scene) {
    let events = [3, 9, 1, 10, 5, 2, 8, 4, 7, 6].map(|at| {
        let locale = if at == 10 { Locale::Ko } else { Locale::En };
        let learned = learned(acme(), locale, at);
        let event = change(u128::try_from(at).unwrap(), Vec::new());
        scene.store.commit(Change { learned, ..event })
    });
    for verdict in join_all(events).await {
        assert_eq!(verdict, Ok(Committed::Done));
    }
    assert_eq!(scene.store.locale_of(&acme()).await.unwrap(), Some(Locale::Ko));
}

async fn recipients_are_compared_by_every_letter(scene: &Scene) {
    let shouting = Recipient::Buyer(BuyerId::new("ALICE").unwrap());
    let both = [message(1, 1, alice()), message(2, 1, shouting.clone())];
    let learned = learned(alice(), Locale::Ko, 1);
    let change = Change { learned, ..change(1, both.to_vec()) };
    assert_eq!(commit(scene, change).await, Committed::Done, "two recipients");
    assert_eq!(all(scene, shouting.clone()).await.len(), 1);
    assert_eq!(scene.store.locale_of(&shouting).await.unwrap(), None);
}

async fn r18_a_parked_message_counts_as_handled(scene: &Scene) {
    let envelope = Envelope {
        id: EventId::new(Uuid::from_u128(1)),
        event_type: "boxoffice.booking.v1.BookingConfirmed".to_owned(),
        source: "booking".to_owned(),
        occurred_at: Timestamp::from_micros(1),
        aggregate_type: "booking".to_owned(),
        aggregate_id: Uuid::from_u128(77).to_string(),
        aggregate_version: 2,
        correlation_id: Uuid::from_u128(77).to_string(),
        causation_id: None,
        traceparent: None,
        payload: vec![0xff],
    };
    for _ in 0..2 {
        scene.store.park("test", &envelope, "cannot be decoded").await.unwrap();
    }
    let late = change(1, vec![message(1, 1, alice())]);
    assert_eq!(commit(scene, late).await, Committed::AlreadyHandled);
}
