//! Probes ask what is there.

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, items, name};

/// A probe of a port that nobody serves keeps a server away for ever, or restarts it for ever.
pub(super) const PROBES_NAME_PORTS_THAT_EXIST: Rule = Rule {
    says: "O02: every server has its three probes; they ask ports that it has, liveness never for dependencies",
    check,
    broken: &[
        Broken {
            change: |deployment| {
                probe(deployment, "ticket", "readinessProbe")["grpc"]["port"] = json!(50052)
            },
            place: "Deployment/ticket",
        },
        Broken {
            change: |deployment| *probe(deployment, "mypage", "startupProbe") = Value::Null,
            place: "Deployment/mypage",
        },
        Broken {
            change: |deployment| {
                probe(deployment, "booking", "livenessProbe")["grpc"]["service"] =
                    json!("readiness");
            },
            place: "Deployment/booking",
        },
    ],
};

fn probe<'a>(deployment: &'a mut Deployment, server: &str, probe: &str) -> &'a mut Value {
    &mut deployment.get_mut("Deployment", server)["spec"]["template"]["spec"]["containers"][0]
        [probe]
}

const PROBES: [(&str, &str); 3] =
    [("startupProbe", "liveness"), ("livenessProbe", "liveness"), ("readinessProbe", "readiness")];

/// Over TLS of the admin port: a kubelet's probe of gRPC knows no TLS.
fn asks_for(probe: &Value, service: &str, tls: bool) -> bool {
    let page = if service == "liveness" { "/live" } else { "/ready" };
    let get = &probe["httpGet"];
    if tls {
        probe.get("grpc").is_none() && get["path"] == page && get["scheme"] == "HTTPS"
    } else {
        get.is_null() && probe["grpc"]["service"] == service
    }
}

fn check(deployment: &Deployment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for server in deployment.pods().filter(|pods| pods.maker["kind"] == "Deployment") {
        let own = server.maker["metadata"]["labels"]["app.kubernetes.io/part-of"] == "boxoffice";
        for container in server.containers() {
            for (kind, service) in PROBES {
                let probe = &container[kind];
                let asked = [
                    &probe["grpc"]["port"],
                    &probe["tcpSocket"]["port"],
                    &probe["httpGet"]["port"],
                ];
                let asked = asked.into_iter().find(|port| !port.is_null());
                let there = |port: &Value| {
                    items(&container["ports"])
                        .any(|own| own["containerPort"] == *port || own["name"] == *port)
                };
                if asked.is_some_and(|port| !there(port)) {
                    let why = format!("its {kind} asks a port that it does not have");
                    breaches.push(breach(name(server.maker), why));
                }
                if own && !asks_for(probe, service, deployment.speaks_tls()) {
                    let why = format!("its {kind} does not ask for `{service}`");
                    breaches.push(breach(name(server.maker), why));
                }
            }
        }
    }
    breaches
}
