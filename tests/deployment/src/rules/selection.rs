//! Every server can be found.

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, Pods, items, name};

/// The name of the port that takes calls of other servers.
const CALLS: &str = "grpc";

/// A server that no Service selects is one that nobody ever sees; a port that it leaves out is the one that is needed.
pub(super) const EVERY_SERVER_HAS_ITS_SERVICES: Rule = Rule {
    says: "P04: every Deployment has a Service that selects it alone with all its ports; who is called, a headless one too",
    check,
    broken: &[
        Broken {
            change: |deployment| {
                deployment.objects.retain(|one| name(one) != "Service/ticket");
            },
            place: "Deployment/ticket",
        },
        Broken {
            change: |deployment| {
                let labels = json!({ "app.kubernetes.io/name": "boxoffice-bookings" });
                deployment.get_mut("Service", "booking-headless")["spec"]["selector"] = labels;
            },
            place: "Deployment/booking",
        },
        Broken {
            change: |deployment| {
                let service = deployment.get_mut("Service", "ticket-headless");
                service["spec"]["ports"][0]["port"] = json!(50052);
            },
            place: "Deployment/ticket",
        },
        Broken {
            change: |deployment| {
                let ports = &mut deployment.get_mut("Service", "gateway")["spec"]["ports"];
                ports.as_array_mut().map(Vec::pop);
            },
            place: "Deployment/gateway",
        },
        Broken {
            change: |deployment| {
                let labels = json!({ "app.kubernetes.io/name": "boxoffice-payment" });
                deployment.get_mut("Service", "payment")["spec"]["selector"] = labels;
            },
            place: "Service/payment",
        },
    ],
};

fn check(deployment: &Deployment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for server in deployment.pods().filter(|pods| pods.maker["kind"] == "Deployment") {
        if !has_service(deployment, server, false, |_| true) {
            let why = "no cluster Service selects it with all its ports";
            breaches.push(breach(name(server.maker), why));
        }
        if is_called(server.maker) && !has_service(deployment, server, true, |port| port == CALLS) {
            let why = "no headless Service selects it with its port for calls";
            breaches.push(breach(name(server.maker), why));
        }
    }
    for service in deployment.of("Service") {
        let selected = |pods: &Pods<'_>| pods.are_selected_by(&service["spec"]["selector"]);
        let strangers = deployment.pods().filter(selected);
        let strangers = strangers.filter(|pods| pods.maker["kind"] != "Deployment");
        breaches.extend(
            strangers.map(|pods| breach(name(service), format!("selects {}", name(pods.maker)))),
        );
    }
    breaches
}

/// Whether other servers call it: callers share their calls between the addresses of a headless Service. The gateway is
/// called from outside alone.
fn is_called(server: &Value) -> bool {
    server["metadata"]["labels"]["app.kubernetes.io/part-of"] == "boxoffice"
        && server["metadata"]["name"] != "gateway"
}

/// Whether a Service of the kind selects the server with these of its ports.
fn has_service(
    deployment: &Deployment,
    server: Pods<'_>,
    headless: bool,
    wanted: impl Fn(&Value) -> bool,
) -> bool {
    deployment.of("Service").any(|service| {
        let mut ports = ports(server).filter(|(name, _)| wanted(name));
        (service["spec"]["clusterIP"] == "None") == headless
            && server.are_selected_by(&service["spec"]["selector"])
            && ports.all(|(name, port)| has_port(service, name, port))
    })
}

fn ports(server: Pods<'_>) -> impl Iterator<Item = (&Value, &Value)> {
    let containers = items(&server.template["spec"]["containers"]);
    containers
        .flat_map(|container| items(&container["ports"]))
        .map(|port| (&port["name"], &port["containerPort"]))
}

fn has_port(service: &Value, name: &Value, number: &Value) -> bool {
    items(&service["spec"]["ports"])
        .any(|port| port["name"] == *name && port["port"] == *number && port["targetPort"] == *name)
}
