//! A cluster as its API tells of it, with the answers of its pods and of Prometheus: a table of what is answered to
//! what. A healthy one has two pods of each server.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tokio::process::Command;

/// Below which path Prometheus answers.
const PROMETHEUS: &str = "/prometheus";
const SERVERS: [&str; 6] = ["ticket", "booking", "payment", "notification", "mypage", "gateway"];
const NAMESPACE: &str = "/namespaces/boxoffice/";

/// What is answered to a path with its query: the part of the path after the namespace is its name here.
pub(crate) struct Cluster(BTreeMap<String, (u16, Value)>);

/// What the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Said {
    pub(crate) fn lines_with(&self, word: &str) -> impl Iterator<Item = &str> {
        self.text.lines().filter(move |line| line.split_whitespace().nth(2) == Some(word))
    }

    pub(crate) fn passed(&self, server: &str, check: &str) -> bool {
        self.lines_with("ok").any(|line| line.split_whitespace().take(2).eq([server, check]))
    }
}

/// Runs the program against this cluster.
pub(crate) async fn verify(server: &str, cluster: Cluster) -> Said {
    let site = cluster.serve().await;
    verify_at(server, &site, &site).await
}

/// Runs it with the API here and Prometheus there.
pub(crate) async fn verify_at(server: &str, api: &str, prometheus: &str) -> Said {
    let prometheus = format!("{prometheus}{PROMETHEUS}");
    let mut program = Command::new(env!("CARGO_BIN_EXE_xtask"));
    program.args(["verify-deployment", server, "--api", api, "--prometheus", &prometheus]);
    let output = program.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Said { code: output.status.code().unwrap(), text }
}

impl Cluster {
    pub(crate) fn healthy() -> Self {
        let mut cluster = Self(BTreeMap::new());
        for server in SERVERS {
            cluster.add(server);
        }
        cluster
    }

    /// Serves it until the test ends and gives its URL.
    pub(crate) async fn serve(self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let table = Arc::new(self);
        let answer = move |uri: Uri| std::future::ready(table.answer_to(&uri));
        let site = axum::serve(listener, Router::new().fallback(answer)).into_future();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        drop(tokio::spawn(site));
        format!("http://{address}")
    }

    pub(crate) fn pods(server: &str) -> String {
        let labels = labels(server);
        let labels = labels.as_object().unwrap().iter();
        let labels: Vec<_> =
            labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap())).collect();
        format!("pods?labelSelector={}", labels.join(","))
    }

    pub(crate) fn slices(service: &str) -> String {
        format!("endpointslices?labelSelector=kubernetes.io/service-name={service}")
    }

    pub(crate) fn up(server: &str) -> String {
        format!(
            "{PROMETHEUS}/api/v1/query?query=up{{job=\"boxoffice\",namespace=\"boxoffice\",app=\"{server}\"}}"
        )
    }

    pub(crate) fn answer(&mut self, name: &str, status: u16, body: Value) {
        self.0.insert(name.to_owned(), (status, body));
    }

    /// The API server's own refusal.
    pub(crate) fn refuse(&mut self, name: &str, status: u16, why: &str) {
        let message = json!({"kind": "Status", "status": "Failure", "message": why});
        self.answer(name, status, message);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name).unwrap();
    }

    pub(crate) fn get(&self, name: &str, pointer: &str) -> Value {
        self.0[name].1.pointer(pointer).unwrap().clone()
    }

    /// Changes a part of what is answered; `-` is a new place at the end of a list.
    pub(crate) fn set(&mut self, name: &str, pointer: &str, value: impl Into<Value>) {
        let object = &mut self.0.get_mut(name).unwrap().1;
        if let Some(list) = pointer.strip_suffix("/-") {
            object.pointer_mut(list).unwrap().as_array_mut().unwrap().push(value.into());
        } else {
            *object.pointer_mut(pointer).unwrap() = value.into();
        }
    }

    pub(crate) fn remove_sample(&mut self, server: &str, place: usize) {
        let answer = &mut self.0.get_mut(&Self::up(server)).unwrap().1;
        answer.pointer_mut("/data/result").unwrap().as_array_mut().unwrap().remove(place);
    }

    pub(crate) fn remove_port(&mut self, service: &str, name: &str) {
        let service = &mut self.0.get_mut(service).unwrap().1;
        let ports = service.pointer_mut("/spec/ports").unwrap().as_array_mut().unwrap();
        ports.retain(|port| port["name"] != name);
    }

    fn answer_to(&self, uri: &Uri) -> impl IntoResponse + use<> {
        let asked = decoded(&uri.to_string());
        let name = asked.split_once(NAMESPACE).map_or(asked.as_str(), |(_, name)| name);
        let unknown = || {
            let message = format!("{name} not found");
            (404, json!({"kind": "Status", "status": "Failure", "message": message}))
        };
        let (status, body) = self.0.get(name).cloned().unwrap_or_else(unknown);
        (StatusCode::from_u16(status).unwrap(), axum::Json(body))
    }

    fn add(&mut self, server: &str) {
        let names = [format!("{server}-1"), format!("{server}-2")];
        let deployment = json!({
            "kind": "Deployment",
            "metadata": {"name": server, "generation": 3},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels(server)}},
            "status": {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
        });
        self.answer(&format!("deployments/{server}"), 200, deployment);
        let pods = names.clone().map(|name| pod(&name, server));
        self.answer(&Self::pods(server), 200, json!({"kind": "PodList", "items": pods}));
        let endpoints = names.clone().map(|name| {
            let conditions = json!({"ready": true, "serving": true, "terminating": false});
            json!({"addresses": ["10.0.0.1"], "conditions": conditions, "targetRef": {"kind": "Pod", "name": name}})
        });
        let calls = vec![port("grpc", 50051)];
        let headless = (format!("{server}-headless"), "None", calls);
        let mut services = vec![(server.to_owned(), "10.96.0.7", ports(server))];
        services.extend((server != "gateway").then_some(headless));
        for (service, address, ports) in services {
            let spec = json!({"clusterIP": address, "selector": labels(server), "ports": ports});
            let found = json!({"kind": "Service", "metadata": {"name": service}, "spec": spec});
            self.answer(&format!("services/{service}"), 200, found);
            let slice = json!({"ports": ports, "endpoints": endpoints});
            let slices = json!({"kind": "EndpointSliceList", "items": [slice]});
            self.answer(&Self::slices(&service), 200, slices);
        }
        for name in &names {
            let page = |page| format!("pods/{name}:3100/proxy/{page}");
            self.answer(&page("live"), 200, json!("live"));
            self.answer(&page("ready"), 200, json!({"ready": true, "dependencies": {}}));
        }
        let samples = names.map(|pod| json!({"metric": {"pod": pod}, "value": [1.5, "1"]}));
        let result = json!({"resultType": "vector", "result": samples});
        self.answer(&Self::up(server), 200, json!({"status": "success", "data": result}));
    }
}

fn labels(server: &str) -> Value {
    json!({"app.kubernetes.io/component": server, "app.kubernetes.io/name": format!("boxoffice-{server}")})
}

fn pod(name: &str, server: &str) -> Value {
    let mut labels = labels(server);
    labels["pod-template-hash"] = json!("5f6d");
    let ready = json!({
        "type": "Ready", "status": "True", "message": "containers with unready status: [server]",
    });
    json!({
        "metadata": {"name": name, "labels": labels},
        "status": {"phase": "Running", "conditions": [ready]},
    })
}

fn port(name: &str, number: u16) -> Value {
    json!({"name": name, "port": number, "protocol": "TCP"})
}

fn ports(server: &str) -> Vec<Value> {
    let mut ports = vec![port("grpc", 50051), port("admin", 3100)];
    ports.extend((server == "gateway").then(|| port("http", 8080)));
    ports
}

/// Without the percent signs of a query.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        decoded.push(char::from(u8::from_str_radix(code, 16).unwrap()));
        decoded.push_str(rest);
    }
    decoded
}
