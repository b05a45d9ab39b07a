//! What the outside can reach.

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, items, name};

/// Tools are reached by port-forward; REST by the one route of the Gateway API, and Stripe's events by one more.
pub(super) const NOTHING_IS_OPEN_TO_THE_OUTSIDE: Rule = Rule {
    says: "G03: no Service, port or network of a node is open to the outside, and routes lead to REST and to Stripe's events alone",
    check,
    broken: &[
        Broken {
            change: |deployment| {
                deployment.get_mut("Service", "gateway")["spec"]["type"] = json!("LoadBalancer");
            },
            place: "Service/gateway",
        },
        Broken {
            change: |deployment| {
                let pod =
                    &mut deployment.get_mut("Deployment", "ticket")["spec"]["template"]["spec"];
                pod["containers"][0]["ports"][0]["hostPort"] = json!(50051);
            },
            place: "Deployment/ticket",
        },
        Broken {
            change: |deployment| {
                let rule = &mut deployment.get_mut("HTTPRoute", "gateway")["spec"]["rules"][0];
                rule["backendRefs"][0]["port"] = json!(3100);
            },
            place: "HTTPRoute/gateway",
        },
    ],
};

fn check(deployment: &Deployment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for service in deployment.of("Service") {
        let kind = service["spec"]["type"].as_str().unwrap_or("ClusterIP");
        if kind != "ClusterIP" || service["spec"].get("externalIPs").is_some() {
            breaches.push(breach(name(service), format!("is a {kind}")));
        }
    }
    for pods in deployment.pods() {
        let pod = &pods.template["spec"];
        let mut ports = pods.containers().flat_map(|one| items(&one["ports"]));
        if pod["hostNetwork"] == true || ports.any(|port| port.get("hostPort").is_some()) {
            breaches.push(breach(name(pods.maker), "takes a port of its node"));
        }
    }
    breaches.extend(deployment.of("Ingress").map(|one| breach(name(one), "is an Ingress")));
    for route in deployment.of("HTTPRoute") {
        for rule in items(&route["spec"]["rules"]) {
            let backends = items(&rule["backendRefs"]);
            let wrong = backends.filter(|one| !is_rest(one) && !is_for_events(rule, one));
            breaches.extend(wrong.map(|one| breach(name(route), format!("leads to {one}"))));
        }
    }
    breaches
}

fn is_rest(backend: &Value) -> bool {
    backend["name"] == "gateway" && backend["port"] == 8080
}

fn is_for_events(rule: &Value, backend: &Value) -> bool {
    let post =
        json!({ "path": { "type": "Exact", "value": "/webhooks/stripe" }, "method": "POST" });
    let only_posts = rule["matches"] == json!([post]);
    only_posts && backend["name"] == "payment" && backend["port"] == 8081
}
