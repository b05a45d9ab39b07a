//! Server streams as Server-Sent Events: live, resumed, bounded, ended in order; and the OpenAPI document.

use std::time::Duration;

use proto::boxoffice::ticket::v1::WatchAvailabilityRequest;
use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use serde_json::Value;
use testkit::{Plan, Platform, Shape, eventually};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use crate::world::{book_confirmed, register};

const BOOKINGS: &str = "/v1/mypage/bookings:watch";
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of Server-Sent Events.
struct Events(Lines<BufReader<TcpStream>>);

/// One event.
#[derive(Debug)]
struct Event {
    id: String,
    is_error: bool,
    retry: String,
    data: Value,
}

impl Events {
    async fn open(platform: &Platform, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut socket = TcpStream::connect(platform.rest_addr()).await.unwrap();
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        socket.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        Self(BufReader::new(socket).lines())
    }

    /// The bookings of a buyer, after the event of this id.
    async fn bookings(platform: &Platform, buyer: &str, after: &str) -> Self {
        let token = format!("Bearer {}", platform.buyer(buyer));
        let headers = [("Authorization", token.as_str()), ("Last-Event-ID", after)];
        Self::open(platform, BOOKINGS, headers.get(..1 + usize::from(!after.is_empty())).unwrap())
            .await
    }

    /// The status line of the answer.
    async fn status(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.0.next_line()).await;
        line.expect("it answers").unwrap().unwrap_or_default()
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        let mut event =
            Event { id: String::new(), is_error: false, retry: String::new(), data: Value::Null };
        let read = async {
            while let Some(line) = self.0.next_line().await.unwrap() {
                match line.split_once(": ") {
                    Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                    Some(("id", id)) => id.clone_into(&mut event.id),
                    Some(("event", name)) => event.is_error = name == "error",
                    Some(("retry", retry)) => retry.clone_into(&mut event.retry),
                    Some(_) => {}
                    None if line.is_empty() && !event.data.is_null() => return Some(event),
                    None => {}
                }
            }
            None
        };
        tokio::time::timeout(PATIENCE, read).await.expect("something is sent")
    }

    /// The first event that is as wanted.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            assert!(!event.is_error, "{event:?}");
            if wanted(&event.data) {
                return event;
            }
        }
    }
}

fn confirmed(booking: &str) -> impl Fn(&Value) -> bool {
    move |row| row["bookingId"] == booking && row["status"] == "BOOKING_STATUS_CONFIRMED"
}

/// So many are left.
fn left(units: u32) -> impl Fn(&Value) -> bool {
    let units = units.to_string();
    move |seen| seen["available"] == units.as_str()
}

fn availability(ticket: &str) -> String {
    format!("/v1/tickets/{ticket}/availability:watch")
}

#[tokio::test(flavor = "multi_thread")]
async fn t08_r36_my_page_is_followed_live_and_resumed_without_loss() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Live", 9).await;
    let mut events = Events::bookings(&platform, "alice", "").await;
    let others = book_confirmed(&platform, "bob", &ticket, 1).await;
    let first = book_confirmed(&platform, "alice", &ticket, 1).await;
    let mine = |row: &Value| {
        assert_ne!(row["bookingId"], others.as_str(), "only her own");
        confirmed(&first)(row)
    };
    let seen = events.until(mine).await;
    drop(events);
    // Changed while nobody watched.
    let missed = book_confirmed(&platform, "alice", &ticket, 2).await;
    let mut events = Events::bookings(&platform, "alice", &seen.id).await;
    let resumed = events.until(confirmed(&missed)).await;
    assert_ne!(resumed.id, seen.id);
    let live = book_confirmed(&platform, "alice", &ticket, 1).await;
    events.until(confirmed(&live)).await;
    // An id that is no longer known, here somebody else's, begins from the beginning.
    let mut anew = Events::bookings(&platform, "bob", &seen.id).await;
    anew.until(confirmed(&others)).await;
    let mut nonsense = Events::bookings(&platform, "alice", "nonsense!").await;
    assert!(nonsense.status().await.contains(" 400 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn r36_what_is_left_is_followed_live_and_resumed_with_the_latest() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Live", 9).await;
    let mut events = Events::open(&platform, &availability(&ticket), &[]).await;
    events.until(left(9)).await;
    book_confirmed(&platform, "alice", &ticket, 2).await;
    let seen = events.until(left(7)).await;
    drop(events);
    book_confirmed(&platform, "alice", &ticket, 1).await;
    book_confirmed(&platform, "alice", &ticket, 3).await;
    let after = [("Last-Event-ID", seen.id.as_str())];
    let mut events = Events::open(&platform, &availability(&ticket), &after).await;
    events.until(left(3)).await;
    book_confirmed(&platform, "bob", &ticket, 1).await;
    events.until(left(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_in_order_when_the_platform_stops() {
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Live", 9).await;
    book_confirmed(&platform, "alice", &ticket, 1).await;
    let mut bookings = Events::bookings(&platform, "alice", "").await;
    let mut left = Events::open(&platform, &availability(&ticket), &[]).await;
    bookings.until(|_| true).await;
    left.until(|_| true).await;
    let end = async |mut events: Events| loop {
        let event = events.next().await.expect("an error ends it");
        if event.is_error {
            assert_eq!(event.data["code"], 14, "{event:?}");
            assert!(event.data.to_string().contains("RetryInfo"), "{event:?}");
            assert!(event.retry.parse::<u64>().unwrap() > 0, "{event:?}");
            assert!(events.next().await.is_none());
            return;
        }
    };
    let (stopped, (), ()) = tokio::join!(platform.terminate(), end(bookings), end(left));
    assert!(stopped.success(), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token_and_goes_on_with_a_new_one() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Live", 9).await;
    let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
    // It is good for the five seconds more that clocks may differ by.
    let arguments = ["--role", "buyer", "--sub", "alice", "--valid-secs=1"];
    let header = format!("Bearer {}", platform.token(&arguments));
    let mut events = Events::open(&platform, BOOKINGS, &[("Authorization", &header)]).await;
    let seen = events.until(confirmed(&booking)).await;
    let end = loop {
        let event = events.next().await.expect("an error ends it");
        if event.is_error {
            break event;
        }
    };
    assert_eq!(end.data["code"], 16, "{end:?}");
    assert!(end.data.to_string().contains("UNAUTHENTICATED"), "{end:?}");
    assert!(events.next().await.is_none());
    let again = [("Authorization", header.as_str()), ("Last-Event-ID", &seen.id)];
    let mut again = Events::open(&platform, BOOKINGS, &again).await;
    assert!(again.status().await.contains(" 401 "), "so that a browser does not come again");
    let others = book_confirmed(&platform, "alice", &ticket, 1).await;
    let mut renewed = Events::bookings(&platform, "alice", &seen.id).await;
    renewed.until(confirmed(&others)).await;
}

/// A buyer's stream that is begun anew, after the last event, wherever it ends.
struct Resuming {
    events: Events,
    last: String,
    begun: usize,
}

impl Resuming {
    async fn until(&mut self, platform: &Platform, wanted: impl Fn(&Value) -> bool) {
        loop {
            match self.events.next().await {
                Some(event) if !event.is_error => {
                    self.last = event.id;
                    if wanted(&event.data) {
                        return;
                    }
                }
                Some(_) | None => {
                    self.events = Events::bookings(platform, "alice", &self.last).await;
                    self.begun += 1;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r36_watchers_hear_of_other_replicas_and_outlive_their_own() {
    if Shape::leaves_out(Shape::Postgres, "it has replicas") {
        return;
    }
    const STREAMS: usize = 8;
    let replicated = &["ticket", "mypage"];
    let plan = Plan { replicas: 2, replicated, ..Plan::of(Shape::Postgres) };
    let mut platform = Platform::start_as(plan).await;
    let ticket = register(&platform, "Replicas", 100).await;
    let (mut bookings, mut lefts) = (Vec::new(), Vec::new());
    for _ in 0..STREAMS {
        let events = Events::bookings(&platform, "alice", "").await;
        bookings.push(Resuming { events, last: String::new(), begun: 1 });
        lefts.push(Events::open(&platform, &availability(&ticket), &[]).await);
    }
    for left in &mut lefts {
        left.until(|_| true).await;
    }
    // Each is committed by one replica, and watched at both.
    for units in (96..100).rev() {
        let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
        for stream in &mut bookings {
            stream.until(&platform, confirmed(&booking)).await;
        }
        for stream in &mut lefts {
            stream.until(left(units)).await;
        }
    }
    assert!(platform.server("mypage-1").terminate().await.success());
    let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
    for stream in &mut bookings {
        stream.until(&platform, confirmed(&booking)).await;
    }
    let begun: usize = bookings.iter().map(|stream| stream.begun).sum();
    assert!((STREAMS + 1..=2 * STREAMS).contains(&begun), "{begun} streams for {STREAMS}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_for_each_caller_and_in_all() {
    if Shape::leaves_out(Shape::Embedded, "a limit is of one server") {
        return;
    }
    let plan = Plan::of(Shape::Embedded);
    let plan = plan.with("WATCHERS_MAX", "4").with("WATCHERS_PER_SUBJECT_MAX", "2");
    let platform = Platform::start_as(plan).await;
    let mut open = Vec::new();
    for buyer in ["alice", "alice", "bob"] {
        let mut events = Events::bookings(&platform, buyer, "").await;
        assert!(events.status().await.contains(" 200 "));
        open.push(events);
    }
    let refused = async |buyer: &str, reason: &str| {
        let token = platform.buyer(buyer);
        let answer = platform.http.get(BOOKINGS).token(&token).send().await.unwrap();
        assert_eq!(answer.status, 429, "{}", answer.json);
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(answer.reason(), reason, "{}", answer.json);
    };
    refused("alice", "RATE_LIMITED").await;
    open.push(Events::bookings(&platform, "carol", "").await);
    assert!(open.last_mut().unwrap().status().await.contains(" 200 "));
    refused("dave", "OVERLOADED").await;
    open.clear();
    eventually("room for others", || async {
        let mut events = Events::bookings(&platform, "dave", "").await;
        let status = events.status().await;
        if status.contains(" 200 ") { Ok(()) } else { Err(status) }
    })
    .await;
    let (code, said) = Platform::fails_to_start(&[("WATCHERS_MAX", "16384")]).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("WATCHERS_MAX"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_one_address_leave_room_for_others() {
    let platform = Platform::start_with(&[("WATCHERS_PER_ADDRESS_MAX", "2")]).await;
    let ticket = register(&platform, "Live", 9).await;
    let path = availability(&ticket);
    let from = async |address: &str| {
        let mut events = Events::open(&platform, &path, &[("X-Forwarded-For", address)]).await;
        let status = events.status().await;
        if status.contains(" 200 ") { Ok(events) } else { Err(status) }
    };
    let greedy = "198.51.100.7";
    let open = [from(greedy).await.unwrap(), from(greedy).await.unwrap()];
    let call =
        platform.http.get(&path).header("x-forwarded-for", greedy).token(&platform.buyer("a"));
    let refused = call.send().await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.reason()), (429, "RATE_LIMITED"));
    assert!(refused.headers.contains_key("retry-after"), "{:?}", refused.headers);

    let address = format!("http://{}", platform.rest_addr());
    let channel = tonic::transport::Channel::from_shared(address).unwrap().connect().await.unwrap();
    let mut tickets = TicketServiceClient::new(channel);
    let mut watch = async |address: &str| {
        let request = WatchAvailabilityRequest { ticket_id: ticket.clone(), ..Default::default() };
        let mut request = tonic::Request::new(request);
        request.metadata_mut().insert("x-forwarded-for", address.parse().unwrap());
        tickets.watch_availability(request).await
    };
    let refused = watch(greedy).await.map(|_| ()).expect_err("over gRPC it is the same bound");
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused}");
    watch("198.51.100.8").await.expect("somebody else");
    drop(open);
    eventually("room for others", || async { from(greedy).await.map(drop) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_without_news_costs_no_read() {
    if Shape::leaves_out(Shape::Embedded, "the numbers are of one server") {
        return;
    }
    const IDLE: usize = 150;
    let platform = Platform::start().await;
    let (quiet, busy) =
        (register(&platform, "Quiet", 9).await, register(&platform, "Busy", 9).await);
    let mut idle = Vec::new();
    for number in 0..IDLE {
        let left = Events::open(&platform, &availability(&quiet), &[]).await;
        let buyer = format!("buyer-{}", number / 15);
        idle.push((left, Events::bookings(&platform, &buyer, "").await));
    }
    for (left, bookings) in &mut idle {
        left.until(|_| true).await;
        assert!(bookings.status().await.contains(" 200 "));
    }
    let looks = async || {
        let text = platform.admin_get("/metrics").await.body;
        let numbers = text.lines().filter(|line| line.starts_with("watch_looks_total{"));
        let numbers = numbers.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        numbers.sum::<f64>()
    };
    let mut one = Events::open(&platform, &availability(&busy), &[]).await;
    one.until(|_| true).await;
    let before = looks().await;
    for units in (4..9).rev() {
        book_confirmed(&platform, "alice", &busy, 1).await;
        one.until(left(units)).await;
    }
    let cost = looks().await - before;
    // Five bookings, each seen after at most three changes of the ticket; none for the three hundred.
    assert!((1.0..=20.0).contains(&cost), "{cost} reads");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn openapi_describes_every_public_route() {
    let platform = Platform::start().await;
    let answer = platform.http.get("/openapi.json").send().await.unwrap();
    assert_eq!(answer.status, 200);
    let paths = answer.json["paths"].as_object().unwrap();
    for path in ["/v1/tickets", "/v1/bookings/{booking_id}:cancel", "/v1/mypage/sales:summary"] {
        assert!(paths.contains_key(path), "{path} in {:?}", paths.keys());
    }
    assert!(!answer.json.to_string().contains("HoldStock"), "internal rpcs are not there");
}
