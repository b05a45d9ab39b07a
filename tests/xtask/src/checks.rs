//! The steps of `cargo xtask lint` and `cargo xtask test`, the quick ones first.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::process::Command;

use crate::released;
use crate::report::{Outcome, Report};
use crate::run_servers::RunServers;
use crate::workspace::{Workspace, run};

/// Formatting, contract, dependencies, lints.
pub(crate) fn quick(workspace: &Workspace, report: &mut Report) {
    report.step("fmt", || run(&mut workspace.cargo(&["fmt", "--all", "--check"])).into());
    report.step("buf lint", || run(&mut workspace.run_tool("buf", &["lint"])).into());
    report.step("buf breaking", || released::compare(workspace));
    report.step("deny", || deny(workspace));
    report.step("clippy", || {
        let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        run(&mut workspace.cargo(&lints)).into()
    });
}

/// Always the whole workspace with its tests: a part of it would have its dependencies built once more, with other
/// features.
const BUILD: [&str; 3] = ["build", "--workspace", "--all-targets"];
const RELEASE: [&str; 4] = ["build", "--release", "--workspace", "--bins"];
const FAULTS: [&str; 6] = ["test", "--workspace", "--test", "faults", "--no-fail-fast", "--"];

/// The shapes beside the default that the acceptance tests run in, and how many tests at once: each is many processes.
const SHAPES: [(&str, &str); 3] = [("postgres", "2"), ("mariadb", "4"), ("mixed", "2")];
/// The scenarios of faults take their turns: each loads the machine for itself.
const ONE_AT_A_TIME: [&str; 2] = ["--test-threads", "1"];
const FIXED_SEED: u32 = 1;
/// Scenarios in which nothing is left to chance: once is enough.
const WITHOUT_CHANCE: [&str; 7] = [
    "--skip=at_every_point",
    "--skip=deleted_and_killed_midway",
    "--skip=health::",
    "--skip=nats_away::",
    "--skip=probes::",
    "--skip=rolling::",
    "--skip=supporting_away::",
];
/// Has Prometheus' own tools read and test what they are given.
const MONITORING: &str = "deploy/monitoring/check.sh";

/// The folder of all programs, freshly built.
pub(crate) fn programs(workspace: &Workspace, debug: bool) -> Result<PathBuf, String> {
    if debug {
        // The same build as the tests'.
        run(&mut workspace.cargo(&BUILD))?;
        return Ok(workspace.built("debug"));
    }
    println!("building the programs; the first release build takes some ten minutes on two cores");
    run(&mut workspace.cargo(&RELEASE))?;
    Ok(workspace.built("release"))
}

/// Every test of the workspace over freshly built programs and real servers; all of them run even if some fail.
pub(crate) fn tests(workspace: &Workspace, filter: &[String], report: &mut Report) {
    report.step("build", || run(&mut workspace.cargo(&BUILD)).into());
    let Some(servers) = servers_for_the_run(workspace, report) else { return };
    report.step("test", || {
        let all = ["test", "--workspace", "--exclude", "faults", "--no-fail-fast", "--"];
        run(over(workspace.cargo(&all).args(filter), workspace, &servers)).into()
    });
    if filter.is_empty() {
        report
            .step("monitoring", || run(&mut Command::new(workspace.root.join(MONITORING))).into());
    }
    for (shape, at_once) in SHAPES {
        report.step(shape, || {
            let mut acceptance =
                workspace.cargo(&["test", "--workspace", "--test", "acceptance", "--"]);
            acceptance.args(["--test-threads", at_once]).args(filter);
            run(over(acceptance.env("BOXOFFICE_SHAPE", shape), workspace, &servers)).into()
        });
    }
    for (seed, but) in [(FIXED_SEED, &[][..]), (random_seed(), &WITHOUT_CHANCE)] {
        report.step("faults", || scenarios(workspace, &servers, seed, filter, but).into());
    }
}

/// Every fault scenario at its full length.
pub(crate) fn faults(
    workspace: &Workspace,
    seed: Option<u32>,
    only: Option<&str>,
    bookings: Option<u32>,
    report: &mut Report,
) {
    report.step("build", || run(&mut workspace.cargo(&BUILD)).into());
    let Some(servers) = servers_for_the_run(workspace, report) else { return };
    report.step("faults", || {
        let seed = seed.unwrap_or_else(random_seed);
        println!("again with the same: cargo xtask faults --seed {seed}");
        let mut scenarios = workspace.cargo(&FAULTS);
        scenarios.args(ONE_AT_A_TIME).args(["--nocapture"]).args(only);
        scenarios.env("BOXOFFICE_FAULTS", "all").env("BOXOFFICE_SEED", seed.to_string());
        scenarios.envs(bookings.map(|count| ("BOXOFFICE_BOOKINGS", count.to_string())));
        run(over(&mut scenarios, workspace, &servers)).into()
    });
}

fn scenarios(
    workspace: &Workspace,
    servers: &RunServers,
    seed: u32,
    filter: &[String],
    but: &[&str],
) -> Result<(), String> {
    println!("seed {seed}; all of them with the same: cargo xtask faults --seed {seed}");
    let mut scenarios = workspace.cargo(&FAULTS);
    scenarios.args(ONE_AT_A_TIME).args(but).args(filter).env("BOXOFFICE_SEED", seed.to_string());
    run(over(&mut scenarios, workspace, servers))
}

fn servers_for_the_run(workspace: &Workspace, report: &mut Report) -> Option<RunServers> {
    let mut servers = None;
    report.step("servers", || match RunServers::get(workspace) {
        Ok(started) => {
            servers = Some(started);
            Outcome::Passed
        }
        Err(problem) => Outcome::Failed(problem),
    });
    servers
}

/// Tells tests where their tools and servers are.
fn over<'a>(
    command: &'a mut Command,
    workspace: &Workspace,
    servers: &RunServers,
) -> &'a mut Command {
    command.env("BOXOFFICE_TOOLS", workspace.tools()).env("BOXOFFICE_SERVERS", &servers.file)
}

/// Another one each time; the standard library's own hashes begin with one.
fn random_seed() -> u32 {
    let random = RandomState::new().build_hasher().finish();
    u32::try_from(random >> 32).unwrap_or(FIXED_SEED)
}

fn deny(workspace: &Workspace) -> Outcome {
    println!(
        "advisories are not checked: their database is a git repository that may be out of reach here"
    );
    run(&mut workspace.run_tool("cargo-deny", &["check", "bans", "licenses", "sources"])).into()
}
