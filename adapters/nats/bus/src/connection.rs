//! One connection for as long as the process lives, however often the server goes and comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use percent_encoding::percent_decode_str;
use tokio::sync::watch;

use crate::{InvalidNatsUrl, NatsSettings};

/// A server that says nothing for two of them is given up.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
pub(crate) const REQUEST_WITHIN: Duration = Duration::from_secs(5);
const RECONNECT_PAUSE_FIRST: Duration = Duration::from_millis(50);
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Commands that wait for the connection.
const COMMANDS_MAX: usize = 1024;

/// Begins to connect; `linked` says when there is a connection. The address may list several servers
/// with commas between them.
pub(crate) async fn open(
    url: &str,
    settings: &NatsSettings,
    linked: watch::Sender<bool>,
) -> Result<Client, InvalidNatsUrl> {
    let servers = url.split(',').map(|server| server.trim().parse::<ServerAddr>());
    let servers = servers.collect::<Result<Vec<_>, _>>().ok();
    let servers = servers.filter(|servers| servers.iter().all(is_usable)).ok_or_else(|| {
        InvalidNatsUrl("must be like nats://host:4222, several with commas between them".to_owned())
    })?;
    let (servers, secret) = without_secrets(servers);
    let refused = AtomicBool::new(false);
    let options = authorized(secret)
        .name(&settings.name)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(CONNECT_WITHIN)
        .ping_interval(PING_INTERVAL)
        .request_timeout(Some(REQUEST_WITHIN))
        .client_capacity(COMMANDS_MAX)
        .reconnect_delay_callback(reconnect_pause)
        .event_callback(move |event| {
            note(&event, &linked, &refused);
            std::future::ready(())
        });
    let client = options.connect(servers).await;
    // Its own words may hold the address.
    client.map_err(|_| InvalidNatsUrl("cannot be used to connect to NATS".to_owned()))
}

/// What a server is shown; the same for all of a cluster.
#[derive(Debug, PartialEq, Eq)]
enum Secret {
    Password { user: String, password: String },
    Token(String),
}

/// The addresses alone, which the client tells of in its log, and what stood before the first `@` in them, which the
/// client does not look for there.
fn without_secrets(servers: Vec<ServerAddr>) -> (Vec<ServerAddr>, Option<Secret>) {
    let mut found = None;
    let mut bare = |server: ServerAddr| {
        let mut url = server.into_inner();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let secret = match (url.username(), url.password()) {
            ("", None) => None,
            (token, None) => Some(Secret::Token(decoded(token))),
            (user, Some(password)) => {
                Some(Secret::Password { user: decoded(user), password: decoded(password) })
            }
        };
        found = found.take().or(secret);
        // Only an address without a host refuses them, and such are refused before.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        ServerAddr::from_url(url).ok()
    };
    let servers = servers.into_iter().filter_map(&mut bare).collect();
    (servers, found)
}

fn authorized(secret: Option<Secret>) -> ConnectOptions {
    match secret {
        None => ConnectOptions::new(),
        Some(Secret::Token(token)) => ConnectOptions::with_token(token),
        Some(Secret::Password { user, password }) => {
            ConnectOptions::with_user_and_password(user, password)
        }
    }
}

fn is_usable(server: &ServerAddr) -> bool {
    let url = server.clone().into_inner();
    ["nats", "tls"].contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty())
}

fn reconnect_pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).saturating_sub(1);
    let full = RECONNECT_PAUSE_FIRST.saturating_mul(2_u32.saturating_pow(doublings));
    full.min(RECONNECT_PAUSE_MAX).mul_f64(rand::random_range(0.5..=1.0))
}

/// `refused` says that a failed attempt was told of since the last connection.
fn note(event: &Event, linked: &watch::Sender<bool>, refused: &AtomicBool) {
    match event {
        Event::Connected => {
            refused.store(false, Ordering::Relaxed);
            tracing::info!("connected to NATS");
            linked.send_replace(true);
        }
        Event::Disconnected => {
            tracing::warn!("the connection to NATS is lost; it is looked for again");
            linked.send_replace(false);
        }
        Event::Closed => {
            linked.send_replace(false);
        }
        Event::LameDuckMode | Event::Draining => tracing::info!(%event, "NATS"),
        // Every attempt to connect that fails is one: a wrong password as well as a server that is away.
        Event::ClientError(error) if !refused.swap(true, Ordering::Relaxed) => {
            tracing::warn!(%error, "NATS cannot be connected to; it is tried again and again");
        }
        Event::ClientError(_) => tracing::debug!(%event, "NATS"),
        Event::SlowConsumer(_) | Event::ServerError(_) => tracing::warn!(%event, "NATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_no_secret() {
        let password = |user: &str, password: &str| {
            Some(Secret::Password { user: user.to_owned(), password: password.to_owned() })
        };
        for (address, bare, secret) in [
            ("nats://a:4222", "nats://a:4222", None),
            ("nats://box:p%40ss@a:4222", "nats://a:4222", password("box", "p@ss")),
            ("tls://t0ken@a", "tls://a", Some(Secret::Token("t0ken".to_owned()))),
        ] {
            let (servers, found) = without_secrets(vec![address.parse().unwrap()]);
            let shown: Vec<_> = servers.iter().map(ServerAddr::as_url_str).collect();
            assert_eq!((shown, found), (vec![bare], secret), "{address}");
        }
    }
}
