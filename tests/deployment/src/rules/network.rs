//! Who may talk to whom, worked out from the network policies as a cluster would.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, items, name};

/// The edges of requirement N04, and of what the servers stand on. No more and no fewer.
pub(super) const ONLY_WHO_MAY_CALLS: Rule = Rule {
    says: "N04: gateway calls all, booking calls ticket and payment; each has its own database, the bus, the traces; payment \
           asks Stripe and hears of it only where it pays",
    check,
    broken: &[
        Broken {
            change: |deployment| {
                deployment.objects.retain(|one| name(one) != "NetworkPolicy/default-deny");
            },
            place: "visitor",
        },
        Broken {
            change: |deployment| {
                let policy = deployment.get_mut("NetworkPolicy", "booking-calls");
                policy["spec"]["podSelector"] = json!({});
                let policy = deployment.get_mut("NetworkPolicy", "called-by-gateway-and-booking");
                policy["spec"]["ingress"][0]["from"] = json!([{ "podSelector": {} }]);
            },
            place: "mypage",
        },
        Broken {
            change: |deployment| {
                let policy = deployment.get_mut("NetworkPolicy", "payment-database");
                policy["spec"]["ingress"][0]["ports"][0]["port"] = json!(3307);
            },
            place: "payment",
        },
        Broken {
            change: |deployment| {
                let policy = deployment.get_mut("NetworkPolicy", "bus");
                policy["spec"]["egress"] = json!([]);
            },
            place: "nats",
        },
        Broken {
            change: |deployment| {
                let policy = deployment.get_mut("NetworkPolicy", "traces");
                policy["spec"]["egress"][0]["ports"] = json!([]);
            },
            place: "gateway",
        },
    ],
};

const CONTEXTS: [&str; 5] = ["ticket", "booking", "payment", "notification", "mypage"];
const ON_MARIADB: [&str; 2] = ["payment", "notification"];
/// Those of TLS, metrics, MariaDB, NATS and traces, PostgreSQL, what the servers of NATS tell each other, its exporter, REST,
/// Stripe's events, what NATS tells of itself, the pages of traces, and gRPC.
const PORTS: [u16; 13] =
    [443, 3100, 3306, 4222, 4317, 5432, 6222, 7777, 8080, 8081, 8222, 16686, 50051];
const ELSEWHERE: [&str; 5] = ["visitor", "prometheus", "grafana", "collector", "ingress"];
/// Who is in no cluster of ours.
const OUTSIDE: &str = "outside";

/// Somebody who talks or is talked to.
struct Actor {
    name: String,
    namespace: Value,
    labels: Value,
}

type Edges = BTreeSet<(String, String, u16)>;

fn check(deployment: &Deployment) -> Vec<Breach> {
    let (allowed, wanted) = (allowed(deployment), wanted(deployment.pays_by_stripe()));
    let more = allowed.difference(&wanted).map(|edge| (edge, "may reach"));
    let fewer = wanted.difference(&allowed).map(|edge| (edge, "cannot reach"));
    more.chain(fewer)
        .map(|((from, to, port), may)| breach(from, format!("{may} {to} at {port}")))
        .collect()
}

fn wanted(pays_by_stripe: bool) -> Edges {
    let mut edges = Edges::new();
    let mut add = |from: &str, to: &str, port| {
        edges.insert((from.to_owned(), to.to_owned(), port));
    };
    for context in CONTEXTS {
        let database = format!("{context}-database");
        let port = database_port(context);
        for from in [context, &format!("{context}-migration"), "audit", "reconcile-view"] {
            add(from, &database, port);
        }
        // The replicas of a database reach each other at every port.
        for port in PORTS {
            add(&database, &database, port);
        }
        // They ask the cluster's own interface, which may be anywhere.
        for to in ELSEWHERE.into_iter().chain([OUTSIDE]) {
            add(&database, to, 443);
        }
        add("gateway", context, 50051);
        add(context, "nats", 4222);
        add(context, "nats", 8222);
    }
    add("nats", "nats", 6222);
    add("prometheus", "nats", 7777);
    add("booking", "ticket", 50051);
    add("booking", "payment", 50051);
    add("ingress", "gateway", 8080);
    for server in CONTEXTS.into_iter().chain(["gateway"]) {
        add("prometheus", server, 3100);
        add(server, "collector", 4317);
    }
    if pays_by_stripe {
        add("payment", OUTSIDE, 443);
        add("ingress", "payment", 8081);
    }
    edges
}

fn database_port(context: &str) -> u16 {
    if ON_MARIADB.contains(&context) { 3306 } else { 5432 }
}

fn actors() -> Vec<Actor> {
    let here = json!({ "kubernetes.io/metadata.name": "boxoffice" });
    let elsewhere = |name: &str| json!({ "kubernetes.io/metadata.name": name });
    let mut actors = Vec::new();
    let mut add = |name: &str, namespace: &Value, labels: Value| {
        actors.push(Actor { name: name.to_owned(), namespace: namespace.clone(), labels });
    };
    let component = |name: &str| json!({ "app.kubernetes.io/component": name });
    for context in CONTEXTS {
        add(context, &here, component(context));
        let migration = format!("{context}-migration");
        add(&migration, &here, component(&migration));
        let database = format!("{context}-database");
        let label = if ON_MARIADB.contains(&context) {
            "app.kubernetes.io/instance"
        } else {
            "cnpg.io/cluster"
        };
        add(&database, &here, json!({ label: database }));
    }
    for other in ["gateway", "audit", "reconcile-view"] {
        add(other, &here, component(other));
    }
    add("nats", &here, json!({ "app.kubernetes.io/name": "nats" }));
    add("stranger", &here, json!({ "app": "stranger" }));
    add("visitor", &elsewhere("default"), json!({ "app": "visitor" }));
    add("prometheus", &elsewhere("monitoring"), json!({ "app.kubernetes.io/name": "prometheus" }));
    add("grafana", &elsewhere("monitoring"), json!({ "app.kubernetes.io/name": "grafana" }));
    add("collector", &elsewhere("tracing"), json!({ "app.kubernetes.io/name": "jaeger" }));
    let ways_in =
        json!({ "kubernetes.io/metadata.name": "ingress", "boxoffice/ingress": "allowed" });
    add("ingress", &ways_in, json!({ "app": "way-in" }));
    add(OUTSIDE, &Value::Null, Value::Null);
    actors
}

/// Every edge between two who are not both elsewhere, and between the replicas of one.
fn allowed(deployment: &Deployment) -> Edges {
    let actors = actors();
    let policies: Vec<&Value> = deployment.of("NetworkPolicy").collect();
    let own = |actor: &Actor| actor.namespace["kubernetes.io/metadata.name"] == "boxoffice";
    let mut edges = Edges::new();
    for from in &actors {
        for to in actors.iter().filter(|to| own(from) || own(to)) {
            for port in PORTS {
                let out = !own(from) || passes(&policies, "Egress", "egress", "to", from, to, port);
                let into =
                    !own(to) || passes(&policies, "Ingress", "ingress", "from", to, from, port);
                if out && into {
                    edges.insert((from.name.clone(), to.name.clone(), port));
                }
            }
        }
    }
    edges
}

/// Whether one end's policies let a connection pass: one of them does, or none is about it.
fn passes(
    policies: &[&Value],
    kind: &str,
    rules: &str,
    peers: &str,
    own: &Actor,
    other: &Actor,
    port: u16,
) -> bool {
    let about = |policy: &&&Value| {
        selects(&policy["spec"]["podSelector"], &own.labels)
            && items(&policy["spec"]["policyTypes"]).any(|one| one == kind)
    };
    let mut about = policies.iter().filter(about).peekable();
    about.peek().is_none()
        || about.flat_map(|policy| items(&policy["spec"][rules])).any(|rule| {
            let to_port = rule.get("ports").is_none()
                || items(&rule["ports"]).any(|one| one["port"] == port && one["protocol"] == "TCP");
            let to_peer =
                rule.get(peers).is_none() || items(&rule[peers]).any(|peer| is_peer(peer, other));
            to_port && to_peer
        })
}

fn is_peer(peer: &Value, other: &Actor) -> bool {
    // Of addresses only those of the whole world are known here. Pods are none of them: theirs are left out.
    if peer.get("ipBlock").is_some() || other.name == OUTSIDE {
        let block = &peer["ipBlock"];
        let leaves_out_ours = items(&block["except"]).any(|one| one == "10.0.0.0/8");
        return other.name == OUTSIDE && block["cidr"] == "0.0.0.0/0" && leaves_out_ours;
    }
    let namespace = match peer.get("namespaceSelector") {
        Some(selector) => selects(selector, &other.namespace),
        None => other.namespace["kubernetes.io/metadata.name"] == "boxoffice",
    };
    namespace && peer.get("podSelector").is_none_or(|selector| selects(selector, &other.labels))
}

fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let equal = equal.into_iter().all(|(label, value)| labels.get(label) == Some(value));
    let among = items(&selector["matchExpressions"]).all(|expression| {
        assert_eq!(expression["operator"], "In", "other operators are not known here");
        let label = expression["key"].as_str().and_then(|key| labels.get(key));
        label.is_some_and(|label| items(&expression["values"]).any(|one| one == label))
    });
    equal && among
}
