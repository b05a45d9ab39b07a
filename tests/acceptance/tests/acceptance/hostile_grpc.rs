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
    // Two rounds at the server's own port and two at the gateway's door: each ends its ticket.
    let mut made = Vec::new();
    for _ in 0..4 {
        let ticket = register(&platform, "Besieged", 1_000).await;
        let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
        made.extend([ticket, booking]);
    }
    let server = platform.server("boxoffice");
    let process = server.pid().expect("it runs").to_string();
    let (buyer, organizer) = (platform.buyer("alice"), platform.organizer("acme"));
    let (grpc, rest) = (platform.grpc_addr("ticket"), platform.rest_addr());
    let mut arguments = vec![grpc.as_str(), &rest, &process, &buyer, &organizer];
    arguments.extend(made.iter().map(String::as_str));
    let said = python::run("hostile.py", &arguments, Some(&python::generated().await)).await;
    println!("{said}");
    let server = platform.server("boxoffice");
    assert!(server.is_running(), "it lives");
    let log = server.log_text();
    assert!(!log.contains("panicked"), "{log}");
    platform.audit_is_clean().await;
}
