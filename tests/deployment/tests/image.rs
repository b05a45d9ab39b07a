//! O01: what an image holds is enough: every program starts in the root folder that the Dockerfile lays out, as the
//! user that it names.
#![expect(clippy::panic, reason = "a set-up that fails is a failed test, and says why")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use servers::plain_get::is_ok;
use servers::{Scratch, free_address};
use testkit::eventually;

/// Ends the program when a test ends, however it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn deploy(path: &str) -> std::path::PathBuf {
    testkit::repository().join("deploy").join(path)
}

fn programs() -> Vec<String> {
    let list = deployment::yaml::text(&deploy("image/programs"));
    list.lines().map(str::to_owned).collect()
}

fn assemble(program: &str, root: &Path) {
    let done =
        Command::new(deploy("image/assemble.sh")).arg(testkit::binary(program)).arg(root).output();
    let done = done.unwrap_or_else(|error| panic!("assemble.sh: {error}"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A command in the root folder, as the image's user; only root may change the root.
fn inside(root: &Path) -> Command {
    let mut command = Command::new("chroot");
    command.arg("--userspec=65532:65532").arg(root).arg("/program");
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin")
        .env("DATA_DIR", "/data")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("--user").output();
    id.is_ok_and(|done| done.stdout == b"0\n")
}

#[test]
fn the_root_folder_holds_the_program_and_nothing_to_log_in_to() {
    let scratch = Scratch::fresh("image").expect("a folder");
    let root = scratch.path().join("root");
    assemble("boxoffice-gateway", &root);
    for there in ["program", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "data"] {
        assert!(root.join(there).exists(), "{there}");
    }
    for not_there in ["bin", "usr", "bin/sh", "etc/shadow", "tmp"] {
        assert!(!root.join(not_there).exists(), "{not_there}");
    }
    let passwd = fs::read_to_string(root.join("etc/passwd")).expect("is readable");
    assert!(passwd.contains(":65532:65532:") && !passwd.contains("/bin/"), "{passwd}");
}

#[test]
fn every_program_runs_in_its_root_folder() {
    if !is_root() {
        println!("passed over: only root may change the root");
        return;
    }
    for program in programs() {
        let scratch = Scratch::fresh("image").expect("a folder");
        let root = scratch.path().join("root");
        assemble(&program, &root);
        let version = inside(&root).arg("--version").status().expect("chroot runs");
        assert!(version.success(), "{program}");
    }
}

#[tokio::test]
async fn the_platform_lives_in_its_root_folder() {
    if !is_root() {
        println!("passed over: only root may change the root");
        return;
    }
    let scratch = Scratch::fresh("image").expect("a folder");
    let root = scratch.path().join("root");
    assemble("boxoffice", &root);
    let admin = free_address().expect("a port");
    let mut serve = inside(&root);
    serve.args(["serve", "--rest-addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0"]);
    let child = serve.arg("--admin-addr").arg(admin.to_string()).spawn();
    let _running = Running(child.unwrap_or_else(|error| panic!("chroot: {error}")));
    for path in ["/live", "/ready"] {
        eventually(path, || async { is_ok(admin, path) }).await;
    }
}
