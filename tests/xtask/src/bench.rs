//! `cargo xtask bench`: builds the programs and their benchmarks, and runs these.

use std::process::Command;

use clap::Args;

use crate::checks::programs;
use crate::run_servers::RunServers;
use crate::tools;
use crate::workspace::{Workspace, run as run_command};

#[derive(Args)]
pub(crate) struct Bench {
    /// Which one (`hot-hold`: what holds of one hot ticket gain from sharing transactions, `booking`: what
    /// bookings gain from it on their whole path; what traces and metrics cost: `telemetry` as they are deployed, `all-traces` where every trace is
    /// kept); all without it.
    #[arg(value_parser = ["hot-hold", "booking", "telemetry", "all-traces"])]
    name: Option<String>,
    /// How many pairs of measurements.
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<u16>,
    /// How many seconds each measurement takes.
    #[arg(long, value_name = "NUMBER")]
    seconds: Option<u16>,
    /// How many call at once.
    #[arg(long, value_name = "NUMBER")]
    callers: Option<u16>,
    /// Measures the unoptimized programs, which build faster: to try the benchmarks, not for their numbers.
    #[arg(long)]
    debug: bool,
}

/// The results are told and kept in the target folder's `bench`.
pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> Result<bool, String> {
    tools::set_up_python(workspace)?;
    let mut program = Command::new(programs(workspace, bench.debug)?.join("bench"));
    program.args(&bench.name).arg("--results").arg(workspace.built("bench"));
    let numbers =
        [("--rounds", bench.rounds), ("--seconds", bench.seconds), ("--callers", bench.callers)];
    for (option, number) in numbers {
        program.args(number.map(|number| format!("{option}={number}")));
    }
    let servers = RunServers::get(workspace)?;
    program.env("BOXOFFICE_TOOLS", workspace.tools()).env("BOXOFFICE_SERVERS", &servers.file);
    run_command(&mut program).map(|()| true)
}
