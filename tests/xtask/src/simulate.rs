//! `cargo xtask simulate`: any number of seeds of the simulation that the tests run a few of.

use clap::Args;

use crate::workspace::{Workspace, run as run_command};

#[derive(Args)]
pub(crate) struct Simulate {
    /// How many seeds.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first of them; the others follow. A run that fails names the one to repeat.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Optimizes the simulation first: worth its build from some ten thousand seeds on.
    #[arg(long)]
    release: bool,
}

/// The whole workspace is named as the tests name it: a part of it would have its dependencies built once more.
const SIMULATION: [&str; 4] = ["test", "--workspace", "--test", "whole"];
const TEST: &str = "i1_to_i11_n01_t11_hold_for_all_contexts_together_whatever_goes_wrong";

pub(crate) fn run(workspace: &Workspace, asked: &Simulate) -> Result<bool, String> {
    let mut simulation = workspace.cargo(&SIMULATION);
    simulation.args(asked.release.then_some("--release"));
    simulation.args(["--", "--exact", TEST, "--nocapture"]);
    simulation.env("BOXOFFICE_SEEDS", asked.seeds.to_string());
    simulation.env("BOXOFFICE_SEED", asked.seed.to_string());
    run_command(&mut simulation).map(|()| true)
}
