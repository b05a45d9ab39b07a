//! What the cluster's objects say: Deployment, Services, endpoints.

use servers::deployment::GATEWAY;

use super::Finding;
use super::asking::{Site, encoded};
use super::objects::{Deployment, EndpointSlice, Labels, List, Pod, Port, Service};

type NamedPort = (&'static str, u16);

const GRPC: NamedPort = ("grpc", 50051);
pub(super) const ADMIN: NamedPort = ("admin", 3100);
const HTTP: NamedPort = ("http", 8080);
/// What the cluster calls a Service without an address of its own.
const HEADLESS: &str = "None";

/// Whose deployment is looked at, and where.
pub(crate) struct Server<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) api: &'a Site,
}

impl Server<'_> {
    fn path(&self, group: &str, rest: &str) -> String {
        format!("/{group}/namespaces/{}/{rest}", self.namespace)
    }

    /// The path of one of its pods, through the API server.
    pub(super) fn in_pod(&self, pod: &Pod, path: &str) -> String {
        let (_, port) = ADMIN;
        let scheme = if pod.speaks_tls() { "https:" } else { "" };
        self.path("api/v1", &format!("pods/{scheme}{}:{port}/proxy{path}", pod.name()))
    }

    pub(super) fn kubectl(&self, rest: &str) -> String {
        format!("kubectl --namespace {} {rest}", self.namespace)
    }

    /// The one with an address, which Prometheus and the outside name, with every port; and the headless one, which
    /// callers name, with the port that they call. The gateway has no callers among the servers.
    fn services(&self) -> Vec<(String, Vec<NamedPort>)> {
        if self.name == GATEWAY {
            return vec![(self.name.to_owned(), vec![GRPC, ADMIN, HTTP])];
        }
        let headless = (format!("{}-headless", self.name), vec![GRPC]);
        vec![(self.name.to_owned(), vec![GRPC, ADMIN]), headless]
    }

    fn apply(&self) -> String {
        "kubectl apply --kustomize deploy/kubernetes/overlays/$OVERLAY; what it says is in \
         deploy/kubernetes/base/servers"
            .to_owned()
    }

    fn pods(&self, labels: &Labels) -> Result<Vec<Pod>, Finding> {
        let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let pods = format!("pods?labelSelector={}", encoded(&labels.join(",")));
        let list = self.api.object::<List<Pod>>(&self.path("api/v1", &pods), "PodList")?;
        let items = list.map(|list| list.items).unwrap_or_default();
        Ok(items.into_iter().filter(Pod::counts).collect())
    }
}

/// The Deployment is there, and as many of its newest version are available as should be. Gives its pods.
pub(super) fn deployment(server: &Server<'_>) -> Result<(String, Vec<Pod>), Finding> {
    let name = server.name;
    let path = server.path("apis/apps/v1", &format!("deployments/{name}"));
    let Some(found) = server.api.object::<Deployment>(&path, "Deployment")? else {
        let what = format!("there is no Deployment {name} in namespace {}", server.namespace);
        return Finding::wrong(what, server.apply());
    };
    let wanted = found.spec.replicas.unwrap_or(1);
    if wanted == 0 {
        let todo = server.kubectl(&format!("scale deployment/{name} --replicas=2"));
        return Finding::wrong(format!("Deployment {name} is scaled to 0"), todo);
    }
    let (updated, available) = (found.status.updated_replicas, found.status.available_replicas);
    let noticed = found.status.observed_generation >= found.metadata.generation;
    let pods = server.pods(&found.spec.selector.match_labels)?;
    if !noticed || available.min(updated).min(pods.len()) < wanted {
        let what = format!(
            "Deployment {name} wants {wanted} replicas: {} pods are there, {available} available, {updated} of its \
             newest version",
            pods.len()
        );
        let wait = server.kubectl(&format!("rollout status deployment/{name}"));
        let look =
            server.kubectl(&format!("describe pods --selector app.kubernetes.io/component={name}"));
        return Finding::wrong(what, format!("{wait}; if that does not end: {look}"));
    }
    Ok((format!("{available} of {wanted} replicas are available"), pods))
}

/// Its Services are there, select these pods and declare every port that they should.
pub(super) fn services(server: &Server<'_>, pods: &[Pod]) -> Result<String, Finding> {
    for (name, ports) in server.services() {
        let path = server.path("api/v1", &format!("services/{name}"));
        let Some(Service { spec }) = server.api.object::<Service>(&path, "Service")? else {
            return Finding::wrong(format!("there is no Service {name}"), server.apply());
        };
        if name != server.name && spec.cluster_ip != HEADLESS {
            let what = format!(
                "Service {name} has the address {}: callers would see one server instead of each replica",
                spec.cluster_ip
            );
            let delete = server.kubectl(&format!("delete service/{name}"));
            return Finding::wrong(what, format!("{delete}, then {}", server.apply()));
        }
        let selects = |pod: &Pod| {
            spec.selector.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value))
        };
        if spec.selector.is_empty() || !pods.iter().all(selects) {
            let what = format!(
                "Service {name} does not select the Deployment's pods, but {}",
                words(&spec.selector)
            );
            return Finding::wrong(what, server.apply());
        }
        for (port, number) in ports {
            if !has(&spec.ports, port, number) {
                let what = format!(
                    "Service {name} declares no port {port} {number}, but {}",
                    numbers(&spec.ports)
                );
                return Finding::wrong(what, server.apply());
            }
        }
    }
    let names: Vec<_> = server.services().into_iter().map(|(name, _)| name).collect();
    Ok(format!("its pods and every port are behind {}", names.join(" and ")))
}

/// Every port of its Services leads to each of these pods.
pub(super) fn endpoints(server: &Server<'_>, pods: &[Pod]) -> Result<String, Finding> {
    for (service, ports) in server.services() {
        let selector = encoded(&format!("kubernetes.io/service-name={service}"));
        let path = server
            .path("apis/discovery.k8s.io/v1", &format!("endpointslices?labelSelector={selector}"));
        let slices = server.api.object::<List<EndpointSlice>>(&path, "EndpointSliceList")?;
        let slices = slices.map(|list| list.items).unwrap_or_default();
        for (port, number) in ports {
            let missing: Vec<_> = pods
                .iter()
                .map(Pod::name)
                .filter(|pod| !slices.iter().any(|slice| slice.leads_to(port, number, pod)))
                .collect();
            if !missing.is_empty() {
                let what = format!(
                    "port {port} of Service {service} has no ready address at {number} of {}",
                    missing.join(", ")
                );
                let todo = server.kubectl(&format!(
                    "describe endpointslices --selector kubernetes.io/service-name={service}: is the pod ready, and \
                     does its container declare the port named {port}?"
                ));
                return Finding::wrong(what, todo);
            }
        }
    }
    Ok(format!("every port leads to {} ready pods", pods.len()))
}

impl EndpointSlice {
    fn leads_to(&self, port: &str, number: u16, pod: &str) -> bool {
        has(self.ports.as_deref().unwrap_or_default(), port, number)
            && self.endpoints.iter().flatten().any(|endpoint| {
                endpoint.target_ref.name == pod
                    && endpoint.conditions.ready != Some(false)
                    && !endpoint.addresses.is_empty()
            })
    }
}

fn has(ports: &[Port], name: &str, number: u16) -> bool {
    ports.iter().any(|port| port.name == name && port.port == number)
}

fn words(labels: &Labels) -> String {
    if labels.is_empty() {
        return "nothing".to_owned();
    }
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn numbers(ports: &[Port]) -> String {
    if ports.is_empty() {
        return "none".to_owned();
    }
    ports.iter().map(|port| format!("{} {}", port.name, port.port)).collect::<Vec<_>>().join(", ")
}
