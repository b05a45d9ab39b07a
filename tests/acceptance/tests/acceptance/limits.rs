//! How often one caller may call, through every door, and that nobody else is kept out by it.

use boxoffice::http::{HttpAnswer, HttpCall};
use proto::boxoffice::booking::v1::ListBookingsRequest;
use proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;
use testkit::Platform;
use tonic::Code;
use tonic_types::StatusExt;

/// More than a bucket of five fills up to while a test calls.
const CALLS: usize = 200;

async fn send(call: HttpCall<'_>) -> HttpAnswer {
    call.send().await.expect("the platform answers")
}

fn is_advice(answer: &HttpAnswer) -> bool {
    let seconds = answer.headers.get("retry-after").and_then(|after| after.to_str().ok());
    seconds.and_then(|seconds| seconds.parse::<u32>().ok()).is_some_and(|seconds| seconds >= 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_a_subject_that_calls_too_often_is_told_when_to_come_again() {
    let settings = [("RATE_LIMIT_SUBJECT_PER_SECOND", "1"), ("RATE_LIMIT_SUBJECT_BURST", "5")];
    let platform = Platform::start_with(&settings).await;
    let (alice, bob) = (platform.buyer("alice"), platform.buyer("bob"));
    let mut refused = None;
    for _ in 0..CALLS {
        let answer = send(platform.http.get("/v1/bookings").token(&alice)).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("alice calls more often than she may");
    assert_eq!((refused.status.as_u16(), refused.reason()), (429, "RATE_LIMITED"));
    assert!(is_advice(&refused), "{:?}", refused.headers);

    let endpoint = format!("http://{}", platform.grpc_addr("booking"));
    let channel = tonic::transport::Channel::from_shared(endpoint).expect("a URL");
    let mut bookings = BookingServiceClient::new(channel.connect().await.expect("connects"));
    let mut refused = None;
    for _ in 0..CALLS {
        let mut request = tonic::Request::new(ListBookingsRequest::default());
        let bearer = format!("Bearer {alice}").parse().expect("ascii");
        request.metadata_mut().insert("authorization", bearer);
        if let Err(status) = bookings.list_bookings(request).await {
            refused = Some(status);
            break;
        }
    }
    let refused = refused.expect("the same bucket");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some()));

    assert_eq!(send(platform.http.get("/v1/bookings").token(&bob)).await.status, 200);
    assert_eq!(send(platform.http.get("/v1/tickets")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_an_address_that_sends_too_often_is_told_when_to_come_again() {
    let settings = [("RATE_LIMIT_ADDRESS_PER_SECOND", "1"), ("RATE_LIMIT_ADDRESS_BURST", "5")];
    let platform = Platform::start_with(&settings).await;
    let from = |address: &str| platform.http.get("/v1/tickets").header("x-forwarded-for", address);
    let mut refused = None;
    for _ in 0..CALLS {
        // What the client itself wrote before the proxy's word counts for nothing.
        let answer = send(from("192.0.2.1, 198.51.100.7")).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("this address sends more often than it may");
    assert_eq!((refused.status.as_u16(), refused.reason()), (429, "RATE_LIMITED"));
    assert!(is_advice(&refused), "{:?}", refused.headers);
    assert!(refused.headers.contains_key("x-request-id"), "{:?}", refused.headers);
    assert_eq!(send(from("192.0.2.1")).await.status, 200);
    for _ in 0..20 {
        // A proxy of our own that names nobody.
        assert_eq!(send(platform.http.get("/v1/tickets")).await.status, 200);
    }
}
