//! What a server says of itself over `grpc.health.v1`, asked as anybody would ask it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Platform, eventually_within, tool};
use tokio::process::Command;

/// Each context with its services.
pub(crate) const SERVICES: [(&str, &str); 5] = [
    ("ticket", "boxoffice.ticket.v1.TicketService"),
    ("booking", "boxoffice.booking.v1.BookingService"),
    ("payment", "boxoffice.payment.v1.PaymentService"),
    ("notification", "boxoffice.notification.v1.NotificationService"),
    ("mypage", "boxoffice.mypage.v1.MyPageService"),
];
/// A probe's own time.
pub(crate) const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// What `service` is at a context's first replica: `SERVING`, or what was answered instead.
pub(crate) async fn health(platform: &Platform, context: &str, service: &str) -> String {
    let address: SocketAddr = platform.grpc_addr(context).parse().expect("an address");
    let mut grpcurl = Command::new(tool("grpcurl"));
    grpcurl.args(["-plaintext", "-connect-timeout", "2", "-max-time", "2"]);
    grpcurl.args(["-d", &json!({ "service": service }).to_string(), &address.to_string()]);
    grpcurl.arg("grpc.health.v1.Health/Check").stdin(Stdio::null()).kill_on_drop(true);
    let output = grpcurl.output().await.expect("grpcurl runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let status = serde_json::from_str::<Value>(&said).ok();
    let status = status.and_then(|said| Some(said.get("status")?.as_str()?.to_owned()));
    status.unwrap_or_else(|| format!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Waits until a context's own service, the whole server and its readiness are all this; gives how long it took.
pub(crate) async fn all_become(
    platform: &Platform,
    context: &str,
    wanted: &str,
    within: Duration,
) -> Duration {
    let started = Instant::now();
    let service = SERVICES.iter().find(|(name, _)| *name == context).map_or("", |(_, full)| full);
    for name in [service, "", "readiness"] {
        let left = within.saturating_sub(started.elapsed());
        let what = format!("{context}: `{name}` is {wanted}");
        eventually_within(left, &what, || async {
            let is = health(platform, context, name).await;
            if is == wanted { Ok(()) } else { Err(is) }
        })
        .await;
    }
    started.elapsed()
}
