//! Every overlay keeps every rule, every rule notices what breaks it, and the schemas of Kubernetes are kept.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a set-up that fails is a failed test, and says why"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use deployment::kustomize::render;
use deployment::manifests::Deployment;
use deployment::rules::{RULES, WITHOUT_SCHEMA};
use serde_json::Value;

const OVERLAYS: [&str; 5] =
    ["overlays/development", "overlays/production", "overlays/mesh", STRIPE, TLS];
const STRIPE: &str = "overlays/stripe";
const TLS: &str = "overlays/tls";
const BESIDE: [&str; 2] = ["tracing", "ingress"];
/// The newest version of Kubernetes whose schemas are set up.
const KUBERNETES: &str = "1.37";

fn folder(name: &str) -> PathBuf {
    testkit::repository().join("deploy/kubernetes").join(name)
}

fn overlay(name: &str) -> Deployment {
    Deployment { objects: render(&folder(name)), reads: reads() }
}

/// What each program's commands read, as they say themselves.
fn reads() -> BTreeMap<String, BTreeSet<String>> {
    let contexts = ["ticket", "booking", "payment", "notification", "mypage"];
    let servers = contexts.map(|context| (format!("boxoffice-{context}"), ["serve", "migrate"]));
    let mut commands: Vec<(String, &str)> = Vec::new();
    for (program, names) in servers {
        commands.extend(names.map(|name| (program.clone(), name)));
    }
    commands.push(("boxoffice-gateway".to_owned(), "serve"));
    commands.extend(["audit", "rebuild-view"].map(|name| ("boxoffice".to_owned(), name)));
    commands
        .into_iter()
        .map(|(program, name)| (format!("{program} {name}"), variables(&program, name)))
        .collect()
}

fn variables(program: &str, command: &str) -> BTreeSet<String> {
    let help = Command::new(testkit::binary(program)).args([command, "--help"]).output();
    let help = help.unwrap_or_else(|error| panic!("{program}: {error}"));
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let named = help.lines().filter_map(|line| line.trim().strip_prefix("[env: "));
    named.map(|rest| rest.split(['=', ']']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_overlay_keeps_every_rule() {
    let mut report = String::new();
    for name in OVERLAYS {
        let overlay = overlay(name);
        assert!(overlay.objects.len() > 50, "{name} was rendered");
        for rule in RULES {
            for breach in (rule.check)(&overlay) {
                report += &format!("{name}: {}\n  {breach}\n", rule.says);
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_rule_fails_where_it_is_broken() {
    let sound = overlay("overlays/production");
    for rule in RULES {
        let before = (rule.check)(&sound);
        assert!(!rule.broken.is_empty(), "{}: has an example in which it fails", rule.says);
        for example in rule.broken {
            let mut broken = sound.clone();
            (example.change)(&mut broken);
            let breaches = (rule.check)(&broken);
            let found =
                breaches.iter().find(|one| one.place == example.place && !before.contains(one));
            assert!(found.is_some(), "{}: {} not found in {breaches:#?}", rule.says, example.place);
        }
    }
}

type Change = fn(&mut Deployment);

/// What only Stripe needs is looked at as closely as all else.
#[test]
fn what_stripe_needs_is_noticed_where_it_is_broken() {
    fn payment(overlay: &mut Deployment) -> &mut Value {
        &mut overlay.get_mut("Deployment", "payment")["spec"]["template"]["spec"]["containers"][0]
    }
    fn variables(overlay: &mut Deployment) -> &mut Vec<Value> {
        payment(overlay)["env"].as_array_mut().expect("it has some")
    }
    let changes: [(&str, Change); 7] = [
        ("STRIPE_API_KEY is read and not declared", |overlay| {
            variables(overlay).retain(|one| one["name"] != "STRIPE_API_KEY");
        }),
        ("STRIPE_API_KEY is not from a Secret", |overlay| {
            variables(overlay).retain(|one| one["name"] != "STRIPE_API_KEY");
            let told = serde_json::json!({ "name": "STRIPE_API_KEY", "value": "sk_live_1" });
            variables(overlay).push(told);
        }),
        ("STRIPE_WEBHOOK_SECRET is not from a Secret", |overlay| {
            let settings = overlay.get_mut("ConfigMap", "payment-settings");
            settings["data"]["STRIPE_WEBHOOK_SECRET"] = "whsec_1".into();
            variables(overlay).retain(|one| one["name"] != "STRIPE_WEBHOOK_SECRET");
        }),
        ("payment: cannot reach outside at 443", |overlay| {
            let policy = overlay.get_mut("NetworkPolicy", "to-stripe");
            policy["spec"]["egress"][0]["ports"][0]["port"] = 80.into();
        }),
        ("booking: may reach outside at 443", |overlay| {
            overlay.get_mut("NetworkPolicy", "to-stripe")["spec"]["podSelector"] =
                serde_json::json!({});
        }),
        ("no cluster Service selects it with all its ports", |overlay| {
            let ports = &mut overlay.get_mut("Service", "payment")["spec"]["ports"];
            ports.as_array_mut().map(Vec::pop);
        }),
        ("HTTPRoute/stripe: leads to", |overlay| {
            let rule = &mut overlay.get_mut("HTTPRoute", "stripe")["spec"]["rules"][0];
            rule["matches"][0]["path"]["type"] = "PathPrefix".into();
        }),
    ];
    are_noticed(STRIPE, &changes);
}

/// The same of what only TLS needs.
#[test]
fn what_tls_needs_is_noticed_where_it_is_broken() {
    fn container(overlay: &mut Deployment) -> &mut Value {
        &mut overlay.get_mut("Deployment", "booking")["spec"]["template"]["spec"]["containers"][0]
    }
    let changes: [(&str, Change); 6] = [
        ("TLS_KEY_FILE is read and not declared", |overlay| {
            let settings = overlay.get_mut("ConfigMap", "settings")["data"].as_object_mut();
            settings.map(|settings| settings.remove("TLS_KEY_FILE"));
        }),
        ("TLS_CA_FILE is read and not declared", |overlay| {
            let settings = overlay.get_mut("ConfigMap", "booking-settings")["data"].as_object_mut();
            settings.map(|settings| settings.remove("TLS_CA_FILE"));
        }),
        ("its readinessProbe does not ask for `readiness`", |overlay| {
            container(overlay)["readinessProbe"]["httpGet"]["scheme"] = "HTTP".into();
        }),
        ("its livenessProbe does not ask for `liveness`", |overlay| {
            container(overlay)["livenessProbe"]["httpGet"]["path"] = "/ready".into();
        }),
        ("is called at http://ticket-headless:50051", |overlay| {
            let settings = overlay.get_mut("ConfigMap", "gateway-settings");
            settings["data"]["TICKET_ENDPOINT"] = "http://ticket-headless:50051".into();
        }),
        ("names no mypage-headless", |overlay| {
            let names = &mut overlay.get_mut("Certificate", "servers")["spec"]["dnsNames"];
            names.as_array_mut().expect("some").retain(|name| name != "mypage-headless");
        }),
    ];
    are_noticed(TLS, &changes);
}

fn are_noticed(name: &str, changes: &[(&str, Change)]) {
    let sound = overlay(name);
    for (expected, change) in changes {
        let mut broken = sound.clone();
        change(&mut broken);
        let breaches = RULES.iter().flat_map(|rule| (rule.check)(&broken));
        let breaches: Vec<String> = breaches.map(|one| one.to_string()).collect();
        assert!(breaches.iter().any(|one| one.contains(expected)), "{expected}: {breaches:#?}");
    }
}

/// Prints what is wrong with each document of a JSON list, by the schemas without unknown fields.
const VALIDATE: &str = "
import json, sys, kubernetes_validate
version, without = sys.argv[1], set(sys.argv[2:])
for manifest in json.load(sys.stdin):
    kind = manifest['apiVersion'] + ' ' + manifest['kind']
    place = manifest['kind'] + '/' + manifest['metadata']['name']
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        if kind not in without:
            print(place, 'has no schema')
    except kubernetes_validate.ValidationError as error:
        print(place, '/'.join(map(str, error.path)), error.message)
";

fn invalid(manifests: &[Value]) -> String {
    let without = WITHOUT_SCHEMA.iter().map(|(version, kind, _)| format!("{version} {kind}"));
    let mut python = Command::new(testkit::tool("python"));
    python.args(["-c", VALIDATE, KUBERNETES, "security.istio.io/v1 PeerAuthentication"]);
    python.args(without).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap_or_else(|error| panic!("python: {error}"));
    let sent = serde_json::to_writer(child.stdin.take().expect("is piped"), manifests);
    sent.expect("python reads it");
    let done = child.wait_with_output().expect("python ends");
    assert!(done.status.success(), "python failed");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn every_manifest_keeps_the_schemas_of_kubernetes() {
    for name in OVERLAYS.into_iter().chain(BESIDE) {
        let wrong = invalid(&render(&folder(name)));
        assert!(wrong.is_empty(), "{name}:\n{wrong}");
    }
    let mut broken = overlay("overlays/production");
    broken.get_mut("Deployment", "ticket")["spec"]["replica"] = 2.into();
    broken.get_mut("Service", "ticket")["spec"]["ports"][0]["port"] = "grpc".into();
    let wrong = invalid(&broken.objects);
    assert!(wrong.contains("Deployment/ticket") && wrong.contains("Service/ticket"), "{wrong}");
}

/// Where a `kubectl` with Kustomize 5 is at hand: our own rendering is the same as its.
#[test]
fn kustomize_itself_renders_the_same() {
    let version = Command::new("kubectl").args(["version", "--client"]).output();
    let version = version.map(|done| String::from_utf8_lossy(&done.stdout).into_owned());
    if !version.is_ok_and(|text| text.contains("Kustomize Version: v5")) {
        println!("passed over: there is no kubectl with Kustomize 5");
        return;
    }
    for name in OVERLAYS.into_iter().chain(BESIDE) {
        let rendered = Command::new("kubectl").arg("kustomize").arg(folder(name)).output();
        let rendered = rendered.expect("kubectl runs");
        let problem = String::from_utf8_lossy(&rendered.stderr).into_owned();
        assert!(rendered.status.success(), "{name}: {problem}");
        let text = String::from_utf8_lossy(&rendered.stdout).into_owned();
        let theirs = by_name(deployment::yaml::documents(name, &text));
        let ours = by_name(render(&folder(name)));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
        for (object, own) in &ours {
            let text = |object| serde_json::to_string_pretty(&object).expect("is JSON");
            assert_eq!(text(Some(own)), text(theirs.get(object)), "{name}: {object}");
        }
    }
}

fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    objects.into_iter().map(|object| (deployment::manifests::name(&object), object)).collect()
}
