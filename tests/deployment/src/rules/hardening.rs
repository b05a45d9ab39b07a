//! How servers are replaced, and what their pods may do.

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, name};

/// Milliseconds that stopping takes at most beside SHUTDOWN_DELAY_MS and SHUTDOWN_DRAIN_MS: loops 4 s, doors that are
/// late 1 s, bodies 4 s, inner doors, stores and admin port 3 s each, spans 2 s (apps/runtime/src/limits.rs).
const STOP_MS: u64 = 20_000;

/// Versions change under load.
pub(super) const SERVERS_CHANGE_WITHOUT_A_FAILED_CALL: Rule = Rule {
    says: "O03: no replica goes before its successor is ready, and each has the time that stopping in order takes",
    check: replacing,
    broken: &[
        Broken {
            change: |deployment| {
                let strategy = &mut deployment.get_mut("Deployment", "ticket")["spec"]["strategy"];
                strategy["rollingUpdate"]["maxUnavailable"] = json!(1);
            },
            place: "Deployment/ticket",
        },
        Broken {
            change: |deployment| {
                let pod =
                    &mut deployment.get_mut("Deployment", "gateway")["spec"]["template"]["spec"];
                pod["terminationGracePeriodSeconds"] = json!(39);
            },
            place: "Deployment/gateway",
        },
        Broken {
            change: |deployment| {
                let settings = deployment.get_mut("ConfigMap", "settings");
                settings["data"]["SHUTDOWN_DRAIN_MS"] = json!("30000");
            },
            place: "Deployment/booking",
        },
    ],
};

fn replacing(deployment: &Deployment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for server in servers(deployment) {
        let place = name(server);
        let rolling = &server["spec"]["strategy"]["rollingUpdate"];
        if rolling["maxUnavailable"] != 0 || rolling["maxSurge"] != 1 {
            breaches.push(breach(&place, "it may be without a replica while it changes"));
        }
        let pod = &server["spec"]["template"]["spec"];
        let variables = deployment.variables(&pod["containers"][0]);
        let ms = |name| variables.get(name).and_then(|value| value.as_str()?.parse::<u64>().ok());
        let (delay, drain) = (ms("SHUTDOWN_DELAY_MS"), ms("SHUTDOWN_DRAIN_MS"));
        let (delay, drain) = (delay.unwrap_or_default(), drain.unwrap_or_default());
        let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap_or_default();
        if delay == 0 || drain == 0 || grace * 1000 < delay + drain + STOP_MS {
            let why =
                format!("{delay} ms of delay, {drain} of drain and {STOP_MS} within {grace} s");
            breaches.push(breach(&place, why));
        }
        if pod["containers"][0].get("lifecycle").is_some() {
            breaches.push(breach(&place, "a hook beside SHUTDOWN_DELAY_MS waits twice"));
        }
    }
    breaches
}

fn servers(deployment: &Deployment) -> impl Iterator<Item = &Value> {
    deployment
        .of("Deployment")
        .filter(|one| one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "boxoffice")
}

/// Whoever breaks into a program finds nothing there.
pub(super) const PODS_HAVE_NO_RIGHTS: Rule = Rule {
    says: "pods run as nobody, over a read-only root, without capabilities or a token, within limits of memory",
    check: rights,
    broken: &[
        Broken {
            change: |deployment| {
                let pod =
                    &mut deployment.get_mut("Job", "ticket-migration")["spec"]["template"]["spec"];
                pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = json!(false);
            },
            place: "Job/ticket-migration",
        },
        Broken {
            change: |deployment| {
                let pod =
                    &mut deployment.get_mut("Deployment", "payment")["spec"]["template"]["spec"];
                pod["automountServiceAccountToken"] = Value::Null;
            },
            place: "Deployment/payment",
        },
    ],
};

fn rights(deployment: &Deployment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for pods in deployment.pods() {
        let pod = &pods.template["spec"];
        let mut holds = vec![
            ("runs as root", pod["securityContext"]["runAsNonRoot"] == true),
            (
                "has no profile",
                pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault",
            ),
            ("has a token", pod["automountServiceAccountToken"] == false),
        ];
        for container in pods.containers() {
            let context = &container["securityContext"];
            holds.extend([
                ("may become more", context["allowPrivilegeEscalation"] == false),
                ("may write its root", context["readOnlyRootFilesystem"] == true),
                ("has capabilities", context["capabilities"]["drop"] == json!(["ALL"])),
                (
                    "has no limit of memory",
                    container["resources"]["limits"].get("memory").is_some(),
                ),
            ]);
        }
        let wrong = holds.iter().filter(|(_, holds)| !holds);
        breaches.extend(wrong.map(|(why, _)| breach(name(pods.maker), *why)));
    }
    breaches
}
