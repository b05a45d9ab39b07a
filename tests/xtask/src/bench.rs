//! `cargo xtask bench`: builds the programs and their benchmarks, and runs these.

use std::process::Command;

use clap::{Args, ValueEnum};

use crate::checks::programs;
use crate::run_servers::RunServers;
use crate::tools;
use crate::workspace::{Workspace, run as run_command};

// One text for both, so that `--help` tells what there is without a build of the benchmarks.
#[path = "../../bench/src/plan.rs"]
mod plan;

#[derive(Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    plan: plan::Plan,
    /// Measures the unoptimized programs, which build faster: to try the benchmarks, not for their numbers.
    #[arg(long)]
    debug: bool,
}

/// The results are told and kept in the target folder's `bench`.
pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> Result<bool, String> {
    tools::set_up_python(workspace)?;
    let mut program = Command::new(programs(workspace, bench.debug)?.join("bench"));
    program.args(arguments(&bench.plan)).arg("--results").arg(workspace.built("bench"));
    let servers = RunServers::get(workspace)?;
    program.env("BOXOFFICE_TOOLS", workspace.tools()).env("BOXOFFICE_SERVERS", &servers.file);
    run_command(&mut program).map(|()| true)
}

/// The plan as it was given.
fn arguments(plan: &plan::Plan) -> Vec<String> {
    let plan::Plan { scenarios, rounds, seconds, callers, tickets, stored, smoke } = plan;
    let names = scenarios.iter().filter_map(ValueEnum::to_possible_value);
    let mut arguments: Vec<_> = names.map(|name| name.get_name().to_owned()).collect();
    if *smoke {
        arguments.push("--smoke".to_owned());
    } else {
        arguments.push(format!("--rounds={rounds}"));
        arguments.extend(seconds.map(|seconds| format!("--seconds={seconds}")));
    }
    arguments.extend(callers.map(|callers| format!("--callers={callers}")));
    arguments.extend([format!("--tickets={tickets}"), format!("--stored={stored}")]);
    arguments
}
