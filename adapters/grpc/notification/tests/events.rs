//! From the other contexts' messages to what their people read, over the memory store.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use grpc_notification::{LettersConsumer, NotificationGrpc};
use kernel::{
    Caller, Clock, Envelope, EventHandler, EventId, HandlerError, IdSource, OrganizerId, Role,
    Timestamp, Uuid,
};
use memory_notification::MemoryNotificationStore;
use notification::Notifying;
use prost::Message;
use proto::boxoffice::notification::v1 as pb;
use proto::boxoffice::notification::v1::notification_service_server::NotificationService;
use proto::boxoffice::{booking::v1 as booking, payment::v1 as payment, ticket::v1 as ticket};
use proto::google::r#type::Money;
use tonic::{Code, Request};

/// Tells a later time at every look, and names a later id.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.0.fetch_add(1, Ordering::SeqCst)).unwrap())
    }
}

impl IdSource for Ticking {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

struct Scene {
    store: Arc<MemoryNotificationStore>,
    consumer: LettersConsumer,
    grpc: NotificationGrpc,
}

fn scene() -> Scene {
    let store = Arc::new(MemoryNotificationStore::new());
    let notifying = Arc::new(Notifying {
        store: store.clone(),
        clock: Arc::new(Ticking::default()),
        ids: Arc::new(Ticking::default()),
    });
    let consumer = LettersConsumer::new(Arc::clone(&notifying));
    Scene { store, consumer, grpc: NotificationGrpc { notifying } }
}

fn id(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

fn krw(units: i64) -> Option<Money> {
    Some(Money { currency_code: "KRW".to_owned(), units, nanos: 0 })
}

fn ticket() -> Option<ticket::Ticket> {
    Some(ticket::Ticket {
        ticket_id: id(88),
        organizer_id: "acme".to_owned(),
        name: "Rock Night".to_owned(),
        unit_price: krw(55_000),
        capacity: 10,
        ..Default::default()
    })
}

fn booked() -> Option<booking::Booking> {
    Some(booking::Booking {
        booking_id: id(1),
        ticket_id: id(88),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: "acme".to_owned(),
        buyer_id: "alice".to_owned(),
        quantity: 3,
        total: krw(165_000),
        ..Default::default()
    })
}

fn paid() -> Option<payment::Payment> {
    let (payment_id, booking_id) = (id(501), id(1));
    Some(payment::Payment { payment_id, booking_id, amount: krw(165_000), ..Default::default() })
}

fn envelope(event: u128, event_type: &str, message: &impl Message) -> Envelope {
    Envelope {
        id: EventId::new(Uuid::from_u128(event)),
        event_type: event_type.to_owned(),
        source: "test".to_owned(),
        occurred_at: Timestamp::from_micros(120_000_000),
        aggregate_type: "test".to_owned(),
        aggregate_id: id(1),
        aggregate_version: 1,
        correlation_id: id(1),
        causation_id: None,
        traceparent: None,
        payload: message.encode_to_vec(),
    }
}

/// One message of each event of the contract that this context hears, in the order of a story.
fn story() -> Vec<Envelope> {
    let locale = || "ko".to_owned();
    let refund = || Some(payment::Refund { refund_id: id(901), amount: krw(55_000), status: 0 });
    let alice = || "alice".to_owned();
    macro_rules! booking_event {
        ($n:expr, $event:ident) => {{
            let message = booking::$event { booking: booked(), buyer_locale: locale() };
            envelope($n, concat!("boxoffice.booking.v1.", stringify!($event)), &message)
        }};
    }
    let registered =
        ticket::TicketRegistered { ticket: ticket(), organizer_locale: "ko-KR".to_owned() };
    let approved =
        payment::PaymentApproved { payment: paid(), buyer_id: alice(), buyer_locale: locale() };
    let declined =
        payment::PaymentDeclined { payment: paid(), buyer_id: alice(), buyer_locale: locale() };
    let refunded = payment::RefundSucceeded {
        payment: paid(),
        refund: refund(),
        buyer_id: alice(),
        buyer_locale: locale(),
        settled: true,
    };
    let stuck = payment::RefundFailed {
        payment: paid(),
        refund: refund(),
        buyer_id: alice(),
        buyer_locale: locale(),
    };
    let changed = ticket::TicketChanged { ticket: ticket() };
    let retiring = ticket::TicketRetirementStarted { ticket: ticket() };
    let retired = ticket::TicketRetired { ticket: ticket() };
    vec![
        envelope(1, "boxoffice.ticket.v1.TicketRegistered", &registered),
        envelope(2, "boxoffice.ticket.v1.TicketChanged", &changed),
        booking_event!(3, BookingPlaced),
        envelope(4, "boxoffice.payment.v1.PaymentDeclined", &declined),
        booking_event!(5, BookingAwaitingPayment),
        envelope(6, "boxoffice.payment.v1.PaymentApproved", &approved),
        booking_event!(7, BookingConfirmed),
        booking_event!(8, BookingReduced),
        booking_event!(9, BookingCancellationRequested),
        envelope(10, "boxoffice.payment.v1.RefundFailed", &stuck),
        envelope(11, "boxoffice.payment.v1.RefundSucceeded", &refunded),
        booking_event!(12, BookingCancelled),
        booking_event!(13, BookingRejected),
        booking_event!(14, BookingExpired),
        envelope(15, "boxoffice.ticket.v1.TicketRetirementStarted", &retiring),
        envelope(16, "boxoffice.ticket.v1.TicketRetired", &retired),
    ]
}

fn by<T>(caller: Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller);
    request
}

fn alice() -> Caller {
    let subject = Some("alice".to_owned());
    Caller { subject, roles: vec![Role::Buyer], ..Caller::anonymous() }
}

fn acme() -> Caller {
    Caller {
        subject: Some("somebody".to_owned()),
        roles: vec![Role::Organizer],
        organizer_id: Some(OrganizerId::new("acme").unwrap()),
        ..Caller::anonymous()
    }
}

async fn inbox(scene: &Scene, caller: Caller, booking_id: String) -> Vec<pb::Notification> {
    let request = pb::ListNotificationsRequest { booking_id, page_size: 100, ..Default::default() };
    let response = scene.grpc.list_notifications(by(caller, request)).await.unwrap();
    let mut notifications = response.into_inner().notifications;
    notifications.reverse();
    notifications
}

fn events(notifications: &[pb::Notification]) -> Vec<&str> {
    notifications.iter().map(|notification| notification.event_type.as_str()).collect()
}

#[tokio::test]
async fn t06_t07_t11_t13_i7_a_story_told_three_times_is_heard_once() {
    let scene = scene();
    let mut names: Vec<_> = story().iter().map(|message| message.name().to_owned()).collect();
    for message in (0..3).flat_map(|_| story()) {
        scene.consumer.handle(&message).await.unwrap();
    }
    let alices = inbox(&scene, alice(), String::new()).await;
    let told = [
        "PaymentDeclined",
        "BookingAwaitingPayment",
        "PaymentApproved",
        "BookingConfirmed",
        "BookingReduced",
        "BookingCancellationRequested",
        "RefundFailed",
        "RefundSucceeded",
        "BookingCancelled",
        "BookingRejected",
        "BookingExpired",
    ];
    assert_eq!(events(&alices), told);
    let acmes = inbox(&scene, acme(), String::new()).await;
    let told = [
        "TicketRegistered",
        "BookingConfirmed",
        "BookingReduced",
        "BookingCancelled",
        "TicketRetired",
    ];
    assert_eq!(events(&acmes), told);
    assert_eq!(inbox(&scene, alice(), id(1)).await, alices);
    assert_eq!(
        events(&inbox(&scene, acme(), id(1)).await),
        ["BookingConfirmed", "BookingReduced", "BookingCancelled"]
    );
    for letter in alices.iter().chain(&acmes) {
        assert_eq!(letter.channel(), pb::Channel::Inbox);
        assert_eq!(letter.status(), pb::NotificationStatus::Sent);
        assert!(letter.subject.chars().any(|c| ('가'..='힣').contains(&c)), "{letter:?}");
    }
    // The story has one message of each event that the consumer asks for.
    let mut asked = scene.consumer.event_names().to_vec();
    asked.sort_unstable();
    names.sort();
    assert_eq!(names, asked);
}

#[tokio::test]
async fn r18_what_cannot_be_read_is_poison_and_parked() {
    let scene = scene();
    let empty =
        envelope(1, "boxoffice.booking.v1.BookingConfirmed", &booking::BookingConfirmed::default());
    let garbled = Envelope { payload: vec![0xff], ..empty.clone() };
    let unknown =
        Envelope { event_type: "boxoffice.booking.v1.BookingSung".into(), ..empty.clone() };
    for message in [&empty, &garbled, &unknown] {
        let refused = scene.consumer.handle(message).await;
        assert!(matches!(refused, Err(HandlerError::Poison(_))), "{refused:?}");
    }
    scene.consumer.park(&empty, "unreadable").await.unwrap();
    assert_eq!(scene.store.parked(), [(empty.id, "unreadable".to_owned())]);
}

#[tokio::test]
async fn t07_nobody_reads_anothers_letters() {
    let scene = scene();
    for message in story() {
        scene.consumer.handle(&message).await.unwrap();
    }
    let bob = Caller { subject: Some("bob".to_owned()), ..alice() };
    assert_eq!(inbox(&scene, bob, id(1)).await, []);
    let anonymous = Request::new(pb::ListNotificationsRequest::default());
    let refused = scene.grpc.list_notifications(anonymous).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let wrong = pb::ListNotificationsRequest {
        booking_id: "x".to_owned(),
        page_token: "y".to_owned(),
        ..Default::default()
    };
    let refused = scene.grpc.list_notifications(by(alice(), wrong)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
