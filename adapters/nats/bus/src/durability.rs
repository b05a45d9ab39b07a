//! Whether the server has a message on its disk when it says that it has it.
//!
//! By default it writes every two minutes only: a power failure takes what was confirmed since. The
//! connection itself does not tell; the server's monitoring does.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// When the server writes to its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before it confirms: `sync_interval: always`.
    BeforeConfirming,
    /// Some time after: what it confirmed may be lost with its machine.
    Later,
}

/// Asks the server's monitoring at an address like `http://nats:8222`.
///
/// # Errors
/// Why it could not be asked.
pub async fn durability(monitor_url: &str) -> Result<Durability, String> {
    let uri = format!("{}/jsz?config=true", monitor_url.trim_end_matches('/'));
    let uri = uri.parse::<http::Uri>().map_err(|error| error.to_string())?;
    let answer = timeout(ANSWER_WITHIN, get(uri)).await;
    let answer = answer.map_err(|_| format!("no answer in {ANSWER_WITHIN:?}"))??;
    let answer: serde_json::Value =
        serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
    let config = answer.get("config").ok_or("the answer has no configuration of JetStream")?;
    // Left out when it is not set.
    let always = config.get("sync_always").and_then(serde_json::Value::as_bool);
    Ok(if always == Some(true) { Durability::BeforeConfirming } else { Durability::Later })
}

async fn get(uri: http::Uri) -> Result<Bytes, String> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let response = client.get(uri).await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(response.status().to_string());
    }
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    Ok(body.map_err(|error| error.to_string())?.to_bytes())
}

/// Asks and tells the log.
pub(crate) async fn check(monitor_url: Option<&str>) {
    let Some(monitor_url) = monitor_url else {
        tracing::info!(
            "whether NATS writes before it confirms was not checked: no monitoring address is given"
        );
        return;
    };
    match durability(monitor_url).await {
        Ok(Durability::BeforeConfirming) => tracing::info!("NATS writes before it confirms"),
        Ok(Durability::Later) => tracing::warn!(
            "NATS confirms messages before they are on its disk: a power failure loses them until \
             they are replayed; set `jetstream {{ sync_interval: always }}` in its configuration"
        ),
        Err(error) => tracing::warn!(error, "whether NATS writes before it confirms is not known"),
    }
}
