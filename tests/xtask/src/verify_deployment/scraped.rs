//! Whether Prometheus has a target for every pod, and reads it.

use serde_json::Value;

use super::Finding;
use super::asking::{Site, encoded};
use super::checks::Server;
use super::objects::Pod;

const NO_PROMETHEUS: &str = "start `kubectl -n monitoring port-forward service/monitoring-kube-prometheus-prometheus 9090` beside this and \
     call again, or name another address with --prometheus";

/// Prometheus reads every one of these pods.
pub(super) fn check(
    prometheus: &Site,
    server: &Server<'_>,
    pods: &[Pod],
) -> Result<String, Finding> {
    let up = format!(
        "up{{job=\"boxoffice\",namespace=\"{}\",app=\"{}\"}}",
        server.namespace, server.name
    );
    let samples = samples(prometheus, &up)?;
    for pod in pods {
        let of_pod = |sample: &&Value| text(sample, "/metric/pod") == Some(pod.name());
        match samples.iter().find(of_pod).map(|sample| text(sample, "/value/1")) {
            Some(Some("1")) => {}
            None => {
                let what = format!("Prometheus has no target for pod {}: {up}", pod.name());
                let todo = format!(
                    "a new pod is found within half a minute; else look for it at {}/service-discovery, and at the \
                     ServiceMonitor (deploy/monitoring/README.md)",
                    prometheus.url
                );
                return Finding::wrong(what, todo);
            }
            Some(_) => {
                let what = format!("Prometheus cannot read pod {}: its up is 0", pod.name());
                let todo = format!(
                    "{}/targets says why; the network policy `metrics` lets in who is labelled prometheus in namespace \
                     monitoring",
                    prometheus.url
                );
                return Finding::wrong(what, todo);
            }
        }
    }
    Ok(format!("Prometheus reads {} pods", pods.len()))
}

fn samples(prometheus: &Site, query: &str) -> Result<Vec<Value>, Finding> {
    let answer = match prometheus.get(&format!("/api/v1/query?query={}", encoded(query))) {
        Ok(answer) => answer,
        Err(error) => {
            let what = format!("Prometheus does not answer at {}: {error}", prometheus.url);
            return Finding::could_not_ask(what, NO_PROMETHEUS);
        }
    };
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match json.pointer("/data/result").and_then(Value::as_array) {
        Some(samples) if answer.status == 200 => Ok(samples.clone()),
        _ => {
            let what =
                format!("{} answers {}, and not as Prometheus", prometheus.url, answer.status);
            Finding::could_not_ask(what, NO_PROMETHEUS)
        }
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}
