//! The whole job by a Python client generated from the protos.

use testkit::{Platform, repository, tool};

#[tokio::test(flavor = "multi_thread")]
async fn n10_a_python_client_generated_from_the_protos_tells_the_same_story() {
    let platform = Platform::start().await;
    let generated = tempfile::tempdir().unwrap();
    let protos = repository().join("proto");
    let mut files = Vec::new();
    collect(&protos, &mut files);
    let mut protoc = tokio::process::Command::new(tool("python"));
    protoc.args(["-m", "grpc_tools.protoc", "-I"]).arg(&protos).args(files);
    for flag in ["--python_out", "--grpc_python_out"] {
        protoc.arg(format!("{flag}={}", generated.path().display()));
    }
    let output = protoc.output().await.expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let contexts = ["ticket", "booking", "payment", "notification", "mypage"];
    let addresses = contexts.map(|context| platform.grpc_addr(context));
    let story = tokio::process::Command::new(tool("python"))
        .arg(repository().join("tests/acceptance/python/story.py"))
        .args([addresses.join(","), platform.buyer("py"), platform.organizer("py")])
        .env("PYTHONPATH", generated.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .await
        .expect("python starts");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&story.stdout), String::from_utf8_lossy(&story.stderr));
    assert!(story.status.success() && stdout.contains("story told"), "{stdout}{stderr}");
    platform.audit_is_clean().await;
}

fn collect(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
}
