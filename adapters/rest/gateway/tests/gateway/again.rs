//! What is sent again, and what a client hears when nobody is there to send it to.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::{self, StreamExt};
use grpc_client::Peers;
use http::{Method, StatusCode};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::support::{Bench, PROBE};

/// A server that is away for the first call.
fn away_once() -> Bench {
    let back = AtomicBool::new(false);
    Bench::answering(&[PROBE], move |_, request| {
        if back.swap(true, Ordering::Relaxed) {
            Ok(stream::iter([Ok(request.into_inner())]).boxed())
        } else {
            Err(Status::unavailable("the database is away"))
        }
    })
}

#[tokio::test]
async fn a_read_is_repeated_once_where_the_server_was_away_and_nothing_else_is() {
    let bench = away_once();
    assert_eq!(bench.get("/v1/probes/p1").await.status, StatusCode::OK);
    assert_eq!(bench.seen.lock().unwrap().len(), 2);

    let bench = away_once();
    let written = bench.json(Method::POST, "/v1/probes", "{}").await;
    assert_eq!(written.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bench.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_backend_whose_every_replica_is_gone_is_503_with_advice() {
    // Nothing listens there, and the system says so at once.
    let (peers, channel) = Peers::new(&"127.0.0.1:1".parse().unwrap());
    let mut looking = JoinSet::new();
    looking.spawn(peers.run(CancellationToken::new()));
    let bench = Bench::before(&[PROBE], channel);
    for _ in 0..2 {
        let answered = bench.get("/v1/probes/p1").await;
        assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answered.reason(), "UNAVAILABLE");
        assert_eq!(answered.header("retry-after"), "1");
    }
}
