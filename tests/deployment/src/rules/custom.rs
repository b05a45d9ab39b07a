//! Objects of operators, of the Gateway API, of cert-manager and of the mesh, whose schemas Kubernetes does not have.

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, items, name};

/// The kinds without a schema, and a field that each cannot be without.
pub const WITHOUT_SCHEMA: [(&str, &str, &str); 14] = [
    ("postgresql.cnpg.io/v1", "Cluster", "/spec/instances"),
    ("postgresql.cnpg.io/v1", "ScheduledBackup", "/spec/cluster/name"),
    ("k8s.mariadb.com/v1alpha1", "MariaDB", "/spec/rootPasswordSecretKeyRef/name"),
    ("k8s.mariadb.com/v1alpha1", "Database", "/spec/mariaDbRef/name"),
    ("k8s.mariadb.com/v1alpha1", "User", "/spec/mariaDbRef/name"),
    ("k8s.mariadb.com/v1alpha1", "Grant", "/spec/mariaDbRef/name"),
    ("k8s.mariadb.com/v1alpha1", "Backup", "/spec/mariaDbRef/name"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute", "/spec/parentRefs/0/name"),
    ("gateway.networking.k8s.io/v1", "Gateway", "/spec/gatewayClassName"),
    ("gateway.networking.k8s.io/v1", "BackendTLSPolicy", "/spec/validation/hostname"),
    ("cert-manager.io/v1", "Issuer", "/spec"),
    ("cert-manager.io/v1", "Certificate", "/spec/secretName"),
    ("networking.istio.io/v1", "VirtualService", "/spec/hosts/0"),
    ("networking.istio.io/v1", "DestinationRule", "/spec/host"),
];
const MESH_TRUST: (&str, &str) = ("security.istio.io/v1", "PeerAuthentication");
const BUILT_IN: [&str; 7] = [
    "v1",
    "apps/v1",
    "batch/v1",
    "autoscaling/v2",
    "policy/v1",
    "networking.k8s.io/v1",
    "storage.k8s.io/v1",
];

/// Nobody else looks at these.
pub(super) const KINDS_ARE_KNOWN: Rule = Rule {
    says: "an object of a kind without a schema is of a known one, and what it refers to is there",
    check: known,
    broken: &[
        Broken {
            change: |deployment| {
                let backup = deployment.get_mut("Backup", "payment-database");
                backup["spec"]["mariaDbRef"]["name"] = json!("payments");
            },
            place: "Backup/payment-database",
        },
        Broken {
            change: |deployment| {
                deployment.get_mut("Cluster", "ticket-database")["apiVersion"] =
                    json!("cnpg.io/v1");
            },
            place: "Cluster/ticket-database",
        },
        Broken {
            change: |deployment| {
                deployment.get_mut("Cluster", "mypage-database")["spec"]["instances"] = Value::Null;
            },
            place: "Cluster/mypage-database",
        },
    ],
};

fn known(deployment: &Deployment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for object in &deployment.objects {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        if BUILT_IN.contains(&version) || (version, kind) == MESH_TRUST {
            continue;
        }
        let known = WITHOUT_SCHEMA.iter().find(|(api, name, _)| (*api, *name) == (version, kind));
        match known {
            None => breaches.push(breach(name(object), format!("{version} {kind} is not known"))),
            Some((_, _, field)) if object.pointer(field).is_none_or(Value::is_null) => {
                breaches.push(breach(name(object), format!("has no {field}")));
            }
            Some(_) => {}
        }
        let spec = &object["spec"];
        for (field, kind) in [("/mariaDbRef/name", "MariaDB"), ("/cluster/name", "Cluster")] {
            let Some(wanted) = spec.pointer(field) else { continue };
            if !deployment.of(kind).any(|one| one["metadata"]["name"] == *wanted) {
                breaches.push(breach(name(object), format!("there is no {kind} {wanted}")));
            }
        }
    }
    breaches
}

/// A namespace is deleted with one word.
pub(super) const DATA_OUTLIVES_ITS_NAMESPACE: Rule = Rule {
    says: "R48: databases and their copies are on volumes of a class that keeps them",
    check: retained,
    broken: &[
        Broken {
            change: |deployment| {
                let class = deployment.get_mut("StorageClass", "boxoffice-retain");
                class["reclaimPolicy"] = json!("Delete");
            },
            place: "Cluster/ticket-database",
        },
        Broken {
            change: |deployment| {
                let database = deployment.get_mut("MariaDB", "payment-database");
                database["spec"]["storage"]["storageClassName"] = json!("standard");
            },
            place: "MariaDB/payment-database",
        },
    ],
};

fn retained(deployment: &Deployment) -> Vec<Breach> {
    let keeps = |class: &Value| {
        deployment
            .of("StorageClass")
            .any(|one| one["metadata"]["name"] == *class && one["reclaimPolicy"] == "Retain")
    };
    let claims = [
        ("Cluster", "/spec/storage/storageClass"),
        ("MariaDB", "/spec/storage/storageClassName"),
        ("Backup", "/spec/storage/persistentVolumeClaim/storageClassName"),
        ("PersistentVolumeClaim", "/spec/storageClassName"),
    ];
    let of_kind = |(kind, field): (&'static str, &'static str)| {
        let wrong = deployment.of(kind).filter(move |one| !one.pointer(field).is_some_and(keeps));
        wrong.map(|one| breach(name(one), "its volume is deleted with its claim")).collect()
    };
    claims.into_iter().flat_map(|claim| -> Vec<Breach> { of_kind(claim) }).collect()
}

/// Two layers that try again multiply each other.
pub(super) const THE_MESH_TRIES_NOTHING_AGAIN: Rule = Rule {
    says: "where there is a mesh, it tries no call to a server again and lets no stranger in",
    check: meshed,
    broken: &[
        Broken {
            change: |deployment| {
                deployment.objects.push(json!({
                    "apiVersion": "networking.istio.io/v1",
                    "kind": "VirtualService",
                    "metadata": { "name": "ticket" },
                    "spec": { "hosts": ["ticket"], "http": [{ "retries": { "attempts": 2 } }] },
                }));
            },
            place: "VirtualService/ticket",
        },
        Broken {
            change: |deployment| {
                deployment.objects.push(json!({
                    "apiVersion": "networking.istio.io/v1",
                    "kind": "DestinationRule",
                    "metadata": { "name": "booking" },
                    "spec": { "host": "booking" },
                }));
            },
            place: "DestinationRule/booking",
        },
    ],
};

fn meshed(deployment: &Deployment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for service in deployment.of("VirtualService") {
        if items(&service["spec"]["http"]).any(|route| route["retries"]["attempts"] != 0) {
            breaches.push(breach(name(service), "tries again"));
        }
    }
    // A host that has a rule and no VirtualService is tried again by default.
    for rule in deployment.of("DestinationRule") {
        let host = &rule["spec"]["host"];
        let said = |one: &Value| items(&one["spec"]["hosts"]).any(|other| other == host);
        if !deployment.of("VirtualService").any(said) {
            breaches.push(breach(name(rule), "what is tried again is not said"));
        }
    }
    for trust in deployment.of("PeerAuthentication") {
        if trust["spec"]["mtls"]["mode"] != "STRICT" {
            breaches.push(breach(name(trust), "lets strangers in"));
        }
    }
    breaches
}
