//! A client that hangs up mid-call leaves a booking that completes (A6).

use serde_json::json;
use testkit::Platform;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{register, until};

/// The head of a request may take 10 s; a busy machine gets some more.
const CUT_OFF_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_vanished_client_leaves_a_booking_that_completes() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Impatient", 10).await;
    let alice = platform.buyer("alice");
    // `slow` keeps the call open for seconds; the client is gone as soon as the booking exists.
    let body = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "slow"}).to_string();
    let request = format!(
        "POST /v1/bookings HTTP/1.1\r\nHost: boxoffice\r\nAuthorization: Bearer {alice}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(platform.rest_addr()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let is_there =
        |page: &serde_json::Value| page["bookings"].as_array().is_some_and(|rows| rows.len() == 1);
    until(&platform.http, "/v1/bookings", &alice, is_there).await;
    drop(socket);
    until(&platform.http, "/v1/bookings", &alice, |page| {
        page["bookings"][0]["status"] == "BOOKING_STATUS_CONFIRMED"
    })
    .await;
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_a_client_that_sends_half_a_request_is_cut_off_and_harms_nobody() {
    let platform = Platform::start().await;
    let mut socket = tokio::net::TcpStream::connect(platform.rest_addr()).await.unwrap();
    socket.write_all(b"POST /v1/bookings HTTP/1.1\r\nHost: box").await.unwrap();
    register(&platform, "Meanwhile", 1).await;
    let mut rest = Vec::new();
    // However it is ended, by an answer or by a reset: the read comes to an end.
    let ended = tokio::time::timeout(CUT_OFF_WITHIN, socket.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the server ends a silent connection");
}
