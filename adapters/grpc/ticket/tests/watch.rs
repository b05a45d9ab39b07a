//! Streams of what is left, over the memory store: what they send, from where they go on, and how many a server keeps.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use grpc_server::wire::resume_token;
use grpc_server::{Room, Tasks, Watchers};
use grpc_ticket::{AvailabilityStreams, TicketGrpc, encode_hold, encode_reply};
use kernel::{
    Answered, Caller, Clock, Currency, IdSource, Locale, Money, OrganizerId, Role, Timestamp, Uuid,
};
use memory_ticket::MemoryTicketStore;
use proto::boxoffice::ticket::v1 as pb;
use proto::boxoffice::ticket::v1::ticket_service_server::TicketService;
use ticket::{RegisterTicket, TicketDraft, TicketKind, Ticketing};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

/// A clock that stands still, and numbers.
#[derive(Default)]
struct Fixed(AtomicU64);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000_000)
    }
}

impl IdSource for Fixed {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

struct Scene {
    grpc: TicketGrpc,
    ticketing: Arc<Ticketing>,
    stopping: CancellationToken,
}

fn server(slots: usize) -> Scene {
    let fixed = Arc::<Fixed>::default();
    let store = Arc::new(MemoryTicketStore::new(fixed.clone()));
    let ticketing = Arc::new(Ticketing {
        store: store.clone(),
        stock: store.clone(),
        clock: fixed.clone(),
        ids: fixed,
        encode_reply,
        encode_hold,
    });
    let (rooms, stopping) =
        ((Watchers::new(1_000, 500), Room::new(slots)), CancellationToken::new());
    let (ended, changes) = (stopping.clone(), store.changes());
    let watching = AvailabilityStreams::new(Arc::clone(&ticketing), changes, rooms, ended);
    let grpc = TicketGrpc { ticketing: Arc::clone(&ticketing), tasks: Tasks::new(), watching };
    Scene { grpc, ticketing, stopping }
}

fn organizer() -> Caller {
    Caller {
        subject: Some("somebody".into()),
        roles: vec![Role::Organizer],
        organizer_id: OrganizerId::new("acme").ok(),
        locale: Locale::En,
    }
}

/// A hall with three seats.
async fn hall(server: &Scene) -> String {
    let organizer = organizer();
    let price = Money::from_minor(1_000, Currency::from_code("KRW").unwrap());
    let draft =
        TicketDraft { name: "Quartet".into(), unit_price: Some(price), ..TicketDraft::default() };
    let mut request = RegisterTicket::admission(0, draft);
    request.kind = TicketKind::Seated;
    request.seats = ["A1", "A2", "A3"].map(str::to_owned).to_vec();
    match server.ticketing.register_ticket(&organizer, request, None).await.unwrap() {
        Answered::Fresh(listing) => listing.ticket.id.to_string(),
        Answered::Replayed(_) => String::new(),
    }
}

type Watched = <TicketGrpc as TicketService>::WatchAvailabilityStream;

async fn watch(server: &Scene, ticket_id: &str) -> Result<Watched, Status> {
    resume(server, ticket_id, "").await
}

async fn resume(server: &Scene, ticket_id: &str, token: &str) -> Result<Watched, Status> {
    let wish = pb::WatchAvailabilityRequest {
        ticket_id: ticket_id.to_owned(),
        resume_token: token.to_owned(),
        ..Default::default()
    };
    server.grpc.watch_availability(Request::new(wish)).await.map(tonic::Response::into_inner)
}

/// Units that are left, and the token to go on with.
async fn left(stream: &mut Watched) -> (i64, String) {
    let answer = stream.next().await.unwrap().unwrap();
    (answer.availability.unwrap().available, answer.resume_token)
}

/// Sets one seat of the hall aside.
async fn set_aside(server: &Scene, ticket_id: &str, seat: &str) {
    let wish = pb::CreateHouseHoldRequest {
        ticket_id: ticket_id.to_owned(),
        seats: vec![seat.to_owned()],
        ..Default::default()
    };
    let mut request = Request::new(wish);
    request.extensions_mut().insert(organizer());
    request.metadata_mut().insert("idempotency-key", seat.parse().unwrap());
    server.grpc.create_house_hold(request).await.unwrap();
}

async fn is_silent(stream: &mut Watched) -> bool {
    tokio::time::timeout(Duration::from_secs(60), stream.next()).await.is_err()
}

#[tokio::test]
async fn who_watches_takes_room_by_the_seats_until_they_hang_up() {
    let server = server(7);
    let hall = hall(&server).await;
    let mut first = watch(&server, &hall).await.unwrap();
    let second = watch(&server, &hall).await.unwrap();
    let seen = first.next().await.unwrap().unwrap().availability.unwrap();
    assert_eq!((seen.available, seen.slots.len()), (3, 3));
    let refused = watch(&server, &hall).await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.get_details_retry_info().is_some(), "with the advice when to come again");
    drop(second);
    let third = watch(&server, &hall).await;
    assert!(third.is_ok());
    let unknown = watch(&server, &Uuid::from_u128(99).to_string()).await.err().unwrap();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn who_watches_sees_the_latest_and_goes_on_from_it() {
    let server = server(100);
    let hall = hall(&server).await;
    let mut stream = watch(&server, &hall).await.unwrap();
    assert_eq!(left(&mut stream).await.0, 3);
    assert!(is_silent(&mut stream).await);
    set_aside(&server, &hall, "A1").await;
    let (available, token) = left(&mut stream).await;
    assert_eq!(available, 2);
    drop(stream);
    let mut known = resume(&server, &hall, &token).await.unwrap();
    assert!(is_silent(&mut known).await, "nothing is different");
    set_aside(&server, &hall, "A2").await;
    assert_eq!(left(&mut known).await.0, 1);
    let mut late = resume(&server, &hall, &token).await.unwrap();
    assert_eq!(left(&mut late).await.0, 1, "the latest");
    let mut others = resume(&server, &hall, &resume_token(7, b"another")).await.unwrap();
    assert_eq!(left(&mut others).await.0, 1);
    let refused = resume(&server, &hall, "nonsense!").await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fields = refused.get_details_bad_request().unwrap().field_violations;
    assert_eq!(fields.first().unwrap().field, "resume_token");
}

#[tokio::test(start_paused = true)]
async fn r36_every_stream_ends_with_advice_when_the_server_stops() {
    let server = server(100);
    let hall = hall(&server).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = watch(&server, &hall).await.unwrap();
        left(&mut stream).await;
        streams.push(stream);
    }
    server.stopping.cancel();
    for mut stream in streams {
        let last = stream.next().await.unwrap().unwrap_err();
        assert_eq!(last.code(), Code::Unavailable);
        assert!(last.get_details_retry_info().is_some());
        assert!(stream.next().await.is_none());
    }
}
