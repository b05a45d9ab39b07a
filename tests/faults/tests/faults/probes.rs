//! The probes as the manifests have them, asked by a client that is not ours while what servers stand on is away.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use deployment::manifests::{Deployment, items};
use faults::{Scene, rounds, tell};
use servers::deployment::{CONTEXTS, GATEWAY};
use testkit::{Platform, Shape, eventually_within, repository, tool};
use tokio::task::block_in_place;

const MANIFESTS: &str = "deploy/kubernetes/overlays/production";
const LIVENESS: &str = "livenessProbe";
const READINESS: &str = "readinessProbe";
const KINDS: [&str; 3] = ["startupProbe", LIVENESS, READINESS];
/// What a probe has that does not say otherwise.
const DEFAULT_S: u64 = 1;
const DEFAULT_FAILURES: u64 = 3;
const TURNS_WITHIN: Duration = Duration::from_secs(20);

/// A probe of one server's pods.
struct Probe {
    server: &'static str,
    kind: &'static str,
    service: String,
    timeout_s: u64,
    /// So many failures in a row, and Kubernetes acts.
    failures_max: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn o02_probes_restart_nobody_while_the_database_or_the_bus_is_away() {
    let away = Duration::from_secs(rounds(60, 3) as u64);
    let probes = probes();
    let mut scene = Scene::of(Shape::Postgres, 1).await;
    until_ready(&scene.platform, &probes, |_| true).await;

    let postgres = scene.postgres.as_mut().expect("a PostgreSQL");
    block_in_place(|| postgres.stop()).unwrap();
    // The gateway has no database, and says no more of itself than it knows.
    until_ready(&scene.platform, &probes, |server| server == GATEWAY).await;
    nobody_is_restarted(&scene.platform, &probes, away).await;
    until_ready(&scene.platform, &probes, |server| server == GATEWAY).await;
    let postgres = scene.postgres.as_mut().expect("a PostgreSQL");
    block_in_place(|| postgres.restart()).unwrap();
    until_ready(&scene.platform, &probes, |_| true).await;

    let nats = scene.platform.nats().expect("a bus");
    block_in_place(|| nats.stop()).unwrap();
    nobody_is_restarted(&scene.platform, &probes, away).await;
    until_ready(&scene.platform, &probes, |_| true).await;
    let nats = scene.platform.nats().expect("a bus");
    block_in_place(|| nats.restart()).unwrap();
    until_ready(&scene.platform, &probes, |_| true).await;
    for server in scene.platform.servers() {
        assert!(server.is_running(), "{} has ended", server.name());
    }
}

/// Waits until exactly these servers' readiness probes succeed.
async fn until_ready(platform: &Platform, probes: &[Probe], ready: impl Fn(&str) -> bool) {
    eventually_within(TURNS_WITHIN, "readiness as it should be", || async {
        let asked = ask(platform, probes);
        let of_readiness = asked.iter().filter(|(probe, _)| probe.kind == READINESS);
        let wrong = of_readiness.filter(|(probe, is)| (is == "SERVING") != ready(probe.server));
        let wrong: Vec<_> = wrong.map(|(probe, is)| format!("{}: {is}", probe.server)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
    })
    .await;
}

/// For so long no liveness probe fails as often in a row as would have its server restarted.
async fn nobody_is_restarted(platform: &Platform, probes: &[Probe], away: Duration) {
    let (began, mut asked) = (Instant::now(), 0);
    let mut in_a_row = BTreeMap::new();
    while began.elapsed() < away {
        for (probe, is) in ask(platform, probes).iter().filter(|(probe, _)| probe.kind != READINESS)
        {
            let failures = in_a_row.entry((probe.server, probe.kind)).or_insert(0);
            *failures = if is == "SERVING" { 0 } else { *failures + 1 };
            let (server, kind) = (probe.server, probe.kind);
            assert!(*failures < probe.failures_max, "{server}: {kind} fails again and again: {is}");
        }
        asked += 1;
    }
    tell(&format!("probes: asked {asked} times in {:.0?}, nobody is restarted", began.elapsed()));
}

/// What every probe is told just now.
fn ask<'a>(platform: &Platform, probes: &'a [Probe]) -> Vec<(&'a Probe, String)> {
    let asked = probes.iter().map(|probe| {
        let address = platform.grpc_addr(probe.server);
        format!("{address},{},{}", probe.service, probe.timeout_s)
    });
    let mut python = Command::new(tool("python"));
    python.arg(repository().join("tests/faults/python/probe.py")).args(asked);
    let output = block_in_place(|| python.output()).expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    let said: Vec<_> = said.lines().map(str::to_owned).collect();
    assert_eq!(said.len(), probes.len(), "an answer for each");
    probes.iter().zip(said).collect()
}

/// The three probes of each of the six servers, which ask the port that is called `grpc`.
fn probes() -> Vec<Probe> {
    let objects = deployment::kustomize::render(&repository().join(MANIFESTS));
    let manifests = Deployment { objects, ..Deployment::default() };
    let mut probes = Vec::new();
    for server in CONTEXTS.into_iter().chain([GATEWAY]) {
        let made = manifests.of("Deployment").find(|one| one["metadata"]["name"] == server);
        let pod = &made.unwrap_or_else(|| panic!("no {server}"))["spec"]["template"]["spec"];
        let container = items(&pod["containers"]).next().expect("a container");
        let grpc = items(&container["ports"]).find(|port| port["name"] == "grpc");
        let grpc = &grpc.expect("a port of that name")["containerPort"];
        for kind in KINDS {
            let probe = &container[kind];
            assert_eq!(probe["grpc"]["port"], *grpc, "{server}: {kind}");
            let service = probe["grpc"]["service"].as_str().expect("a service").to_owned();
            let timeout_s = probe["timeoutSeconds"].as_u64().unwrap_or(DEFAULT_S);
            let failures_max = probe["failureThreshold"].as_u64().unwrap_or(DEFAULT_FAILURES);
            probes.push(Probe { server, kind, service, timeout_s, failures_max });
        }
    }
    probes
}
