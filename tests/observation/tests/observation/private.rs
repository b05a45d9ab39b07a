//! What clients send that is private, wherever they can put it, stands in no log, no trace and no error's own words.

use serde_json::{Value, json};
use testkit::{Plan, Platform, Shape, eventually, private_data};
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::collected::Collected;
use crate::world::{answered, cancellation, lines, until_cancelled, wish};
use proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;
use proto::boxoffice::booking::v1::{CreateBookingRequest, GetBookingRequest};

const ADDRESS: &str = "ann.private@example.com";
const CARD: &str = "4111 1111 1111 1111";
const DIGITS: &str = "4242424242424242";
const FORGED: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbm5AZXhhbXBsZS5jb20ifQ.Zm9yZ2Vk";

/// Headers that clients may say anything in.
const HEADERS: [&str; 12] = [
    "x-request-id",
    "traceparent",
    "tracestate",
    "baggage",
    "user-agent",
    "referer",
    "cookie",
    "x-forwarded-for",
    "accept-language",
    "idempotency-key",
    "x-api-key",
    "forwarded",
];

/// Paths with something private in every part.
const PATHS: [&str; 8] = [
    "/v1/tickets/ann.private%40example.com",
    "/v1/ann.private%40example.com/4111111111111111",
    "/v1/bookings/4111111111111111",
    "/v1/bookings?ticketId=ann.private%40example.com",
    "/v1/bookings?pageToken=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln",
    "/v1/tickets?query=ann.private%40example.com",
    "/v1/tickets?access_token=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln",
    "/v1/payments?card=4111111111111111",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_log_no_trace_and_no_error_tells_what_clients_sent_in_private() {
    let collected = Collected::start();
    let plan = Plan::of(Shape::Embedded)
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", collected.collector.url())
        .with("OTEL_TRACES_SAMPLER", "always_on")
        .with("LOG_LEVEL", "debug")
        .with("LOG_FORMAT", "json");
    let platform = Platform::start_as(plan).await;
    let ticket = sold(&platform).await;
    in_headers(&platform).await;
    in_paths(&platform).await;
    in_bodies(&platform, &ticket).await;
    for address in [platform.grpc_addr("booking"), platform.rest_addr()] {
        over_grpc(&platform, &address, &ticket).await;
    }

    let booking = answered(wish(&platform, &ticket, 1, "ok")).await;
    let booking = booking.text("bookingId").to_owned();
    answered(cancellation(&platform, &booking)).await;
    until_cancelled(&platform, &booking).await;
    // What was told last has come: so has what was told before.
    eventually("the spans of the cancellation", || async {
        let spans = collected.spans();
        let told = spans.iter().any(|span| span.name.contains("CancelBooking"));
        if told { Ok(()) } else { Err(format!("{} spans", spans.len())) }
    })
    .await;
    for span in collected.spans() {
        assert_eq!(platform.private_in(&format!("{span:?}")), Vec::<String>::new(), "{span:?}");
    }
    for line in lines_of(&platform) {
        assert_eq!(platform.private_in(&line.to_string()), Vec::<String>::new(), "{line}");
    }
}

/// What it prints for people when it serves is no log.
fn lines_of(platform: &Platform) -> Vec<Value> {
    let log = std::fs::read_to_string(platform.data_dir().join("boxoffice.log")).unwrap();
    let told = log.split_inclusive('\n').filter(|line| line.starts_with('{')).collect::<String>();
    let lines = lines(&told);
    assert!(lines.len() > 10, "it logs: {log}");
    lines
}

/// A ticket that is full of what only its readers are to see.
async fn sold(platform: &Platform) -> String {
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": format!("Meet {ADDRESS}"), "capacity": "100",
        "description": CARD, "venue": ADDRESS, "category": DIGITS,
        "unitPrice": {"currencyCode": "KRW", "units": "1000"},
    });
    let call = platform.http.post("/v1/tickets").token(&platform.organizer("acme")).json(ticket);
    answered(call).await.text("ticketId").to_owned()
}

async fn in_headers(platform: &Platform) {
    let buyer = platform.buyer(ADDRESS);
    for name in HEADERS {
        for value in [ADDRESS, CARD, DIGITS, FORGED, &buyer] {
            let call = platform.http.get("/v1/bookings").token(&buyer).header(name, value);
            say_nothing(&call.send().await.unwrap().json, name);
            let wrong = platform.http.post("/v1/bookings").token(&buyer).header(name, value);
            say_nothing(&wrong.json(json!({"quantity": -1})).send().await.unwrap().json, name);
        }
    }
    for token in [ADDRESS, CARD, DIGITS, FORGED, &buyer[..buyer.len() - 3], "eyJ"] {
        let answer = platform.http.get("/v1/bookings").token(token).send().await.unwrap();
        assert_eq!(answer.status, 401, "{token}: {}", answer.json);
        say_nothing(&answer.json, token);
        let basic = platform.http.get("/v1/bookings").header("authorization", token);
        say_nothing(&basic.send().await.unwrap().json, token);
    }
}

async fn in_paths(platform: &Platform) {
    for path in PATHS {
        for token in [platform.buyer(ADDRESS), FORGED.to_owned()] {
            let answer = platform.http.get(path).token(&token).send().await.unwrap();
            // The name of a parameter may be said again to who made it up, but never a value.
            say_nothing(&answer.json, path);
        }
    }
}

async fn in_bodies(platform: &Platform, ticket: &str) {
    let (buyer, organizer) = (platform.buyer(ADDRESS), platform.organizer("acme"));
    for private in [ADDRESS, CARD, DIGITS, FORGED, &buyer] {
        let wishes = [
            json!({"ticketId": ticket, "quantity": 1, "paymentMethod": private}),
            json!({"ticketId": private, "quantity": 1}),
            json!({"ticketId": ticket, "quantity": private}),
            json!({"ticketId": ticket, "quantity": 1, "seats": [private]}),
            json!({"ticketId": ticket, "quantity": 1, "checkIn": private}),
            json!({"ticketId": ticket, "quantity": 1, "expectedTotal": {"currencyCode": private}}),
            json!(private),
            json!([private]),
        ];
        for wish in wishes {
            let call = platform.http.post("/v1/bookings").token(&buyer).json(wish.clone());
            say_nothing(&call.send().await.unwrap().json, &wish.to_string());
        }
        let odd =
            json!({"kind": private, "name": private, "timeZone": private, "capacity": private});
        let call = platform.http.post("/v1/tickets").token(&organizer).json(odd);
        say_nothing(&call.send().await.unwrap().json, "a ticket");
        let hold = json!({"quantity": 1, "note": private});
        let path = format!("/v1/tickets/{ticket}/houseHolds");
        platform.http.post(path).token(&organizer).json(hold).send().await.unwrap();
    }
    // No JSON at all.
    for body in [format!("{{\"card\": {CARD}"), ADDRESS.to_owned(), FORGED.to_owned()] {
        let answer = plain(platform, &buyer, &body).await;
        assert_eq!(private_data(&answer), Vec::<String>::new(), "{body}");
    }
}

/// Posts what is no JSON.
async fn plain(platform: &Platform, token: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let request = format!(
        "POST /v1/bookings HTTP/1.1\r\nHost: boxoffice\r\nConnection: close\r\n\
         Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(platform.rest_addr()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

/// At a server's own port, or at the gateway's.
async fn over_grpc(platform: &Platform, address: &str, ticket: &str) {
    let endpoint = format!("http://{address}");
    let channel = Channel::from_shared(endpoint).unwrap().connect().await.unwrap();
    let mut bookings = BookingServiceClient::new(channel);
    let buyer = platform.buyer(ADDRESS);
    for private in [ADDRESS, CARD, DIGITS, FORGED, &buyer] {
        let mut reads = Request::new(GetBookingRequest { booking_id: private.to_owned() });
        for name in HEADERS {
            reads.metadata_mut().insert(name, private.parse().unwrap());
        }
        reads.metadata_mut().insert("authorization", format!("Bearer {buyer}").parse().unwrap());
        refused(bookings.get_booking(reads).await.unwrap_err(), Code::InvalidArgument);
        let mut forged = Request::new(GetBookingRequest { booking_id: ticket.to_owned() });
        let token = format!("Bearer {private}x");
        forged.metadata_mut().insert("authorization", token.parse().unwrap());
        refused(bookings.get_booking(forged).await.unwrap_err(), Code::Unauthenticated);
        let mut books = Request::new(CreateBookingRequest {
            ticket_id: private.to_owned(),
            quantity: -1,
            seats: vec![private.to_owned()],
            payment_method: private.to_owned(),
            ..Default::default()
        });
        books.metadata_mut().insert("authorization", format!("Bearer {buyer}").parse().unwrap());
        refused(bookings.create_booking(books).await.unwrap_err(), Code::InvalidArgument);
    }
}

fn refused(status: tonic::Status, code: Code) {
    assert_eq!(status.code(), code, "{status:?}");
    let said = format!("{} {}", status.message(), String::from_utf8_lossy(status.details()));
    assert_eq!(private_data(&said), Vec::<String>::new(), "{said}");
}

/// An error's own words do not say a value again. What is the caller's own, such as a list, is none.
fn say_nothing(answer: &Value, what: &str) {
    if answer.get("code").is_some() {
        assert_eq!(private_data(&answer.to_string()), Vec::<String>::new(), "{what}: {answer}");
    }
}
