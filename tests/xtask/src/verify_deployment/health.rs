//! What the pods themselves say of their health: to the kubelet's probes, and to us through the API server.

use serde_json::Value;

use super::Finding;
use super::asking::refusal;
use super::checks::{ADMIN, Server};
use super::objects::Pod;

const PAGES: [&str; 2] = ["/live", "/ready"];
/// What the API server says of a pod that it reaches, where nobody listens.
const NOBODY_THERE: &str = "connection refused";
/// How much of a page is shown: it names the dependency that is away.
const SHOWN_CHARS: usize = 300;

/// Whether somebody could be asked.
enum Answered {
    Well,
    /// The API server does not reach the pod.
    OutOfReach,
}

/// Every pod is ready, and says so itself. Where network policies keep the API server out of the pods, its node's
/// probes have to do.
pub(super) fn check(server: &Server<'_>, pods: &[Pod]) -> Result<String, Finding> {
    for pod in pods {
        by_its_node(server, pod)?;
    }
    for pod in pods {
        for page in PAGES {
            if matches!(by_itself(server, pod, page)?, Answered::OutOfReach) {
                return Ok(format!(
                    "its nodes' probes find all {} pods ready; the API server does not reach port {} of {}, as \
                     network policies may want it",
                    pods.len(),
                    ADMIN.1,
                    pod.name()
                ));
            }
        }
    }
    Ok(format!("{} pods say that they are live and ready", pods.len()))
}

fn by_its_node(server: &Server<'_>, pod: &Pod) -> Result<(), Finding> {
    let ready = pod.status.conditions.iter().find(|condition| condition.kind == "Ready");
    if ready.is_some_and(|condition| condition.status == "True") {
        return Ok(());
    }
    let why = ready.map(|condition| condition.message.as_str()).unwrap_or_default();
    let what = format!("pod {} is not ready: {why}", pod.name());
    Finding::wrong(what, look_into(server, pod))
}

fn by_itself(server: &Server<'_>, pod: &Pod, page: &str) -> Result<Answered, Finding> {
    let answer = match server.api.get(&server.in_pod(pod, page)) {
        Ok(answer) => answer,
        // It tries longer than we wait: a policy that drops what it does not let in.
        Err(_) => return Ok(Answered::OutOfReach),
    };
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let port = ADMIN.1;
    match (answer.status, refusal(&json)) {
        (200, None) => Ok(Answered::Well),
        (_, Some(said)) if said.contains(NOBODY_THERE) => {
            let what = format!("nobody listens on port {port} of pod {}", pod.name());
            Finding::wrong(what, look_into(server, pod))
        }
        (_, Some(_)) => Ok(Answered::OutOfReach),
        (status, None) => {
            let said: String = answer.body.chars().take(SHOWN_CHARS).collect();
            let what = format!("pod {} answers {page} with {status}: {said}", pod.name());
            Finding::wrong(what, look_into(server, pod))
        }
    }
}

fn look_into(server: &Server<'_>, pod: &Pod) -> String {
    let logs = server.kubectl(&format!("logs {} --tail=50", pod.name()));
    format!("{logs}; then deploy/runbooks/NotReady.md")
}
