//! Clients that `buf generate` makes of the protos tell the story through the gateway, at its one address.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use testkit::{Platform, Shape, repository, tool};
use tokio::process::Command;

/// Has buf make the clients that `buf.gen.yaml` names, of these kinds, in a folder of their own.
async fn generate() -> TempDir {
    let generated = tempfile::tempdir().unwrap();
    let output = Command::new(tool("buf"))
        .args(["generate", "--output"])
        .arg(generated.path())
        .current_dir(repository())
        .env("PATH", path())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("buf starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    generated
}

/// The tools first, where buf finds its plugins and these their interpreters.
fn path() -> std::ffi::OsString {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let own = [programs(), node_modules().join(".bin")];
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&inherited))).unwrap()
}

fn programs() -> PathBuf {
    tool("node").parent().expect("a folder").to_owned()
}

fn node_modules() -> PathBuf {
    programs().parent().expect("a folder").join("node_modules")
}

async fn tells_the_story(mut client: Command) {
    let story = client.stdin(Stdio::null()).output().await.expect("it starts");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&story.stdout), String::from_utf8_lossy(&story.stderr));
    assert!(story.status.success() && stdout.contains("story told"), "{stdout}{stderr}");
}

fn python(platform: &Platform, generated: &Path) -> Command {
    let mut story = Command::new(tool("python"));
    story
        .arg(repository().join("tests/acceptance/python/story.py"))
        .args([platform.rest_addr(), platform.buyer("py"), platform.organizer("py")])
        .env("PYTHONPATH", generated.join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    story
}

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
    let (platform, generated) = tokio::join!(Platform::start(), generate());
    tells_the_story(python(&platform, generated.path())).await;
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n10_a_typescript_client_tells_it_over_grpc_web() {
    if Shape::leaves_out(Shape::Embedded, "Python's client goes the same way in every shape") {
        return;
    }
    let (platform, generated) = tokio::join!(Platform::start(), generate());
    tells_the_story(typescript(&platform, generated.path())).await;
    platform.audit_is_clean().await;
}
