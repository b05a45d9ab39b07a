//! Attacks on HTTP/2 itself, crowds of idle connections and clients that are slow on purpose: all are borne, and nobody
//! else is harmed (rows 25 to 27).

use testkit::{Platform, Shape};
use tokio::process::Command;

use crate::python;
use crate::world::register;

const WHY: &str = "the same listeners stand before every context";

#[tokio::test(flavor = "multi_thread")]
async fn row25_row27_attacks_on_http2_and_idle_crowds_harm_nobody() {
    if Shape::leaves_out(Shape::Embedded, WHY) {
        return;
    }
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Besieged", 10).await;
    let process = platform.server("boxoffice").pid().expect("it runs").to_string();
    let (grpc, rest) = (platform.grpc_addr("ticket"), platform.rest_addr());
    let said = python::run("attacks.py", &[&grpc, &rest, &process, &ticket], None).await;
    println!("{said}");
    lives(&mut platform);
}

#[tokio::test(flavor = "multi_thread")]
async fn row26_slow_clients_are_left_and_harm_nobody() {
    if Shape::leaves_out(Shape::Embedded, WHY) {
        return;
    }
    let mut platform = Platform::start().await;
    let (grpc, rest, alice) =
        (platform.grpc_addr("ticket"), platform.rest_addr(), platform.buyer("alice"));
    let said = python::run("slow.py", &[&grpc, &rest, &alice], None).await;
    println!("{said}");
    lives(&mut platform);
}

#[tokio::test(flavor = "multi_thread")]
async fn row26_slowhttptest_finds_the_service_available() {
    if Shape::leaves_out(Shape::Embedded, WHY) {
        return;
    }
    let mut platform = Platform::start().await;
    let url = format!("http://{}/v1/tickets", platform.rest_addr());
    let program = servers::slowhttptest().expect("`cargo xtask servers up` installs it");
    // Slow headers, slow bodies, slow reading: 200 of each, for some seconds, with a probe beside.
    let kinds = [&["-H"][..], &["-B"], &["-X", "-w", "1", "-y", "2", "-z", "1", "-k", "3"]];
    let tests = kinds.map(|kind| {
        let mut test = Command::new(&program);
        let common = ["-c", "200", "-r", "100", "-i", "1", "-l", "6", "-p", "3", "-u", &url];
        test.args(kind).args(common).kill_on_drop(true);
        async move { test.output().await.expect("slowhttptest starts") }
    });
    for found in futures::future::join_all(tests).await {
        let said = String::from_utf8_lossy(&found.stdout).into_owned();
        let last = said.rsplit("service available").next().expect("a part").to_owned();
        assert!(said.contains("service available") && last.contains("YES"), "{said}");
    }
    lives(&mut platform);
}

fn lives(platform: &mut Platform) {
    let server = platform.server("boxoffice");
    assert!(server.is_running(), "it lives");
    let log = server.log_text();
    assert!(!log.contains("panicked"), "{log}");
}
