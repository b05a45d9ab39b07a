//! Streams of what is left, over the memory store: how many a server keeps.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use grpc_server::{Room, Tasks};
use grpc_ticket::{TicketGrpc, encode_reply};
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

fn server(watching: Room) -> TicketGrpc {
    let fixed = Arc::<Fixed>::default();
    let store = Arc::new(MemoryTicketStore::new(fixed.clone()));
    let ticketing = Arc::new(Ticketing {
        store: store.clone(),
        stock: store,
        clock: fixed.clone(),
        ids: fixed,
        encode_reply,
    });
    TicketGrpc { ticketing, tasks: Tasks::new(), stopping: CancellationToken::new(), watching }
}

/// A hall with three seats.
async fn hall(server: &TicketGrpc) -> String {
    let organizer = Caller {
        subject: Some("somebody".into()),
        roles: vec![Role::Organizer],
        organizer_id: OrganizerId::new("acme").ok(),
        locale: Locale::En,
    };
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

async fn watch(server: &TicketGrpc, ticket_id: &str) -> Result<Watched, Status> {
    let wish =
        pb::WatchAvailabilityRequest { ticket_id: ticket_id.to_owned(), ..Default::default() };
    server.watch_availability(Request::new(wish)).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn who_watches_takes_room_by_the_seats_until_they_hang_up() {
    let server = server(Room::new(7));
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
