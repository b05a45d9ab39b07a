//! `cargo xtask verify-deployment` as a program, against a server that answers as a cluster's API and a Prometheus do.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a set-up that fails is a failed test, and says why"
)]

mod cluster;

use cluster::{Cluster, Said, verify, verify_at};
use serde_json::{Value, json};

const POD: &str = "pods/booking-1:3100/proxy";

#[tokio::test]
async fn o04_a_healthy_deployment_passes_every_check() {
    let said = verify("all", Cluster::healthy()).await;
    assert_eq!(said.code, 0, "{}", said.text);
    for server in ["ticket", "booking", "payment", "notification", "mypage", "gateway"] {
        for check in ["deployment", "service", "endpoints", "health", "prometheus"] {
            assert!(said.passed(server, check), "{server} {check} in {}", said.text);
        }
    }
    let one = verify("booking", Cluster::healthy()).await;
    assert_eq!((one.code, one.text.lines().count()), (0, 5), "{}", one.text);
}

#[tokio::test]
async fn o04_pods_whose_ports_speak_tls_are_asked_over_tls() {
    let over_tls = |answered: bool| {
        let mut cluster = Cluster::healthy();
        for (nth, name) in ["booking-1", "booking-2"].into_iter().enumerate() {
            let metadata = json!({
                "name": name,
                "labels": {
                    "app.kubernetes.io/name": "boxoffice-booking",
                    "app.kubernetes.io/component": "booking",
                    "pod-template-hash": "5f6d",
                },
                "annotations": {"prometheus.io/scheme": "https"},
            });
            cluster.set(&Cluster::pods("booking"), &format!("/items/{nth}/metadata"), metadata);
            if answered {
                let page = |page| format!("pods/https:{name}:3100/proxy/{page}");
                cluster.answer(&page("live"), 200, json!("live"));
                cluster.answer(&page("ready"), 200, json!({"ready": true, "dependencies": {}}));
            }
        }
        cluster
    };
    let said = verify("booking", over_tls(true)).await;
    assert_eq!(said.code, 0, "{}", said.text);
    let said = verify("booking", over_tls(false)).await;
    let unasked = "does not reach port 3100 of booking-1";
    assert!(said.text.contains(unasked), "plain pages are none of theirs: {}", said.text);
}

/// What is broken, as it is told: the check, a part of the line, and the change to a healthy cluster.
type Broken = (&'static str, &'static str, fn(&mut Cluster));

const BROKEN: [Broken; 18] = [
    ("deployment", "there is no Deployment booking", |c| c.remove("deployments/booking")),
    ("deployment", "1 available", |c| c.set("deployments/booking", "/status/availableReplicas", 1)),
    ("deployment", "1 of its newest", |c| {
        c.set("deployments/booking", "/status/updatedReplicas", 1);
    }),
    ("deployment", "wants 2 replicas", |c| c.set("deployments/booking", "/metadata/generation", 9)),
    ("deployment", "scaled to 0", |c| c.set("deployments/booking", "/spec/replicas", 0)),
    ("service", "there is no Service booking-headless", |c| c.remove("services/booking-headless")),
    ("service", "does not select", |c| {
        c.set("services/booking", "/spec/selector", json!({"app.kubernetes.io/component": "x"}));
    }),
    ("service", "declares no port admin 3100, but grpc 50051", |c| {
        c.set("services/booking", "/spec/ports", json!([{"name": "grpc", "port": 50051}]));
    }),
    ("service", "has the address 10.0.0.9", |c| {
        c.set("services/booking-headless", "/spec/clusterIP", "10.0.0.9");
    }),
    ("endpoints", "port grpc of Service booking has no ready address at 50051 of booking-1", |c| {
        c.set(&Cluster::slices("booking"), "/items", json!([]));
    }),
    ("endpoints", "of booking-2", |c| {
        let not_ready = "/items/0/endpoints/1/conditions/ready";
        c.set(&Cluster::slices("booking-headless"), not_ready, false);
    }),
    ("endpoints", "port admin of Service booking has no ready address at 3100", |c| {
        c.set(&Cluster::slices("booking"), "/items/0/ports/1/port", 3000);
    }),
    ("health", "pod booking-1 is not ready: containers with unready status", |c| {
        let ready = "/items/0/status/conditions/0/status";
        c.set(&Cluster::pods("booking"), ready, "False");
    }),
    ("health", "answers /ready with 503: {\"dependencies\"", |c| {
        c.answer(&format!("{POD}/ready"), 503, json!({"dependencies": {"database": "away"}}));
    }),
    ("health", "answers /live with 500", |c| c.answer(&format!("{POD}/live"), 500, Value::Null)),
    ("health", "nobody listens on port 3100 of pod booking-1", |c| {
        c.refuse(
            &format!("{POD}/live"),
            503,
            "dial tcp 10.0.0.1:3100: connect: connection refused",
        );
    }),
    ("prometheus", "has no target for pod booking-2", |c| {
        c.remove_sample("booking", 1);
    }),
    ("prometheus", "cannot read pod booking-1: its up is 0", |c| {
        c.set(&Cluster::up("booking"), "/data/result/0/value/1", "0");
    }),
];

#[tokio::test]
async fn o04_what_is_broken_is_named_and_nothing_else() {
    for (check, part, break_it) in BROKEN {
        let mut cluster = Cluster::healthy();
        break_it(&mut cluster);
        let said = verify("booking", cluster).await;
        assert_eq!(said.code, 1, "{part}: {}", said.text);
        said.names_only("booking", check, "FAILED", part);
    }
}

#[tokio::test]
async fn o04_a_gateway_also_needs_its_rest_port() {
    let mut cluster = Cluster::healthy();
    cluster.remove_port("services/gateway", "http");
    let said = verify("gateway", cluster).await;
    assert_eq!(said.code, 1, "{}", said.text);
    said.names_only("gateway", "service", "FAILED", "declares no port http 8080");
}

#[tokio::test]
async fn o04_one_broken_server_does_not_hide_the_others() {
    let mut cluster = Cluster::healthy();
    cluster.remove("services/payment");
    let said = verify("all", cluster).await;
    assert_eq!(said.code, 1, "{}", said.text);
    said.names_only("payment", "service", "FAILED", "there is no Service payment");
    assert!(said.passed("gateway", "prometheus"), "{}", said.text);
}

#[tokio::test]
async fn o04_a_pod_that_ends_does_not_count() {
    let mut cluster = Cluster::healthy();
    let mut leaving = cluster.get(&Cluster::pods("booking"), "/items/0");
    leaving["metadata"] = json!({"name": "booking-0", "deletionTimestamp": "2026-01-01T00:00:00Z"});
    cluster.set(&Cluster::pods("booking"), "/items/-", leaving);
    let said = verify("booking", cluster).await;
    assert_eq!(said.code, 0, "{}", said.text);
}

#[tokio::test]
async fn n04_network_policies_that_keep_the_api_server_out_are_no_failure() {
    let mut cluster = Cluster::healthy();
    cluster.refuse(&format!("{POD}/live"), 503, "dial tcp 10.0.0.1:3100: i/o timeout");
    let said = verify("booking", cluster).await;
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(said.text.contains("its nodes' probes find all 2 pods ready"), "{}", said.text);
}

#[tokio::test]
async fn o04_who_cannot_be_asked_is_no_verdict() {
    let away = format!("http://{}", servers::free_address().unwrap());
    let cluster = Cluster::healthy().serve().await;
    let said = verify_at("booking", &away, &cluster).await;
    assert_eq!(said.code, 2, "{}", said.text);
    said.names_only("booking", "deployment", "UNKNOWN", "does not answer");
    assert!(said.text.contains("kubectl proxy"), "{}", said.text);

    let said = verify_at("booking", &cluster, &away).await;
    assert_eq!(said.code, 2, "{}", said.text);
    said.names_only("booking", "prometheus", "UNKNOWN", "Prometheus does not answer");

    let mut no_api = Cluster::healthy();
    no_api.answer("deployments/booking", 404, Value::Null);
    let said = verify("booking", no_api).await;
    assert_eq!(said.code, 2, "who is no cluster's API knows no object: {}", said.text);
    said.names_only("booking", "deployment", "UNKNOWN", "answers 404");
}

#[tokio::test]
async fn o04_who_may_not_ask_gets_no_verdict() {
    let mut cluster = Cluster::healthy();
    cluster.refuse("services/booking", 403, "services \"booking\" is forbidden");
    let said = verify("booking", cluster).await;
    assert_eq!(said.code, 2, "{}", said.text);
    said.names_only("booking", "service", "UNKNOWN", "is forbidden");
}

impl Said {
    /// Exactly one check is named so, with these words, and every one of that server before it passed.
    fn names_only(&self, server: &str, check: &str, verdict: &str, part: &str) {
        let named: Vec<_> = self.lines_with(verdict).collect();
        let [line] = named.as_slice() else { panic!("not one {verdict} in {}", self.text) };
        let mut words = line.split_whitespace();
        assert_eq!((words.next(), words.next()), (Some(server), Some(check)), "{line}");
        assert!(line.contains(part), "{part} in {line}");
        assert_eq!(self.text.matches("what to do: ").count(), 1, "{}", self.text);
        let mut of_server = self.text.lines().filter(|line| line.starts_with(server));
        assert_eq!(of_server.next_back(), Some(*line), "nothing is asked after it");
    }
}
