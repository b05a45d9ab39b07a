//! Settings: what the programs read is what the manifests say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, Pods, name};

/// Variables that no server is given, because what holds without them is right.
const LEFT: [(&str, &str); 19] = [
    ("DATA_DIR", "a server of its own writes no files"),
    ("LOG_LEVEL", "LOG_LEVEL_FILE says it, so that it can change"),
    ("PAYMENT_SEED", "chance is the same in every run only for tests"),
    ("STRIPE_API_BASE", "Stripe's own address is right"),
    (
        "OIDC_JWKS_TTL_MS",
        "the issuer's keys are in a file; where they are fetched, five minutes are right",
    ),
    ("OIDC_CA_FILE", "a public authority vouches for the issuer"),
    (
        "OIDC_ROLES_CLAIM",
        "the issuer has roles where we look for them; an overlay of one's own says otherwise",
    ),
    ("OIDC_ORGANIZER_CLAIM", "the same for organizers"),
    ("OIDC_ROLES_MAP", "the issuer calls them as we do"),
    ("OIDC_CLIENT_ID", "the servers sign for each other with SERVICE_KEY_FILE"),
    ("OIDC_CLIENT_SECRET_FILE", "there is no OIDC_CLIENT_ID"),
    ("OIDC_CLIENT_SCOPE", "there is no OIDC_CLIENT_ID"),
    (
        "CORS_ORIGINS",
        "no page of another origin is known here; an overlay of one's own names its shop",
    ),
    (
        "RATE_LIMIT_TRUSTED_PROXIES",
        "whatever passes requests on does so from the cluster's private network",
    ),
    ("OTEL_SERVICE_NAME", "it is the program's name"),
    ("BATCHING", "for whom measures what sharing transactions gains"),
    ("OTEL_SDK_DISABLED", "for whom the endpoint is set and traces are not wanted for once"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "the collector of the cluster asks for no key"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "ten seconds are right"),
];

/// Of variables that mean nothing where payments are simulated.
const STRIPES: &str = "STRIPE_";
/// Of variables that mean nothing where ports are plain.
const TLS: &str = "TLS_";

/// A setting that is read and not said is one that nobody thought of.
pub(super) const WHAT_IS_READ_IS_DECLARED: Rule = Rule {
    says: "each variable that a server reads is declared, or left out for a reason",
    check: |deployment| {
        let (by_stripe, tls) = (deployment.pays_by_stripe(), deployment.speaks_tls());
        compare(deployment, |pods, read, declared| {
            let server = pods.maker["kind"] == "Deployment";
            let missing = read.difference(declared).filter(|_| server);
            missing
                .filter(|variable| by_stripe || !variable.starts_with(STRIPES))
                .filter(|variable| tls || !variable.starts_with(TLS))
                .filter(|variable| LEFT.iter().all(|(left, _)| left != *variable))
                .map(|variable| format!("{variable} is read and not declared"))
                .collect()
        })
    },
    broken: &[Broken {
        change: |deployment| {
            let data = deployment.get_mut("ConfigMap", "gateway-settings")["data"].as_object_mut();
            data.map(|data| data.remove("MYPAGE_ENDPOINT"));
        },
        place: "Deployment/gateway",
    }],
};

/// A reason that outlived its variable would hide another one of that name.
pub(super) const WHAT_IS_LEFT_OUT_IS_READ: Rule = Rule {
    says: "each variable that is left out for a reason is read by some program",
    check: |deployment| {
        let read = |name: &str| deployment.reads.values().any(|read| read.contains(name));
        let unread = LEFT.iter().filter(|(name, _)| !read(name));
        unread.map(|(name, why)| breach(*name, format!("no program reads it: \"{why}\""))).collect()
    },
    broken: &[Broken {
        change: |deployment| {
            for read in deployment.reads.values_mut() {
                read.remove("PAYMENT_SEED");
            }
        },
        place: "PAYMENT_SEED",
    }],
};

/// A setting that is said and not read is one that somebody relies on.
pub(super) const WHAT_IS_DECLARED_IS_READ: Rule = Rule {
    says: "each variable that is declared is read by the program, or by another variable's value",
    check: |deployment| {
        compare(deployment, |_, read, declared| {
            let unread = declared.difference(read);
            unread.map(|variable| format!("{variable} is declared and not read")).collect()
        })
    },
    broken: &[
        Broken {
            change: |deployment| {
                deployment.get_mut("ConfigMap", "booking-settings")["data"]["TICKET_ADDRESS"] =
                    json!("http://ticket:50051");
            },
            place: "Deployment/booking",
        },
        Broken {
            change: |deployment| {
                let pod =
                    &mut deployment.get_mut("CronJob", "audit")["spec"]["jobTemplate"]["spec"];
                let variables = pod["template"]["spec"]["containers"][0]["env"].as_array_mut();
                if let Some(variables) = variables {
                    variables.push(json!({ "name": "AUDIT_GRACE", "value": "1" }));
                }
            },
            place: "CronJob/audit",
        },
    ],
};

type Names = BTreeSet<String>;

fn compare(
    deployment: &Deployment,
    differ: impl Fn(&Pods<'_>, &Names, &Names) -> Vec<String>,
) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for pods in deployment.pods() {
        for container in pods.containers() {
            let Some(read) = deployment.reads.get(&command(container)) else { continue };
            let variables = deployment.variables(container);
            let used = |name: &str| {
                variables.values().any(|one| {
                    one["value"].as_str().is_some_and(|value| value.contains(&format!("$({name})")))
                })
            };
            let declared = variables.keys().filter(|name| !used(name));
            let declared = declared.map(|name| (*name).to_owned()).collect();
            let found = differ(&pods, read, &declared);
            breaches.extend(found.into_iter().map(|why| breach(name(pods.maker), why)));
        }
    }
    breaches
}

/// The program and its command: `boxoffice-ticket serve`.
#[must_use]
fn command(container: &Value) -> String {
    let image = container["image"].as_str().unwrap_or_default();
    let image = image.rsplit('/').next().unwrap_or_default();
    let program = image.split(':').next().unwrap_or_default();
    format!("{program} {}", container["args"][0].as_str().unwrap_or("serve"))
}
