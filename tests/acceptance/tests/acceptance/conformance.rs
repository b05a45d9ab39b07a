//! The gateway and its OpenAPI document are of one mind: Spectral reads the document, and schemathesis makes requests
//! of it, as each role, with every check and along its links. `cargo xtask conformance` sends any number of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{Platform, Shape, repository, tool};

/// Requests of all roles together, unless `BOXOFFICE_REQUESTS` says another number.
const REQUESTS: u32 = 4_000;
const SEED: u32 = 1;
const ROLES: [&str; 4] = ["anonymous", "buyer", "organizer", "admin"];

#[tokio::test(flavor = "multi_thread")]
async fn spectral_finds_nothing_in_the_document() {
    if Shape::leaves_out(Shape::Embedded, "the document is the same in every shape") {
        return;
    }
    let platform = Platform::start().await;
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("openapi.json");
    save_document(&platform, &document).await;
    let found = lint(&document).await;
    assert_eq!(found, json!([]), "{found:#}");

    // It would find something: an operation without a description.
    let mut worse: Value = serde_json::from_slice(&std::fs::read(&document).unwrap()).unwrap();
    worse["paths"]["/v1/bookings"]["post"]["description"].take();
    std::fs::write(&document, worse.to_string()).unwrap();
    assert_ne!(lint(&document).await, json!([]));
}

/// What Spectral finds by our rules.
async fn lint(document: &Path) -> Value {
    let node = tool("node");
    let modules = node.ancestors().nth(2).unwrap().join("node_modules");
    let report = document.with_file_name("report.json");
    let spectral = tokio::process::Command::new(node)
        .arg(modules.join("@stoplight/spectral-cli/dist/index.js"))
        .args(["lint", "--fail-severity", "hint", "--format", "json", "--quiet"])
        .arg("--ruleset")
        .arg(repository().join("tests/acceptance/spectral.yaml"))
        .arg("--output")
        .arg(&report)
        .arg(document)
        .output()
        .await
        .expect("node starts");
    let said = String::from_utf8_lossy(&spectral.stderr);
    let report = std::fs::read(&report).unwrap_or_else(|error| panic!("{error}: {said}"));
    serde_json::from_slice(&report).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_does_what_its_document_says_for_every_role() {
    if Shape::leaves_out(Shape::Embedded, "REST is the same in every shape") {
        return;
    }
    let platform = Platform::start().await;
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("openapi.json");
    save_document(&platform, &document).await;
    let wanted = asked("BOXOFFICE_REQUESTS", REQUESTS) / 4;
    let runs = ROLES.map(|role| as_role(&platform, role, &document, wanted));
    let sent: u64 = futures::future::join_all(runs).await.into_iter().sum();
    assert!(sent >= u64::from(wanted) * 4, "only {sent} requests");
    platform.audit_is_clean().await;
}

/// Sends at least so many requests as one role, and gives how many there were.
async fn as_role(platform: &Platform, role: &str, document: &Path, wanted: u32) -> u64 {
    let tickets = seed_tickets(platform, role).await;
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    // It ends, for each round sends something.
    for round in 0.. {
        let seed = seed_of(round);
        let counts = document.with_file_name(format!("{role}-{seed}.json"));
        let mut schemathesis = tokio::process::Command::new(tool("schemathesis"));
        schemathesis.arg("run").arg(document).args(["--url", &platform_url(platform)]);
        schemathesis.args(["--checks", "all", "--no-color", "--continue-on-failure"]);
        // Streams do not end; they have tests of their own.
        schemathesis.args(["--exclude-path-regex", ":watch$", "--warnings", "off"]);
        schemathesis.args(["--seed", &seed.to_string()]);
        schemathesis.args(["--max-examples", &(wanted / 100).clamp(2, 100).to_string()]);
        if let Some(token) = token(platform, role) {
            schemathesis.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        schemathesis.env("SCHEMATHESIS_HOOKS", "conformance");
        schemathesis.env("PYTHONPATH", repository().join("tests/acceptance/python"));
        schemathesis.env("PYTHONDONTWRITEBYTECODE", "1");
        schemathesis.env("CONFORMANCE_TICKETS", json!(tickets).to_string());
        schemathesis.env("CONFORMANCE_COUNTS", &counts);
        schemathesis.current_dir(document.parent().unwrap());
        let output = schemathesis.output().await.expect("schemathesis starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "as {role}, seed {seed}:\n{said}");
        let counted: BTreeMap<String, u64> =
            serde_json::from_slice(&std::fs::read(&counts).unwrap()).unwrap();
        assert!(counted.values().any(|times| *times > 0), "as {role}, seed {seed}: no requests");
        counted.into_iter().for_each(|(what, times)| *all.entry(what).or_default() += times);
        if all.values().sum::<u64>() >= u64::from(wanted) {
            break;
        }
    }
    tell(role, &all);
    all.values().sum()
}

/// No round of one seed is a round of another.
fn seed_of(round: u32) -> u64 {
    u64::from(asked("BOXOFFICE_SEED", SEED)) << 32 | u64::from(round)
}

/// How many requests had which status, for a person who reads along.
#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn tell(role: &str, all: &BTreeMap<String, u64>) {
    let mut by_status: BTreeMap<&str, u64> = BTreeMap::new();
    for (what, times) in all {
        *by_status.entry(what.rsplit(' ').next().unwrap()).or_default() += times;
    }
    println!("as {role}: {} requests, by status {by_status:?}", all.values().sum::<u64>());
}

/// Two tickets of acme that nobody else touches.
async fn seed_tickets(platform: &Platform, role: &str) -> Vec<String> {
    let mut tickets = Vec::new();
    for nth in 1..=2 {
        tickets.push(crate::world::register(platform, &format!("For {role} {nth}"), 10_000).await);
    }
    tickets
}

fn token(platform: &Platform, role: &str) -> Option<String> {
    match role {
        "anonymous" => None,
        "buyer" => Some(platform.buyer("alice")),
        "organizer" => Some(platform.organizer("acme")),
        role => Some(platform.token(&["--role", role, "--sub", "root"])),
    }
}

async fn save_document(platform: &Platform, to: &Path) {
    let answer = platform.http.get("/openapi.json").send().await.unwrap();
    std::fs::write(to, answer.json.to_string()).unwrap();
}

fn platform_url(platform: &Platform) -> String {
    format!("http://{}", platform.rest_addr())
}

fn asked(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
