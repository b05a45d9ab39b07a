//! TLS between the servers: at all of them or at none.

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, items, name};

/// A server that speaks TLS does not hear who speaks plainly, and nobody who does is heard by one that is plain.
pub(super) const CALLS_ARE_AS_PORTS_ARE: Rule = Rule {
    says: "servers are called over TLS where their ports speak it, by a name of their certificate, and plainly elsewhere",
    check,
    broken: &[Broken {
        change: |deployment| {
            let settings = deployment.get_mut("ConfigMap", "gateway-settings");
            settings["data"]["TICKET_ENDPOINT"] = json!("https://ticket-headless:50051");
        },
        place: "ConfigMap/gateway-settings",
    }],
};

fn check(deployment: &Deployment) -> Vec<Breach> {
    let tls = deployment.speaks_tls();
    let mut breaches = Vec::new();
    for map in deployment.of("ConfigMap") {
        let endpoints = map["data"].as_object().into_iter().flatten();
        let endpoints = endpoints.filter(|(variable, _)| is_of_ours(variable));
        for url in endpoints.filter_map(|(_, url)| url.as_str()) {
            if url.starts_with("https://") != tls {
                breaches.push(breach(name(map), format!("somebody is called at {url}")));
            }
            let host = url.split_once("://").map_or(url, |(_, rest)| rest);
            let host = host.split(':').next().unwrap_or_default();
            for certificate in of_servers(deployment).filter(|_| tls) {
                if !items(&certificate["spec"]["dnsNames"]).any(|name| name == host) {
                    breaches.push(breach(name(certificate), format!("names no {host}")));
                }
            }
        }
    }
    breaches
}

/// The address of one of our servers, as another one is told.
fn is_of_ours(variable: &str) -> bool {
    variable.ends_with("_ENDPOINT") && !variable.starts_with("OTEL_")
}

fn of_servers(deployment: &Deployment) -> impl Iterator<Item = &Value> {
    let certificates = deployment.of("Certificate");
    certificates.filter(|certificate| certificate["spec"]["secretName"] == "boxoffice-tls")
}
