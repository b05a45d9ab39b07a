//! `cargo xtask bench`: builds the programs and their benchmarks, and runs these.

use std::process::Command;

use clap::Args;

use crate::checks::programs;
use crate::tools;
use crate::workspace::{Workspace, run as run_command};

#[derive(Args)]
pub(crate) struct Bench {
    /// Which one (what traces and metrics cost: `telemetry` as they are deployed, `all-traces` where every trace is
    /// kept); all without it.
    #[arg(value_parser = ["telemetry", "all-traces"])]
    name: Option<String>,
    /// How many pairs of measurements.
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<u16>,
    /// How many seconds each measurement takes.
    #[arg(long, value_name = "NUMBER")]
    seconds: Option<u16>,
    /// How many buyers book at once.
    #[arg(long, value_name = "NUMBER")]
    buyers: Option<u16>,
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
        [("--rounds", bench.rounds), ("--seconds", bench.seconds), ("--buyers", bench.buyers)];
    for (option, number) in numbers {
        program.args(number.map(|number| format!("{option}={number}")));
    }
    run_command(program.env("BOXOFFICE_TOOLS", workspace.tools())).map(|()| true)
}
