//! The steps of `cargo xtask lint` and `cargo xtask test`, the quick ones first.

use crate::released;
use crate::report::{Outcome, Report};
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

/// Every test of the workspace over freshly built programs; all of them run even if some fail.
pub(crate) fn tests(workspace: &Workspace, filter: &[String], report: &mut Report) {
    report.step("build", || run(&mut workspace.cargo(&["build", "--workspace"])).into());
    report.step("test", || {
        let mut command = workspace.cargo(&["test", "--workspace", "--no-fail-fast", "--"]);
        command.args(filter).env("BOXOFFICE_TOOLS", workspace.tools());
        run(&mut command).into()
    });
}

fn deny(workspace: &Workspace) -> Outcome {
    println!(
        "advisories are not checked: their database is a git repository that may be out of reach here"
    );
    run(&mut workspace.run_tool("cargo-deny", &["check", "bans", "licenses", "sources"])).into()
}
