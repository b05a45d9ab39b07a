//! What is read of the cluster's objects. What Kubernetes leaves out is empty.

use std::collections::BTreeMap;

use serde::Deserialize;

pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) generation: u64,
    pub(crate) deletion_timestamp: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct List<T> {
    #[serde(default = "Vec::new")]
    pub(crate) items: Vec<T>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Deployment {
    pub(crate) metadata: Metadata,
    pub(crate) spec: DeploymentSpec,
    pub(crate) status: DeploymentStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeploymentSpec {
    /// One, where it is not said.
    pub(crate) replicas: Option<usize>,
    pub(crate) selector: PodSelector,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodSelector {
    pub(crate) match_labels: Labels,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DeploymentStatus {
    pub(crate) observed_generation: u64,
    pub(crate) updated_replicas: usize,
    pub(crate) available_replicas: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    pub(crate) status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub(crate) spec: ServiceSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceSpec {
    #[serde(rename = "clusterIP")]
    pub(crate) cluster_ip: String,
    pub(crate) selector: Labels,
    pub(crate) ports: Vec<Port>,
}

#[derive(Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) port: u16,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointSlice {
    /// Null, where the API server has none.
    pub(crate) ports: Option<Vec<Port>>,
    pub(crate) endpoints: Option<Vec<Endpoint>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Endpoint {
    pub(crate) addresses: Vec<String>,
    pub(crate) conditions: EndpointConditions,
    pub(crate) target_ref: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointConditions {
    /// Unknown counts as ready, as the API's documentation says.
    pub(crate) ready: Option<bool>,
}

impl Pod {
    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether its admin port speaks TLS, as its annotations tell Prometheus.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.metadata
            .annotations
            .get("prometheus.io/scheme")
            .is_some_and(|scheme| scheme == "https")
    }

    /// Whether it is one that should serve.
    pub(crate) fn counts(&self) -> bool {
        let ended = ["Succeeded", "Failed"].contains(&self.status.phase.as_str());
        self.metadata.deletion_timestamp.is_none() && !ended
    }
}
