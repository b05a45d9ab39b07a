//! One replica: asked whether it serves, for as long as it is watched.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tonic::transport::Endpoint;
use tonic::{Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::News;
use crate::dice;
use crate::limits::{
    CONNECT_DEADLINE, CONNECTION_WINDOW_BYTES, FIRST_WORD_DEADLINE, KEEPALIVE_DEADLINE,
    KEEPALIVE_INTERVAL, LOCAL_RESETS_MAX, STREAM_WINDOW_BYTES, WATCH_AGE_MAX, WATCH_BACK_OFF,
};

/// What every server of the house calls its fitness for calls in the health protocol.
const READINESS: &str = "readiness";

/// How a replica is connected to, for its watch and for calls alike.
pub(super) fn endpoint(address: SocketAddr) -> Result<Endpoint, tonic::transport::Error> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(CONNECT_DEADLINE)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_DEADLINE)
        .keep_alive_while_idle(true)
        .http2_max_local_error_reset_streams(Some(LOCAL_RESETS_MAX)))
}

/// Tells whether the replica serves, at the beginning and at every change, until it is dropped.
pub(super) async fn watch(address: SocketAddr, tell: mpsc::Sender<News>) {
    let (first, longest) = WATCH_BACK_OFF;
    let mut back_off = first;
    loop {
        let mut heard = false;
        let Err(lost) = follow(address, &tell, &mut heard).await else {
            // Its time was up and it is asked anew; until it answers it is what it was.
            continue;
        };
        if heard {
            tracing::info!(replica = %address, reason = lost.message(), "a replica is lost");
            back_off = first;
        }
        // An error says that nobody listens any more, and this is about to be dropped.
        let _ = tell.send(News::Serves(address, false)).await;
        tokio::time::sleep(dice::about(back_off)).await;
        back_off = (back_off * 2).min(longest);
    }
}

/// Listens to one watch until its time is up. Each is on a connection of its own.
async fn follow(
    address: SocketAddr,
    tell: &mpsc::Sender<News>,
    heard: &mut bool,
) -> Result<(), Status> {
    let until = Instant::now() + dice::about(WATCH_AGE_MAX);
    let mut watch = open(address).await?;
    let mut patience = FIRST_WORD_DEADLINE;
    loop {
        let status = match timeout(patience, watch.message()).await {
            Ok(said) => said?.ok_or_else(|| Status::unavailable("it ended the watch"))?.status(),
            Err(_) if *heard => return Ok(()),
            Err(_) => return Err(Status::unavailable("it does not answer")),
        };
        *heard = true;
        let serves = status == ServingStatus::Serving;
        let _ = tell.send(News::Serves(address, serves)).await;
        patience = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    }
}

async fn open(address: SocketAddr) -> Result<Streaming<HealthCheckResponse>, Status> {
    let endpoint = endpoint(address).map_err(|error| Status::from_error(error.into()))?;
    let opened = async {
        let channel = endpoint.connect().await.map_err(|e| Status::from_error(e.into()))?;
        let asked = HealthCheckRequest { service: READINESS.to_owned() };
        HealthClient::new(channel).watch(asked).await
    };
    match timeout(CONNECT_DEADLINE + FIRST_WORD_DEADLINE, opened).await {
        Ok(opened) => Ok(opened?.into_inner()),
        Err(_) => Err(Status::unavailable("it does not answer")),
    }
}
