//! One replica: asked whether it serves, for as long as it is watched.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tls_certificates::ClientTls;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
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

/// A replica: where it is, and over TLS who it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replica {
    pub(super) address: SocketAddr,
    /// The name by which it was found.
    pub(super) host: Arc<str>,
}

/// What calls over TLS show and believe, now and at every change; none where they are plain.
pub(super) type Tls = Option<watch::Receiver<ClientTls>>;

/// How a replica is connected to, for its watch and for calls alike.
pub(super) fn endpoint(replica: &Replica, tls: &Tls) -> Result<Endpoint, tonic::transport::Error> {
    let address = replica.address;
    let endpoint = match tls {
        None => Endpoint::from_shared(format!("http://{address}"))?,
        Some(tls) => {
            let tls = tls_config(replica, &tls.borrow());
            Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?
        }
    };
    Ok(endpoint
        .connect_timeout(CONNECT_DEADLINE)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_DEADLINE)
        .keep_alive_while_idle(true)
        .http2_max_local_error_reset_streams(Some(LOCAL_RESETS_MAX)))
}

fn tls_config(replica: &Replica, ClientTls { roots, pair }: &ClientTls) -> ClientTlsConfig {
    let config = ClientTlsConfig::new()
        .domain_name(&*replica.host)
        .ca_certificate(Certificate::from_pem(roots))
        .timeout(CONNECT_DEADLINE);
    match pair {
        Some((cert, key)) => config.identity(Identity::from_pem(cert, key)),
        None => config,
    }
}

/// Tells whether the replica serves, at the beginning and at every change, until it is dropped.
pub(super) async fn watch(replica: Replica, tls: Tls, tell: mpsc::Sender<News>) {
    let address = replica.address;
    let (first, longest) = WATCH_BACK_OFF;
    let mut back_off = first;
    let mut told = false;
    loop {
        let mut heard = false;
        let Err(lost) = follow(&replica, &tls, &tell, &mut heard).await else {
            // Its time was up and it is asked anew; until it answers it is what it was.
            continue;
        };
        if heard {
            tracing::info!(replica = %address, reason = why(&lost), "a replica is lost");
            back_off = first;
        } else if !told {
            tracing::info!(replica = %address, reason = why(&lost), "a replica is not reached yet");
        }
        told = true;
        // An error says that nobody listens any more, and this is about to be dropped.
        let _ = tell.send(News::Serves(address, false)).await;
        tokio::time::sleep(dice::about(back_off)).await;
        back_off = (back_off * 2).min(longest);
    }
}

/// What went wrong, down to its cause: of TLS the outermost words say nothing.
fn why(lost: &Status) -> String {
    let mut text = lost.message().to_owned();
    let mut cause = lost.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Listens to one watch until its time is up. Each is on a connection of its own.
async fn follow(
    replica: &Replica,
    tls: &Tls,
    tell: &mpsc::Sender<News>,
    heard: &mut bool,
) -> Result<(), Status> {
    let until = Instant::now() + dice::about(WATCH_AGE_MAX);
    let mut watch = open(replica, tls).await?;
    let mut patience = FIRST_WORD_DEADLINE;
    loop {
        let status = match timeout(patience, watch.message()).await {
            Ok(said) => said?.ok_or_else(|| Status::unavailable("it ended the watch"))?.status(),
            Err(_) if *heard => return Ok(()),
            Err(_) => return Err(Status::unavailable("it does not answer")),
        };
        *heard = true;
        let serves = status == ServingStatus::Serving;
        let _ = tell.send(News::Serves(replica.address, serves)).await;
        patience = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    }
}

async fn open(replica: &Replica, tls: &Tls) -> Result<Streaming<HealthCheckResponse>, Status> {
    let endpoint = endpoint(replica, tls).map_err(|error| Status::from_error(error.into()))?;
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
