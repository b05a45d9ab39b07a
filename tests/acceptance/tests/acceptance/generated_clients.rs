//! Clients that `buf generate` makes of the protos tell the story through the gateway, at its one address.

use std::path::Path;
use std::process::Stdio;

use testkit::{Platform, Shape, repository, tool};
use tokio::process::Command;

use crate::python::{self, generated, node_modules};

/// Node looks for modules beside the program that asks for them, so it is put beside them.
fn typescript(platform: &Platform, generated: &Path) -> Command {
    let program = generated.join("story.ts");
    std::fs::copy(repository().join("tests/acceptance/typescript/story.ts"), &program).unwrap();
    std::fs::rename(generated.join("typescript"), generated.join("generated")).unwrap();
    std::fs::write(generated.join("package.json"), r#"{"type": "module"}"#).unwrap();
    std::os::unix::fs::symlink(node_modules(), generated.join("node_modules")).unwrap();
    let mut story = Command::new(tool("node"));
    story
        .args(["--disable-warning=ExperimentalWarning"])
        .arg(program)
        .arg(format!("http://{}", platform.rest_addr()))
        .args([platform.buyer("ts"), platform.organizer("ts")]);
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn n10_a_python_client_generated_from_the_protos_tells_the_same_story() {
    let (platform, generated) = tokio::join!(Platform::start(), generated());
    let who = [platform.rest_addr().to_string(), platform.buyer("py"), platform.organizer("py")];
    let said = python::run("story.py", &who.each_ref().map(String::as_str), Some(&generated)).await;
    assert!(said.contains("story told"), "{said}");
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n10_a_typescript_client_tells_it_over_grpc_web() {
    if Shape::leaves_out(Shape::Embedded, "Python's client goes the same way in every shape") {
        return;
    }
    let (platform, generated) = tokio::join!(Platform::start(), generated());
    let mut client = typescript(&platform, generated.path());
    let story = client.stdin(Stdio::null()).output().await.expect("it starts");
    let said = [story.stdout, story.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(story.status.success() && said.concat().contains("story told"), "{}", said.concat());
    platform.audit_is_clean().await;
}
