//! Compares the contract with the one released last: clients that were built for it must go on working.

use std::fs;

use crate::report::Outcome;
use crate::workspace::{Workspace, output, run};

/// `buf breaking` against the latest `v*` tag; before the first release, against what this branch came from.
pub(crate) fn compare(workspace: &Workspace) -> Outcome {
    let compared = match latest_release(workspace) {
        Ok(Some(tag)) => Ok(Some(tag)),
        Ok(None) => Ok(branched_from(workspace)),
        Err(problem) => Err(problem),
    };
    match compared {
        Ok(Some(commit)) => compare_with(workspace, &commit).into(),
        Ok(None) => Outcome::Skipped("nothing is released yet, and no main is known".to_owned()),
        // A copy of the sources without their history knows no releases.
        Err(problem) => Outcome::Skipped(format!("releases are unknown: {problem}")),
    }
}

fn latest_release(workspace: &Workspace) -> Result<Option<String>, String> {
    let tags = git(workspace, &["tag", "--list", "v*", "--sort=-v:refname"])?;
    Ok(tags.lines().next().map(str::to_owned))
}

/// Where this branch left main, as whoever shared it knows it; the last commit of a main of one's own.
fn branched_from(workspace: &Workspace) -> Option<String> {
    let from = |main: &str| git(workspace, &["merge-base", "HEAD", main]).ok();
    let commit = ["origin/main", "main"].into_iter().find_map(from)?;
    Some(commit.trim().to_owned())
}

fn git(workspace: &Workspace, arguments: &[&str]) -> Result<String, String> {
    let mut git = std::process::Command::new("git");
    output(git.args(arguments).current_dir(&workspace.root))
}

/// What is compared with is exported as an archive, which buf reads like a folder; the working tree is not touched.
fn compare_with(workspace: &Workspace, commit: &str) -> Result<(), String> {
    println!("against {commit}");
    let released = workspace.tools().join("released.tar");
    let archive = released.to_string_lossy();
    let mut git = std::process::Command::new("git");
    git.args(["archive", "--format=tar", "-o", &archive, commit, "buf.yaml", "proto"]);
    run(git.current_dir(&workspace.root))?;
    let compared = run(&mut workspace.run_tool("buf", &["breaking", "--against", &archive]));
    let removed = fs::remove_file(&released).map_err(|error| format!("{archive}: {error}"));
    compared.and(removed)
}
