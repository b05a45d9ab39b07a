//! `cargo xtask conformance`: any number of requests of the conformance test, of which the tests send a few.

use clap::Args;

use crate::tools;
use crate::workspace::{Workspace, run as run_command};

#[derive(Args)]
pub(crate) struct Conformance {
    /// How many requests at least, as all roles together.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    requests: u32,
    /// What chance decides follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Against optimized programs.
    #[arg(long)]
    release: bool,
}

const TEST: &str = "conformance::the_gateway_does_what_its_document_says_for_every_role";

pub(crate) fn run(workspace: &Workspace, asked: &Conformance) -> Result<bool, String> {
    tools::set_up_python(workspace)?;
    // The test needs the programs, and the whole workspace is named as the tests name it: a part of it would have its
    // dependencies built once more.
    let release = asked.release.then_some("--release");
    run_command(workspace.cargo(&["build", "--workspace", "--bins"]).args(release))?;
    let mut test = workspace.cargo(&["test", "--workspace", "--test", "acceptance"]);
    test.args(release).args(["--", "--exact", TEST, "--nocapture"]);
    test.env("BOXOFFICE_TOOLS", workspace.tools());
    test.env("BOXOFFICE_REQUESTS", asked.requests.to_string());
    test.env("BOXOFFICE_SEED", asked.seed.to_string());
    run_command(&mut test).map(|()| true)
}
