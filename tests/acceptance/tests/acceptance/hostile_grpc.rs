//! What no honest client sends over gRPC is refused for what it is, and harms nobody (row 20).

use testkit::{Platform, Shape};

use crate::python;
use crate::world::{book_confirmed, register};

#[tokio::test(flavor = "multi_thread")]
async fn row20_hostile_calls_are_told_their_fault_and_harm_nobody() {
    if Shape::leaves_out(Shape::Embedded, "the same shell stands before every context") {
        return;
    }
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Besieged", 1_000).await;
    let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
    let server = platform.server("boxoffice");
    let process = server.pid().expect("it runs").to_string();
    let (buyer, organizer) = (platform.buyer("alice"), platform.organizer("acme"));
    let address = platform.grpc_addr("ticket");
    let said = python::run(
        "hostile.py",
        &[&address, &process, &buyer, &organizer, &ticket, &booking],
        Some(&python::generated().await),
    )
    .await;
    println!("{said}");
    let server = platform.server("boxoffice");
    assert!(server.is_running(), "it lives");
    let log = server.log_text();
    assert!(!log.contains("panicked"), "{log}");
    platform.audit_is_clean().await;
}
