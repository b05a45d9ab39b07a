//! What servers say of themselves over `grpc.health.v1`.

use std::time::{Duration, Instant};

use testkit::{Platform, eventually_within};
use tokio::time::timeout;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Each context with its service.
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
    let address = format!("http://{}", platform.grpc_addr(context));
    let channel = Endpoint::from_shared(address).expect("an address").connect_lazy();
    let asked = HealthCheckRequest { service: service.to_owned() };
    match timeout(ANSWERED_WITHIN, HealthClient::new(channel).check(asked)).await {
        Ok(Ok(answer)) => answer.get_ref().status().as_str_name().to_owned(),
        Ok(Err(status)) => status.to_string(),
        Err(_) => "no answer".to_owned(),
    }
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
