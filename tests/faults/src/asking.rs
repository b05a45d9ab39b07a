//! One call that changes something, sent with its key until it is answered well.

use std::time::Duration;

use boxoffice::http::{HttpAnswer, HttpClient};
use serde_json::Value;
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(50);

/// Posts until it is done, or made, for as long as the caller waits for it.
pub async fn until_answered(
    http: &HttpClient,
    token: &str,
    path: &str,
    key: &str,
    body: Value,
) -> HttpAnswer {
    loop {
        let call = http.post(path).token(token).key(key).json(body.clone());
        match call.send().await {
            Ok(answer) if answer.status.is_success() => return answer,
            Ok(_) | Err(_) => sleep(PAUSE).await,
        }
    }
}
