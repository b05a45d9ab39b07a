//! Secrets are named, never told.

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, name};

/// What is committed is known to all.
pub(super) const NO_SECRET_IS_TOLD: Rule = Rule {
    says: "G03, O04: no manifest holds a secret's value; passwords and addresses with passwords come from Secrets",
    check,
    broken: &[
        Broken {
            change: |deployment| {
                deployment
                    .objects
                    .push(json!({ "kind": "Secret", "metadata": { "name": "pass" } }));
            },
            place: "Secret/pass",
        },
        Broken {
            change: |deployment| {
                let pod =
                    &mut deployment.get_mut("Deployment", "ticket")["spec"]["template"]["spec"];
                let variables = pod["containers"][0]["env"].as_array_mut();
                let value = json!({ "name": "DATABASE_URL", "value": "postgres://db/ticket" });
                if let Some(variables) = variables {
                    variables.retain(|one| one["name"] != "DATABASE_URL");
                    variables.push(value);
                }
            },
            place: "Deployment/ticket",
        },
        Broken {
            change: |deployment| {
                let data = &mut deployment.get_mut("ConfigMap", "settings")["data"];
                data["OTEL_EXPORTER_OTLP_ENDPOINT"] = json!("http://user:password@collector");
            },
            place: "ConfigMap/settings",
        },
    ],
};

/// Beginnings and ends of names whose values are secret; what ends in `_FILE` names a file.
const SECRET: [&str; 7] =
    ["PASSWORD", "SECRET", "TOKEN", "API_KEY", "DATABASE_URL", "NATS_URL", "HEADERS"];

fn check(deployment: &Deployment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for object in &deployment.objects {
        if object["kind"] == "Secret" {
            breaches.push(breach(name(object), "is a Secret with its value"));
        }
        if tells_a_password(object) {
            breaches.push(breach(name(object), "holds an address with a password"));
        }
    }
    for pods in deployment.pods() {
        for container in pods.containers() {
            for (variable, value) in deployment.variables(container) {
                let secret = SECRET.iter().any(|end| variable.ends_with(end));
                if secret && value["valueFrom"].get("secretKeyRef").is_none() {
                    let why = format!("{variable} is not from a Secret");
                    breaches.push(breach(name(pods.maker), why));
                }
            }
        }
    }
    breaches
}

/// `scheme://user:password@host` anywhere in it.
fn tells_a_password(value: &Value) -> bool {
    match value {
        Value::String(text) => text.split("://").skip(1).any(|rest| {
            let place = rest.split('/').next().unwrap_or_default();
            place.split_once('@').is_some_and(|(user, _)| user.contains(':'))
        }),
        Value::Array(items) => items.iter().any(tells_a_password),
        Value::Object(fields) => fields.values().any(tells_a_password),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
