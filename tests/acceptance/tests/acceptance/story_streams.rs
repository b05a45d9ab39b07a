//! Server streams as Server-Sent Events, and the OpenAPI document.

use testkit::Platform;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::world::{book_confirmed, register};

#[tokio::test(flavor = "multi_thread")]
async fn t08_my_page_is_followed_as_a_live_stream() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Live", 5).await;
    let request = format!(
        "GET /v1/mypage/bookings:watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        platform.buyer("alice")
    );
    let mut socket = TcpStream::connect(platform.rest_addr()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(socket).lines();
    let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
    let confirmed = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let row: serde_json::Value = serde_json::from_str(data).unwrap();
            assert_eq!(row["bookingId"], booking.as_str(), "only her own");
            if row["status"] == "BOOKING_STATUS_CONFIRMED" {
                return;
            }
        }
        panic!("the stream ended early");
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), confirmed)
        .await
        .expect("the change is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn openapi_describes_every_public_route() {
    let platform = Platform::start().await;
    let answer = platform.http.get("/openapi.json").send().await.unwrap();
    assert_eq!(answer.status, 200);
    let paths = answer.json["paths"].as_object().unwrap();
    for path in ["/v1/tickets", "/v1/bookings/{booking_id}:cancel", "/v1/mypage/sales:summary"] {
        assert!(paths.contains_key(path), "{path} in {:?}", paths.keys());
    }
    assert!(!answer.json.to_string().contains("HoldStock"), "internal rpcs are not there");
}
