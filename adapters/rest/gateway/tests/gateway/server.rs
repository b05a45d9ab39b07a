//! The HTTP server: no client can exhaust it or keep it from stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http_body_util::BodyExt;
use hyper::client::conn::http2::SendRequest;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rest_gateway::{HttpSettings, Stopping, serve_http};
use tls_certificates::{Acceptor, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, PROBE};

const SOON: Duration = Duration::from_millis(200);
const NEVER: Duration = Duration::from_secs(600);
/// Far less than `NEVER`, and enough for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Running {
    address: SocketAddr,
    draining: CancellationToken,
    stop: CancellationToken,
    server: JoinSet<()>,
}

impl Running {
    async fn start(router: Router, settings: HttpSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (draining, stop) = (CancellationToken::new(), CancellationToken::new());
        let mut server = JoinSet::new();
        let stopping = Stopping { draining: draining.clone(), stop: stop.clone() };
        server.spawn(serve_http(
            listener,
            Acceptor::plain(Protocol::Rest),
            router,
            settings,
            stopping,
        ));
        Self { address, draining, stop, server }
    }

    async fn connect(&self, first_bytes: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(first_bytes).await.unwrap();
        connection
    }

    /// Stops the server and waits until it has ended.
    async fn stop(mut self) {
        self.stop.cancel();
        timeout(PATIENCE, self.server.join_next())
            .await
            .expect("the server stops")
            .unwrap()
            .unwrap();
    }
}

fn settings() -> HttpSettings {
    HttpSettings {
        connections_max: 100,
        head_deadline: NEVER,
        stall_deadline: NEVER,
        drain_deadline: NEVER,
        age: (NEVER, Duration::ZERO),
        answer_deadline: NEVER,
    }
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// All that the server sends until it closes the connection.
async fn read_to_end(connection: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    let _ = timeout(PATIENCE, connection.read_to_end(&mut bytes)).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until the server has sent this much.
async fn read_until(connection: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let mut bytes = [0; 1024];
        let count = timeout(PATIENCE, connection.read(&mut bytes)).await.unwrap().unwrap();
        assert_ne!(count, 0, "{read}");
        read.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    read
}

#[tokio::test]
async fn speaks_http_1_and_http_2_on_one_port() {
    let running = Running::start(hello(), settings()).await;
    for http2 in [false, true] {
        let mut builder = Client::builder(TokioExecutor::new());
        let client = builder.http2_only(http2).build_http::<Body>();
        let uri = format!("http://{}/", running.address).parse().unwrap();
        let answered = client.get(uri).await.unwrap();
        assert_eq!(answered.version() == http::Version::HTTP_2, http2);
    }
    running.stop().await;
}

#[tokio::test]
async fn f3_connections_that_stay_silent_are_closed() {
    let running = Running::start(hello(), HttpSettings { head_deadline: SOON, ..settings() }).await;
    for said in [b"" as &[u8], b"G", b"GET / HTTP/1.1\r\nhost", b"P", &PREFACE[..12], PREFACE] {
        let mut connection = running.connect(said).await;
        read_to_end(&mut connection).await;
    }
    let mut idle = running.connect(REQUEST).await;
    assert!(read_to_end(&mut idle).await.ends_with("hello"));
    running.stop().await;
}

#[tokio::test]
async fn f3_connections_that_stay_silent_do_not_hold_up_the_stop() {
    let running = Running::start(hello(), settings()).await;
    let mut held = Vec::new();
    for said in [b"" as &[u8], b"P", &PREFACE[..12], PREFACE] {
        held.push(running.connect(said).await);
    }
    let mut idle = running.connect(REQUEST).await;
    read_until(&mut idle, "hello").await;
    running.stop().await;
    drop(held);
}

#[tokio::test]
async fn f3_half_a_request_holds_up_the_stop_no_longer_than_the_drain_deadline() {
    let running =
        Running::start(hello(), HttpSettings { drain_deadline: SOON, ..settings() }).await;
    let mut half = running.connect(&[REQUEST, b"GET / HTTP"].concat()).await;
    read_until(&mut half, "hello").await;
    running.stop().await;
    read_to_end(&mut half).await;
}

#[tokio::test]
async fn silent_connections_do_not_exhaust_the_server() {
    let narrow = HttpSettings { connections_max: 2, head_deadline: SOON, ..settings() };
    let running = Running::start(hello(), narrow).await;
    let _silent = (running.connect(b"").await, running.connect(b"GET /").await);
    let mut honest = running.connect(REQUEST).await;
    read_until(&mut honest, "hello").await;
    running.stop().await;
}

/// A handler that says when it has begun and waits until it may end.
fn waiting(begun: &Arc<Semaphore>, end: &Arc<Semaphore>) -> Router {
    let (begun, end) = (Arc::clone(begun), Arc::clone(end));
    let handler = move || async move {
        begun.add_permits(1);
        let _permit = end.acquire().await;
        "done"
    };
    Router::new().route("/", get(handler))
}

#[tokio::test]
async fn requests_that_are_running_end_before_the_server_does() {
    let (begun, end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let mut running = Running::start(waiting(&begun, &end), settings()).await;
    let mut connection = running.connect(REQUEST).await;
    let _begun = begun.acquire().await.unwrap();
    running.stop.cancel();
    // The port is closed while the request still runs.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(running.server.try_join_next().is_none());
    end.add_permits(1);
    let answered = read_to_end(&mut connection).await;
    assert!(answered.contains("connection: close") && answered.ends_with("done"), "{answered}");
    running.stop().await;
}

#[tokio::test]
async fn requests_that_do_not_end_are_cut() {
    let (begun, end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let short = HttpSettings { drain_deadline: SOON, ..settings() };
    let running = Running::start(waiting(&begun, &end), short).await;
    let mut connection = running.connect(REQUEST).await;
    let _begun = begun.acquire().await.unwrap();
    running.stop().await;
    assert_eq!(read_to_end(&mut connection).await, "");
}

#[tokio::test]
async fn a_draining_server_still_serves_and_asks_each_client_to_leave() {
    let running = Running::start(hello(), settings()).await;
    let mut kept = running.connect(REQUEST).await;
    assert!(!read_until(&mut kept, "hello").await.contains("connection: close"));
    let tcp = TcpStream::connect(running.address).await.unwrap();
    let (mut http2, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp))
            .await
            .unwrap();
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    running.draining.cancel();
    // The connection that was idle is served once more and then closed; new ones are served too.
    kept.write_all(REQUEST).await.unwrap();
    for connection in [&mut kept, &mut running.connect(REQUEST).await] {
        let answered = read_to_end(connection).await;
        assert!(
            answered.contains("connection: close") && answered.ends_with("hello"),
            "{answered}"
        );
    }
    let uri = format!("http://{}/", running.address);
    let request = http::Request::get(uri).body(Body::empty()).unwrap();
    assert_eq!(http2.send_request(request).await.unwrap().status(), http::StatusCode::OK);
    timeout(PATIENCE, connections.join_next()).await.expect("it is asked to leave");
    running.stop().await;
}

#[tokio::test]
async fn event_streams_end_when_the_server_stops() {
    let bench = Bench::answering(&[PROBE], |_, request| {
        Ok(stream::iter([Ok(request.into_inner())]).chain(stream::pending()).boxed())
    });
    let running = Running::start(bench.router.clone(), settings()).await;
    let watch = b"GET /v1/probes:watch?name=p HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut connection = running.connect(watch).await;
    read_until(&mut connection, r#"data: {"name":"p""#).await;
    running.stop().await;
    let rest = read_to_end(&mut connection).await;
    assert!(rest.contains("event: error\ndata: {") && rest.contains("\nretry: "), "{rest}");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
}

/// A client of HTTP/2 that takes at most so much of an answer before it asks for more, which it never does of nothing.
async fn http2(running: &Running, window: u32) -> (SendRequest<Body>, JoinSet<hyper::Result<()>>) {
    let tcp = TcpStream::connect(running.address).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (client, connection) = builder.handshake(TokioIo::new(tcp)).await.unwrap();
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    (client, connections)
}

fn ask(running: &Running, path: &str) -> http::Request<Body> {
    http::Request::get(format!("http://{}{path}", running.address)).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn answers_that_nobody_takes_are_given_up_with_their_connection_and_streams_go_on() {
    let more = Arc::new(Semaphore::new(0));
    let told = Arc::clone(&more);
    let lasting = move || async move {
        let second = async move {
            told.acquire().await.unwrap().forget();
            Ok::<_, std::io::Error>(Bytes::from_static(b"second"))
        };
        let first = Ok(Bytes::from_static(b"first"));
        Body::from_stream(stream::iter([first]).chain(stream::once(second)))
    };
    let router = Router::new().route("/", get(lasting)).route("/hello", get(async || "hello"));
    let short = (SOON, Duration::ZERO);
    let aging = HttpSettings { age: short, answer_deadline: SOON, ..settings() };
    let running = Running::start(router, aging).await;
    let (mut watcher, _watching) = http2(&running, 65_535).await;
    let mut watched = watcher.send_request(ask(&running, "/")).await.unwrap().into_body();
    assert_eq!(watched.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
    // It began later than the watcher, and is cut: by then the watcher would be, too.
    let (mut stuck, mut stuck_connection) = http2(&running, 0).await;
    let untaken = stuck.send_request(ask(&running, "/hello")).await.unwrap();
    let untaken = (untaken, stuck.send_request(ask(&running, "/")).await.unwrap());
    let cut = timeout(PATIENCE, stuck_connection.join_next()).await.expect("it is cut");
    assert!(cut.is_some());
    drop(untaken);
    assert!(watcher.send_request(ask(&running, "/hello")).await.is_err(), "it is asked to leave");
    more.add_permits(1);
    assert_eq!(watched.frame().await.unwrap().unwrap().into_data().unwrap(), "second");
    running.stop().await;
}

#[tokio::test]
async fn what_is_no_request_of_http_1_1_is_refused_in_words() {
    let bench = Bench::echoing(&[PROBE]);
    let running = Running::start(bench.router.clone(), settings()).await;
    let json = "content-type: application/json\r\nconnection: close\r\n";
    for (head, field) in [
        ("", "host"),
        ("host: a\r\nhost: b\r\n", "host"),
        ("host: a\r\ntransfer-encoding: gzip, chunked\r\n", "transfer-encoding"),
        (
            "host: a\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding",
        ),
    ] {
        let body = if head.contains("chunked") { "2\r\n{}\r\n0\r\n\r\n" } else { "" };
        let request = format!("POST /v1/probes HTTP/1.1\r\n{json}{head}\r\n{body}");
        let mut connection = running.connect(request.as_bytes()).await;
        let answered = read_to_end(&mut connection).await;
        assert!(answered.starts_with("HTTP/1.1 400"), "{head}: {answered}");
        assert!(answered.contains(&format!(r#""field":"{field}""#)), "{head}: {answered}");
    }
    for head in ["POST /v1/probes HTTP/1.0\r\n", "POST /v1/probes HTTP/1.1\r\nhost: a\r\n"] {
        let mut connection = running.connect(format!("{head}{json}\r\n").as_bytes()).await;
        let answered = read_to_end(&mut connection).await;
        assert!(answered.contains(" 200 OK\r\n"), "{head}: {answered}");
    }
    running.stop().await;
}

#[tokio::test]
async fn who_has_said_all_and_closes_that_side_still_gets_the_answer() {
    let (begun, end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let router = waiting(&begun, &end).route("/hello", get(async || "hello"));
    let running = Running::start(router, settings()).await;
    let mut connection = running.connect(REQUEST).await;
    let _begun = begun.acquire().await.unwrap();
    connection.shutdown().await.unwrap();
    // By now the server has heard of it.
    let mut other = running.connect(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut other, "hello").await;
    end.add_permits(1);
    let answered = read_to_end(&mut connection).await;
    assert!(answered.ends_with("done"), "{answered}");
    running.stop().await;
}

#[tokio::test]
async fn an_answer_without_an_end_ends_with_its_client() {
    let ended = Arc::new(Semaphore::new(0));
    let ending = Arc::clone(&ended);
    let lasting = move || async move {
        let guard = Ending(ending);
        let first = Ok::<_, std::io::Error>(Bytes::from_static(b"first"));
        Body::from_stream(stream::iter([first]).chain(stream::pending()).map(move |piece| {
            let _ = &guard;
            piece
        }))
    };
    let router = Router::new().route("/", get(lasting)).route("/hello", get(async || "hello"));
    let running = Running::start(router, settings()).await;
    let mut connection = running.connect(REQUEST).await;
    read_until(&mut connection, "first").await;
    drop(connection);
    let _ended = timeout(PATIENCE, ended.acquire()).await.expect("the answer is given up").unwrap();
    running.stop().await;
}

#[tokio::test]
async fn what_comes_during_an_answer_is_the_next_request() {
    let brief = || async {
        Body::from_stream(stream::iter(["first", "second"].map(Ok::<_, std::io::Error>)).then(
            |piece| async {
                tokio::task::yield_now().await;
                piece
            },
        ))
    };
    let router = Router::new().route("/", get(brief)).route("/hello", get(async || "hello"));
    let running = Running::start(router, settings()).await;
    let mut connection = running.connect(REQUEST).await;
    connection.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let answered = read_until(&mut connection, "hello").await;
    assert!(answered.contains("second"), "{answered}");
    running.stop().await;
}

#[tokio::test]
async fn clients_that_do_not_read_are_cut() {
    let ended = Arc::new(Semaphore::new(0));
    let ending = Arc::clone(&ended);
    let endless = move || async move {
        let guard = Ending(ending);
        let piece = Bytes::from_static(&[0; 64 * 1024]);
        Body::from_stream(stream::repeat(piece).map(move |piece| {
            let _ = &guard;
            Ok::<_, std::io::Error>(piece)
        }))
    };
    let router = Router::new().route("/", get(endless));
    let running = Running::start(router, HttpSettings { stall_deadline: SOON, ..settings() }).await;
    let _unread = running.connect(REQUEST).await;
    let _ended = timeout(PATIENCE, ended.acquire()).await.expect("the answer is given up").unwrap();
    running.stop().await;
}

struct Ending(Arc<Semaphore>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}
