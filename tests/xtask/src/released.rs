//! Compares the contract with the one released last: clients that were built for it must go on working.

use std::fs;

use crate::report::Outcome;
use crate::workspace::{Workspace, output, run};

/// `buf breaking` against the latest `v*` tag; nothing to do before the first release.
pub(crate) fn compare(workspace: &Workspace) -> Outcome {
    match latest_release(workspace) {
        Ok(Some(tag)) => compare_with(workspace, &tag).into(),
        Ok(None) => Outcome::Skipped("nothing is released yet".to_owned()),
        // A copy of the sources without their history knows no releases.
        Err(problem) => Outcome::Skipped(format!("releases are unknown: {problem}")),
    }
}

fn latest_release(workspace: &Workspace) -> Result<Option<String>, String> {
    let mut git = std::process::Command::new("git");
    git.args(["tag", "--list", "v*", "--sort=-v:refname"]).current_dir(&workspace.root);
    Ok(output(&mut git)?.lines().next().map(str::to_owned))
}

/// The release is exported as an archive, which buf reads like a folder; the working tree is not touched.
fn compare_with(workspace: &Workspace, tag: &str) -> Result<(), String> {
    println!("against {tag}");
    let released = workspace.tools().join("released.tar");
    let archive = released.to_string_lossy();
    let mut git = std::process::Command::new("git");
    git.args(["archive", "--format=tar", "-o", &archive, tag, "buf.yaml", "proto"]);
    run(git.current_dir(&workspace.root))?;
    let compared = run(&mut workspace.run_tool("buf", &["breaking", "--against", &archive]));
    let removed = fs::remove_file(&released).map_err(|error| format!("{archive}: {error}"));
    compared.and(removed)
}
