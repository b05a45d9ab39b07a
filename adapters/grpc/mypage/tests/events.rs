//! From the other contexts' messages to what a buyer reads and watches, over the memory store.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use grpc_mypage::{BookingStreams, CaughtUp, MyPageGrpc, ViewsConsumer};
use grpc_server::Watchers;
use grpc_server::wire::resume_token;
use kernel::{
    Caller, Envelope, EventHandler, EventId, HandlerError, OrganizerId, Role, Timestamp, Uuid,
};
use memory_mypage::MemoryViewStore;
use mypage::MyPage;
use prost::Message;
use proto::boxoffice::booking::v1 as booking;
use proto::boxoffice::mypage::v1 as pb;
use proto::boxoffice::mypage::v1::my_page_service_server::MyPageService;
use proto::boxoffice::payment::v1 as payment;
use proto::google::r#type::{Date, Money};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

struct Scene {
    store: Arc<MemoryViewStore>,
    consumer: ViewsConsumer,
    grpc: MyPageGrpc,
    stopping: CancellationToken,
}

fn scene() -> Scene {
    let store = Arc::new(MemoryViewStore::new());
    let my_page = Arc::new(MyPage { store: store.clone() });
    let consumer = ViewsConsumer::new(Arc::clone(&my_page));
    let stopping = CancellationToken::new();
    // No commit is ever told of, as if another replica made them all: it is the looking that finds out.
    let next_commit = Arc::new(|| std::future::pending().boxed());
    let caught_up = CaughtUp { next_commit, stopping: stopping.clone() };
    let (room, changes) = (Watchers::new(100, 3), store.changes());
    let watching = BookingStreams::new(Arc::clone(&my_page), changes, room, stopping.clone());
    let grpc = MyPageGrpc { my_page, watching, caught_up };
    Scene { store, consumer, grpc, stopping }
}

fn id(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

fn krw(units: i64) -> Option<Money> {
    Some(Money { currency_code: "KRW".to_owned(), units, nanos: 0 })
}

fn booking(n: u128, status: booking::BookingStatus) -> Option<booking::Booking> {
    Some(booking::Booking {
        booking_id: id(n),
        ticket_id: id(88),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: "acme".to_owned(),
        buyer_id: "alice".to_owned(),
        quantity: 3,
        total: krw(165_000),
        refunded: krw(0),
        status: status.into(),
        create_time: Some(prost_types::Timestamp { seconds: 60, nanos: 5_000 }),
        ..Default::default()
    })
}

fn paid(n: u128, status: payment::PaymentStatus, refunded: i64) -> Option<payment::Payment> {
    Some(payment::Payment {
        payment_id: id(n + 500),
        booking_id: id(n),
        amount: krw(165_000),
        refunded: krw(refunded),
        status: status.into(),
        ..Default::default()
    })
}

fn envelope(event: u128, name: &str, version: i64, message: &impl Message) -> Envelope {
    let source = if name.starts_with("Booking") { "booking" } else { "payment" };
    Envelope {
        id: EventId::new(Uuid::from_u128(event)),
        event_type: format!("boxoffice.{source}.v1.{name}"),
        source: source.to_owned(),
        occurred_at: Timestamp::from_micros(120_000_000),
        aggregate_type: source.to_owned(),
        aggregate_id: id(1),
        aggregate_version: version,
        correlation_id: id(1),
        causation_id: None,
        traceparent: None,
        payload: message.encode_to_vec(),
    }
}

fn by_alice<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        subject: Some("alice".to_owned()),
        roles: vec![Role::Buyer],
        ..Caller::anonymous()
    });
    request
}

async fn read(scene: &Scene, n: u128) -> pb::MyBooking {
    let request = by_alice(pb::GetMyBookingRequest { booking_id: id(n), min_version: 0 });
    scene.grpc.get_my_booking(request).await.unwrap().into_inner().booking.unwrap()
}

#[tokio::test]
async fn t08_i8_every_event_of_a_booking_arrives_in_its_row() {
    use booking::BookingStatus as B;
    use payment::PaymentStatus as P;
    let scene = scene();
    let refunded = payment::RefundSucceeded {
        payment: paid(1, P::Refunded, 165_000),
        refund: None,
        buyer_id: "alice".to_owned(),
        buyer_locale: String::new(),
        settled: true,
    };
    let approved =
        payment::PaymentApproved { payment: paid(1, P::Approved, 0), ..Default::default() };
    let placed = booking::BookingPlaced { booking: booking(1, B::Pending), ..Default::default() };
    let confirmed =
        booking::BookingConfirmed { booking: booking(1, B::Confirmed), ..Default::default() };
    let cancelled =
        booking::BookingCancelled { booking: booking(1, B::Cancelled), ..Default::default() };
    let messages = [
        envelope(1, "BookingCancelled", 4, &cancelled),
        envelope(2, "PaymentApproved", 1, &approved),
        envelope(3, "BookingPlaced", 1, &placed),
        envelope(4, "RefundSucceeded", 2, &refunded),
        envelope(5, "BookingConfirmed", 2, &confirmed),
    ];
    for message in messages.iter().chain(&messages) {
        scene.consumer.handle(message).await.unwrap();
    }
    let row = read(&scene, 1).await;
    assert_eq!(row.status(), B::Cancelled);
    assert_eq!(row.payment_status(), P::Refunded);
    assert_eq!((row.quantity, row.total, row.refunded), (3, krw(165_000), krw(165_000)));
    assert_eq!(row.create_time.unwrap(), prost_types::Timestamp { seconds: 60, nanos: 5_000 });
}

/// The seats are known from the hold on; the dates go in and out as they are.
#[tokio::test]
async fn a01_buyer_and_organizer_see_the_seats_and_the_nights() {
    use booking::BookingStatus as B;
    let date = |year, month, day| Some(Date { year, month, day });
    let seats = vec!["A1".to_owned(), "A2".to_owned()];
    let scene = scene();
    let placed = booking::BookingPlaced { booking: booking(1, B::Pending), ..Default::default() };
    scene.consumer.handle(&envelope(1, "BookingPlaced", 1, &placed)).await.unwrap();
    assert_eq!(read(&scene, 1).await.seats, Vec::<String>::new());
    for (n, seats, check_in, check_out) in
        [(1, seats, None, None), (2, vec![], date(2024, 12, 30), date(2025, 1, 2))]
    {
        let of = booking(n, B::Confirmed).map(|booking| booking::Booking {
            seats: seats.clone(),
            check_in,
            check_out,
            ..booking
        });
        let confirmed = booking::BookingConfirmed { booking: of, ..Default::default() };
        let message = envelope(n + 1, "BookingConfirmed", 2, &confirmed);
        scene.consumer.handle(&message).await.unwrap();
        let row = read(&scene, n).await;
        assert_eq!((&row.seats, row.check_in, row.check_out), (&seats, check_in, check_out));
        let mut request = Request::new(pb::ListMySalesRequest::default());
        request.extensions_mut().insert(Caller {
            subject: Some("someone-of-acme".to_owned()),
            organizer_id: Some(OrganizerId::new("acme").unwrap()),
            roles: vec![Role::Organizer],
            ..Caller::anonymous()
        });
        let sales = scene.grpc.list_my_sales(request).await.unwrap().into_inner().sales;
        let sale = sales.into_iter().find(|sale| sale.booking_id == id(n)).unwrap();
        assert_eq!((sale.seats, sale.check_in, sale.check_out), (seats, check_in, check_out));
    }
}

#[tokio::test]
async fn the_consumer_reads_every_event_that_it_asks_for() {
    let scene = scene();
    for (n, name) in (1..).zip(scene.consumer.event_names()) {
        let wire = booking(n, booking::BookingStatus::Pending);
        // Every event of a context has its subject in field 1.
        let message = if name.starts_with("Booking") {
            let event = booking::BookingPlaced { booking: wire, ..Default::default() };
            envelope(n, name, 1, &event)
        } else {
            let payment = paid(n, payment::PaymentStatus::Approved, 0);
            envelope(n, name, 1, &payment::PaymentApproved { payment, ..Default::default() })
        };
        assert_eq!(scene.consumer.handle(&message).await, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn r18_what_cannot_be_read_is_poison_and_parked() {
    let scene = scene();
    let empty = envelope(1, "BookingPlaced", 1, &booking::BookingPlaced::default());
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

async fn confirm(scene: &Scene, event: u128, n: u128, version: i64) {
    use booking::BookingStatus as B;
    let status = if version == 1 { B::Pending } else { B::Confirmed };
    let event_message =
        booking::BookingConfirmed { booking: booking(n, status), ..Default::default() };
    let message = envelope(event, "BookingConfirmed", version, &event_message);
    scene.consumer.handle(&message).await.unwrap();
}

type Watched = BoxStream<'static, Result<pb::WatchMyBookingsResponse, Status>>;

async fn watch(scene: &Scene) -> Watched {
    resume(scene, "").await.unwrap()
}

async fn resume(scene: &Scene, resume_token: &str) -> Result<Watched, Status> {
    let wish = pb::WatchMyBookingsRequest { resume_token: resume_token.to_owned() };
    scene.grpc.watch_my_bookings(by_alice(wish)).await.map(tonic::Response::into_inner)
}

async fn next(stream: &mut Watched) -> (String, booking::BookingStatus) {
    let row = stream.next().await.unwrap().unwrap().booking.unwrap();
    (row.booking_id.clone(), row.status())
}

#[tokio::test(start_paused = true)]
async fn t08_a_watcher_gets_each_booking_now_and_again_whenever_it_changes() {
    use booking::BookingStatus as B;
    let scene = scene();
    confirm(&scene, 1, 1, 1).await;
    confirm(&scene, 2, 2, 1).await;
    let mut stream = watch(&scene).await;
    // Changed between the first look and the first read: told as it is at the next look.
    confirm(&scene, 3, 2, 2).await;
    assert_eq!(next(&mut stream).await, (id(1), B::Pending));
    assert_eq!(next(&mut stream).await, (id(2), B::Pending));
    assert_eq!(next(&mut stream).await, (id(2), B::Confirmed));
    let nothing = tokio::time::timeout(Duration::from_secs(60), stream.next()).await;
    assert!(nothing.is_err());
    confirm(&scene, 4, 3, 1).await;
    assert_eq!(next(&mut stream).await, (id(3), B::Pending));
}

#[tokio::test(start_paused = true)]
async fn r36_a_watch_ends_when_the_server_stops() {
    let scene = scene();
    let mut stream = watch(&scene).await;
    let stopping = scene.stopping.clone();
    let (last, ()) = futures::join!(stream.next(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        stopping.cancel();
    });
    let last = last.unwrap().unwrap_err();
    assert_eq!(last.code(), Code::Unavailable);
    assert!(last.get_details_retry_info().is_some(), "with the advice when to come again");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_caller_without_the_part_is_refused_at_once() {
    let scene = scene();
    let anonymous = Request::new(pb::WatchMyBookingsRequest::default());
    let refused = scene.grpc.watch_my_bookings(anonymous).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let refused = scene.grpc.list_my_sales(by_alice(pb::ListMySalesRequest::default())).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let request = by_alice(pb::GetMyBookingRequest { booking_id: id(404), min_version: 0 });
    assert_eq!(scene.grpc.get_my_booking(request).await.unwrap_err().code(), Code::NotFound);
    let request =
        by_alice(pb::ListMyBookingsRequest { status: 99, page_size: -1, ..Default::default() });
    assert_eq!(
        scene.grpc.list_my_bookings(request).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn t08_pages_follow_their_tokens_and_tokens_their_conditions() {
    let scene = scene();
    for n in 1..=3 {
        confirm(&scene, n, n, 1).await;
    }
    let list = async |page_token: String, status: i32| {
        let request = pb::ListMyBookingsRequest { status, page_size: 2, page_token };
        scene.grpc.list_my_bookings(by_alice(request)).await
    };
    let first = list(String::new(), 0).await.unwrap().into_inner();
    let second = list(first.next_page_token.clone(), 0).await.unwrap().into_inner();
    let ids: Vec<_> =
        first.bookings.iter().chain(&second.bookings).map(|row| &row.booking_id).collect();
    assert_eq!(ids, [&id(3), &id(2), &id(1)]);
    assert_eq!(second.next_page_token, "");
    let other = list(first.next_page_token, booking::BookingStatus::Pending.into()).await;
    assert_eq!(other.unwrap_err().code(), Code::InvalidArgument);
}

async fn read_at(scene: &Scene, n: u128, min_version: i64) -> Result<pb::MyBooking, Status> {
    let request = by_alice(pb::GetMyBookingRequest { booking_id: id(n), min_version });
    let answer = scene.grpc.get_my_booking(request).await?;
    Ok(answer.into_inner().booking.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_read_ahead_of_the_view_waits_for_the_version_and_no_longer() {
    let scene = scene();
    let begun = tokio::time::Instant::now();
    let (row, ()) = futures::join!(read_at(&scene, 1, 2), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        confirm(&scene, 1, 1, 1).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        confirm(&scene, 2, 1, 2).await;
    });
    assert_eq!(row.unwrap().version, 2);
    assert!(begun.elapsed() < Duration::from_millis(800), "{:?}", begun.elapsed());
    let at_once = tokio::time::Instant::now();
    assert_eq!(read_at(&scene, 1, 1).await.unwrap().version, 2);
    assert!(at_once.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_view_that_stays_behind_says_so_after_a_second_and_asks_nobody() {
    let scene = scene();
    confirm(&scene, 1, 1, 1).await;
    let begun = tokio::time::Instant::now();
    for (n, seen) in [(1, "1"), (404, "0")] {
        let refused = read_at(&scene, n, 9).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        let details = refused.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.metadata["version"].as_str()),
            ("VIEW_BEHIND", seen)
        );
        assert!(details.retry_info().is_some());
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    assert_eq!(read_at(&scene, 1, -1).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_no_longer_than_its_caller_or_its_server() {
    let scene = scene();
    let begun = tokio::time::Instant::now();
    let mut request = by_alice(pb::GetMyBookingRequest { booking_id: id(1), min_version: 1 });
    request.set_timeout(Duration::from_millis(250));
    let refused = scene.grpc.get_my_booking(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(begun.elapsed() <= Duration::from_millis(200), "{:?}", begun.elapsed());
    scene.stopping.cancel();
    let begun = tokio::time::Instant::now();
    assert_eq!(read_at(&scene, 1, 1).await.unwrap_err().code(), Code::Unavailable);
    assert!(begun.elapsed().is_zero());
}

/// What was sent next: the booking, its status, and the token to go on with.
async fn sent(stream: &mut Watched) -> (String, booking::BookingStatus, String) {
    let answer = stream.next().await.unwrap().unwrap();
    let row = answer.booking.unwrap();
    (row.booking_id.clone(), row.status(), answer.resume_token)
}

#[tokio::test(start_paused = true)]
async fn r36_who_comes_back_misses_nothing_and_hears_nothing_twice() {
    use booking::BookingStatus as B;
    let scene = scene();
    confirm(&scene, 1, 1, 1).await;
    confirm(&scene, 2, 2, 1).await;
    let mut stream = watch(&scene).await;
    let (first, _, after_first) = sent(&mut stream).await;
    let (second, _, after_second) = sent(&mut stream).await;
    assert_eq!((first, second), (id(1), id(2)));
    drop(stream);
    let mut nothing_new = resume(&scene, &after_second).await.unwrap();
    let silent = tokio::time::timeout(Duration::from_secs(60), nothing_new.next()).await;
    assert!(silent.is_err(), "it is as far as it was");
    confirm(&scene, 3, 2, 2).await;
    confirm(&scene, 4, 3, 1).await;
    assert_eq!(next(&mut nothing_new).await, (id(2), B::Confirmed));
    let mut missed = resume(&scene, &after_first).await.unwrap();
    assert_eq!(next(&mut missed).await, (id(2), B::Confirmed), "once, as it is now");
    assert_eq!(next(&mut missed).await, (id(3), B::Pending));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_known_begins_anew_and_one_that_is_none_is_refused() {
    let scene = scene();
    confirm(&scene, 1, 1, 1).await;
    // Of a view that was made anew since, and of somebody else's bookings.
    for unknown in [resume_token(7_000, b"alice"), resume_token(1, b"bob")] {
        let mut stream = resume(&scene, &unknown).await.unwrap();
        assert_eq!(next(&mut stream).await.0, id(1));
    }
    let refused = resume(&scene, "nonsense!").await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fields = refused.get_details_bad_request().unwrap().field_violations;
    assert_eq!(fields.first().unwrap().field, "resume_token");
}

#[tokio::test(start_paused = true)]
async fn all_who_watch_see_all_and_who_is_slow_catches_up() {
    let scene = scene();
    let (mut quick, mut slow) = (watch(&scene).await, watch(&scene).await);
    let rows = 2 * u128::from(mypage::WATCH_ROWS_MAX) + 5;
    for n in 1..=rows {
        confirm(&scene, n, n, 1).await;
        assert_eq!(next(&mut quick).await.0, id(n));
    }
    for n in 1..=rows {
        assert_eq!(next(&mut slow).await.0, id(n));
    }
    let third = watch(&scene).await;
    let refused = resume(&scene, "").await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop((quick, slow, third));
    assert!(resume(&scene, "").await.is_ok());
}
