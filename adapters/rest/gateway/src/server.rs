//! Serves a router over TCP so that no client, silent, slow or stuck, can exhaust or hold up the
//! server (reliability.md F3, F5 and section 3).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::AddExtension;
use axum::middleware::from_fn;
use axum::{Extension, Router};
use grpc_client::dice;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tls_certificates::Acceptor;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::Layer;

use crate::connection::Connection;
use crate::lasting::Streams;
use crate::leave::Leave;
use crate::limits::{
    ACCEPT_BACK_OFF, ANSWER_DEADLINE, CONNECTION_AGE, CONNECTIONS_MAX, DRAIN_DEADLINE,
    HEAD_BYTES_MAX, HEAD_DEADLINE, HEADER_LIST_BYTES_MAX, KEEPALIVE_DEADLINE, KEEPALIVE_INTERVAL,
    STALL_DEADLINE, STREAMS_MAX,
};
use crate::sound;
use crate::stream::StreamsEnd;

/// What a server grants its clients.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// The most open connections; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// How long a client may take for the head of a request, the first or the next.
    pub head_deadline: Duration,
    /// How long a client may refuse to read its answer.
    pub stall_deadline: Duration,
    /// How long open requests may take to end once the server stops.
    pub drain_deadline: Duration,
    /// How old a connection of HTTP/2 gets before its client is asked to reconnect: at least, and over how long that is
    /// spread.
    pub age: (Duration, Duration),
    /// How long a client that was asked to leave may take for the answers that it has not taken, streams aside.
    pub answer_deadline: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            head_deadline: HEAD_DEADLINE,
            stall_deadline: STALL_DEADLINE,
            drain_deadline: DRAIN_DEADLINE,
            age: CONNECTION_AGE,
            answer_deadline: ANSWER_DEADLINE,
        }
    }
}

/// Who is at the other end of a request's connection: the client, or a proxy before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// How a server is told to end.
#[derive(Debug, Clone)]
pub struct Stopping {
    /// Cancelled when the server is to lose its clients: everything is served, and each client is
    /// asked with its next answer to go elsewhere.
    pub draining: CancellationToken,
    /// Cancelled when the server is to end.
    pub stop: CancellationToken,
}

/// Serves HTTP/1.1 and HTTP/2, with TLS where the acceptor has it, until `stop` is cancelled; then closes the port, ends
/// event streams, lets open requests end within the drain deadline, and cuts what remains.
pub async fn serve_http(
    listener: TcpListener,
    acceptor: Acceptor,
    router: Router,
    settings: HttpSettings,
    Stopping { draining, stop }: Stopping,
) {
    let router = router.layer(from_fn(sound::check)).layer(Extension(StreamsEnd(stop.clone())));
    let slots = Arc::new(Semaphore::new(settings.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept((&listener, &acceptor), &slots, settings, &stop) => accepted,
        };
        if let Some((connection, peer)) = accepted {
            let stopping = Stopping { draining: draining.clone(), stop: stop.clone() };
            let router = Extension(peer).layer(router.clone());
            connections.spawn(serve(connection, router, settings, stopping));
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(settings.drain_deadline, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections remained and were cut");
        connections.shutdown().await;
    }
}

/// The next connection, or none after a pause when there cannot be one now.
async fn accept(
    (listener, acceptor): (&TcpListener, &Acceptor),
    slots: &Arc<Semaphore>,
    settings: HttpSettings,
    stop: &CancellationToken,
) -> Option<(Connection, Peer)> {
    // The semaphore is never closed.
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((tcp, address)) => {
            let stream = acceptor.accept(tcp);
            let HttpSettings { head_deadline, stall_deadline, .. } = settings;
            let connection =
                Connection::new(stream, head_deadline, stall_deadline, stop.clone(), slot);
            Some((connection, Peer(address.ip())))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be accepted");
            sleep(ACCEPT_BACK_OFF).await;
            None
        }
    }
}

async fn serve(
    connection: Connection,
    router: AddExtension<Router, Peer>,
    settings: HttpSettings,
    Stopping { draining, stop }: Stopping,
) {
    let builder = builder(settings);
    let leave = stop.child_token();
    let (http2, streams) = (CancellationToken::new(), Streams::default());
    let asked = Leave {
        draining,
        leave: leave.clone(),
        http2: http2.clone(),
        streams: streams.clone(),
        lasting: connection.lasting(),
    };
    // Around the router and not in it: a router that is given a layer is built anew, some KiB for each connection.
    let service = TowerToHyperService::new(asked.layer(router));
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(connection), service));
    let aged = async {
        // Over HTTP/1 each answer is taken before the next is made, and a stuck client is cut.
        http2.cancelled().await;
        let (least, spread) = settings.age;
        sleep(least + dice::up_to(spread)).await;
    };
    let asked_to_leave = async {
        tokio::select! {
            () = leave.cancelled() => {}
            () = aged => {}
        }
    };
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = asked_to_leave => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = serving.as_mut() => ended,
                () = streams.nothing_taken(settings.answer_deadline) => {
                    tracing::debug!("a client has not taken its answers and was cut");
                    return;
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection broke");
    }
}

fn builder(settings: HttpSettings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head_deadline)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_DEADLINE)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX);
    builder
}
