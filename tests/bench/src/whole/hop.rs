//! One hop through all that our servers put around a call (limits, tokens, deadline, traces, metrics), against tonic
//! alone: the server's processor time.

use proto::boxoffice::notification::v1::ListNotificationsRequest;
use proto::boxoffice::notification::v1::notification_service_client::NotificationServiceClient;
use tokio::time::sleep_until;
use tonic::Request;

use super::answered::Window;
use super::booking::WARM_UP;
use super::callers::calls;
use super::stage::{bearer, connected};
use crate::figures::HOP;
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::processor::Watch;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;
use crate::stand_in::{StandIn, Standing};

const CALLERS: u16 = 64;
const CONNECTIONS: usize = 4;
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(5);

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let callers = plan.callers.unwrap_or(CALLERS);
    let measured = async |kind: &StandIn| measure(*kind, callers, plan).await;
    let sides = [("bare tonic", &StandIn::Bare), ("our shell", &StandIn::Full)];
    let comparison = Comparison {
        name: "one hop".to_owned(),
        callers,
        baseline: "bare tonic",
        ours: "our shell",
        pairs: alternated(plan.rounds(), sides, measured).await,
    };
    let cpu = |measured: &Measurement| measured.cpu_ms_each.get("server").copied();
    let claims = vec![comparison.claim(HOP, |measured| cpu(measured).unwrap_or(f64::NAN))];
    Found { comparisons: vec![comparison], claims, ..Found::default() }
}

/// Calls a stand-in.
pub(crate) async fn measure(kind: StandIn, callers: u16, plan: &Plan) -> Measurement {
    let server = Standing::start(kind).await;
    let token = bearer(&server.token().await);
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(connected(&server.address.to_string()).await);
    }
    let window = Window::after(WARM_UP, plan.time());
    let calling = calls(callers, window, move |turn| {
        let channel = channels.get(turn % CONNECTIONS).cloned();
        let mut request = Request::new(ListNotificationsRequest::default());
        request.metadata_mut().insert("authorization", token.clone());
        request.set_timeout(DEADLINE);
        async move {
            let Some(channel) = channel else { return false };
            NotificationServiceClient::new(channel).list_notifications(request).await.is_ok()
        }
    });
    let watching = async {
        sleep_until(window.from).await;
        let watch = Watch::begin(server.process());
        sleep_until(window.until).await;
        watch.end()
    };
    let ((waits, failed), used) = tokio::join!(calling, watching);
    Measurement::of(waits, failed, window.time(), &used)
}
