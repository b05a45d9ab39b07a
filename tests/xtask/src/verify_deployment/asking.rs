//! Asking the cluster's API and Prometheus, over plain HTTP: credentials are `kubectl`'s to keep.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use servers::plain_get::{self, Answer};

use super::Finding;

/// Longer than the API takes to answer; how long it tries to reach a pod is another matter.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const HTTP_PORT: u16 = 80;
const NO_API: &str =
    "start `kubectl proxy` beside this and call again, or name another address with --api";
const NO_RIGHT: &str =
    "start `kubectl proxy` as somebody who may read deployments, services, endpointslices and pods";

/// A server by its base URL.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) url: String,
    authority: String,
    prefix: String,
}

impl Site {
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let url = url.trim_end_matches('/');
        let rest = url.strip_prefix("http://").filter(|rest| !rest.is_empty());
        let rest = rest.ok_or(
            "must be an http:// address on this machine, as kubectl proxy and port-forward give",
        )?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { host.to_owned() } else { format!("{host}:{HTTP_PORT}") };
        Ok(Self { url: url.to_owned(), authority, prefix })
    }

    /// What is answered, or why nothing is.
    pub(crate) fn get(&self, path: &str) -> std::io::Result<Answer> {
        plain_get::get(&self.authority, &format!("{}{path}", self.prefix), ANSWERS_WITHIN)
    }

    /// An object of the cluster of this kind; none when there is none of that name.
    pub(crate) fn object<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: &str,
    ) -> Result<Option<T>, Finding> {
        let answer = match self.get(path) {
            Ok(answer) => answer,
            Err(error) => {
                let what = format!("the cluster's API does not answer at {}: {error}", self.url);
                return Finding::could_not_ask(what, NO_API);
            }
        };
        let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let refusal = refusal(&json);
        match (answer.status, refusal) {
            (404, Some(_)) => Ok(None),
            (401 | 403, _) => {
                Finding::could_not_ask(format!("{path}: {}", refusal.unwrap_or_default()), NO_RIGHT)
            }
            (200, None) if json.get("kind").and_then(Value::as_str) == Some(kind) => {
                serde_json::from_value(json).map(Some).or_else(|error| {
                    Finding::could_not_ask(format!("{path} is not as expected: {error}"), NO_API)
                })
            }
            (status, _) => {
                let what = format!("{}{path} answers {status}, and no {kind}", self.url);
                Finding::could_not_ask(what, NO_API)
            }
        }
    }
}

/// What the API server itself says when it refuses; none when the answer is somebody else's.
pub(crate) fn refusal(answer: &Value) -> Option<&str> {
    let is_status = answer.get("kind").and_then(Value::as_str) == Some("Status");
    is_status.then(|| answer.get("message").and_then(Value::as_str).unwrap_or_default())
}

/// As a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_path_and_need_have_no_port() {
        let parts = |url| Site::parse(url).map(|site| (site.authority, site.prefix));
        let is = |host: &str, path: &str| Ok((host.to_owned(), path.to_owned()));
        assert_eq!(parts("http://127.0.0.1:8001/"), is("127.0.0.1:8001", ""));
        assert_eq!(parts("http://[::1]:8001/a/b/"), is("[::1]:8001", "/a/b"));
        assert_eq!(parts("http://prometheus"), is("prometheus:80", ""));
        assert!(parts("https://10.0.0.1:6443").is_err_and(|why| why.contains("kubectl proxy")));
    }

    #[test]
    fn a_query_is_encoded() {
        assert_eq!(encoded("up{a=\"b\"}"), "up%7Ba%3D%22b%22%7D");
    }
}
