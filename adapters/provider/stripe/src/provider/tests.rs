//! Answers as no provider should give them, over a socket.

use std::future::pending;
use std::time::Duration;

use kernel::{BookingId, Currency, Money, RefundId, Uuid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;

/// The last of what is sent for a charge.
const END_OF_ORDER: &str = "metadata%5Bcurrency%5D=USD";

fn order() -> ChargeOrder {
    ChargeOrder {
        key: ChargeKey { booking_id: BookingId::new(Uuid::from_u128(7)), attempt: 2 },
        amount: Money::from_minor(500, Currency::from_code("USD").expect("known")),
        payment_method: "pm_card".to_owned(),
    }
}

fn intent(attempt: u32) -> String {
    let booking = order().key.booking_id;
    format!(
        r#"{{"id":"pi_1","status":"succeeded","amount":500,"currency":"usd",
            "metadata":{{"booking_id":"{booking}","attempt":"{attempt}"}}}}"#
    )
}

fn with_length(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// What a charge hears from a server that answers each request with this and hangs up, and the requests.
async fn heard(answer: &str) -> (ChargeAnswer, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("its address"));
    let settings = StripeSettings::new(&base, "sk_test_12345").expect("sound");
    let provider = StripeProvider::new(settings).expect("TLS is there");
    let (order, mut requests) = (order(), Vec::new());
    let serving = async {
        loop {
            let (mut tcp, _) = listener.accept().await.expect("a connection");
            let (mut request, mut part) = (String::new(), [0; 4096]);
            while !request.contains(END_OF_ORDER) {
                let read = tcp.read(&mut part).await.expect("a request");
                assert!(read > 0, "half a request: {request}");
                request.push_str(&String::from_utf8_lossy(&part[..read]));
            }
            requests.push(request);
            // A client that has read enough may have left.
            let _left = tcp.write_all(answer.as_bytes()).await;
        }
    };
    let answer = tokio::select! {
        () = serving => unreachable!("it serves for ever"),
        answer = provider.charge(&order) => answer,
    };
    (answer, requests)
}

#[tokio::test]
async fn r05_a_charge_is_sent_once_with_its_key_and_as_whom() {
    let (answer, requests) = heard(&with_length("200 OK", &intent(2))).await;
    assert_eq!(answer, ChargeAnswer::Approved { provider_ref: "pi_1".to_owned() });
    let [request] = requests.as_slice() else { unreachable!("{} requests", requests.len()) };
    let request = request.to_lowercase();
    for line in [
        "post /v1/payment_intents http/1.1",
        "authorization: bearer sk_test_12345",
        "idempotency-key: 00000000-0000-0000-0000-000000000007:2",
        "stripe-version: ",
        "content-type: application/x-www-form-urlencoded",
    ] {
        assert!(request.contains(line), "{line}: {request}");
    }
}

#[tokio::test]
async fn r04_an_answer_that_is_none_is_unknown_and_nobody_is_asked_again() {
    let elsewhere = "302 Found\r\nlocation: /v1/payment_intents";
    let endless = format!(r#"{{"id":"{}"}}"#, "x".repeat(2 << 20));
    for answer in [
        with_length("200 OK", &intent(1)),
        with_length("200 OK", r#"{"object":"list","data":[]}"#),
        with_length("200 OK", "<html>"),
        with_length("200 OK", &endless),
        with_length(elsewhere, ""),
        with_length("503 Service Unavailable", "<html>"),
        with_length("402 Payment Required", "<html>"),
        with_length("429 Too Many Requests\r\nretry-after: 1", "<html>"),
        with_length("503 Service Unavailable\r\nretry-after: 1", r#"{"error":{}}"#),
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{".to_owned(),
        "SSH-2.0-x\r\n".to_owned(),
    ] {
        let (heard, requests) = heard(&answer).await;
        assert_eq!(heard, ChargeAnswer::Unknown, "{}", answer.get(..80).unwrap_or(&answer));
        assert_eq!(requests.len(), 1);
    }
}

#[tokio::test]
async fn r33_a_provider_without_room_says_so_and_when_to_come_again() {
    let body =
        r#"{"error":{"type":"invalid_request_error","message":"Request rate limit exceeded."}}"#;
    for (header, secs) in [
        ("", None),
        ("\r\nretry-after: 7", Some(7)),
        ("\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("\r\nretry-after: -1", None),
    ] {
        let head = format!("429 Too Many Requests{header}");
        let (heard, requests) = heard(&with_length(&head, body)).await;
        let retry_after = secs.map(Duration::from_secs);
        assert_eq!(heard, ChargeAnswer::NotTried { retry_after }, "{header}");
        assert_eq!(requests.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn r04_a_call_ends_in_the_time_that_it_has() {
    let began = Instant::now();
    assert_eq!(in_time(&"key", pending::<Result<(), _>>()).await, None);
    assert_eq!(began.elapsed(), PROVIDER_TIMEOUT);
    assert!(PROVIDER_TIMEOUT < Duration::from_secs(10));
}

/// What a refund hears of a server that has these of the charge, and makes another, and what is sent for that one.
async fn refunded(known: &str, anew: bool) -> (RefundAnswer, Option<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("its address"));
    let settings = StripeSettings::new(&base, "sk_test_12345").expect("sound");
    let provider = StripeProvider::new(settings).expect("TLS is there");
    let list = with_length("200 OK", &format!(r#"{{"data":[{known}]}}"#));
    let made = with_length("200 OK", &refund("re_2", "succeeded"));
    let mut sent = None;
    let serving = async {
        loop {
            let (mut tcp, _) = listener.accept().await.expect("a connection");
            let (mut request, mut part) = (String::new(), [0; 4096]);
            let is_whole = |request: &str| match request.starts_with("POST") {
                true => request.contains("metadata%5Battempt%5D=2"),
                false => request.ends_with("\r\n\r\n"),
            };
            while request.is_empty() || !is_whole(&request) {
                let read = tcp.read(&mut part).await.expect("a request");
                assert!(read > 0, "half a request: {request}");
                request.push_str(&String::from_utf8_lossy(&part[..read]));
            }
            let answer = if request.starts_with("POST") { &made } else { &list };
            let _left = tcp.write_all(answer.as_bytes()).await;
            if request.starts_with("POST") {
                sent = Some(request.to_lowercase());
            }
        }
    };
    let refund = RefundOrder { anew, ..refund_order() };
    let answer = tokio::select! {
        () = serving => unreachable!("it serves for ever"),
        answer = provider.refund(&refund) => answer,
    };
    (answer, sent)
}

fn refund_order() -> RefundOrder {
    let ChargeOrder { key, amount, .. } = order();
    let refund_id = RefundId::new(Uuid::from_u128(9));
    RefundOrder { refund_id, charge: key, provider_ref: "pi_1".to_owned(), amount, anew: true }
}

fn refund(id: &str, status: &str) -> String {
    let refund_id = refund_order().refund_id;
    format!(
        r#"{{"id":"{id}","status":"{status}","amount":500,"currency":"usd",
            "metadata":{{"refund_id":"{refund_id}"}}}}"#
    )
}

#[tokio::test]
async fn r12_a_refund_that_has_failed_is_made_anew_where_it_may_and_any_other_is_not() {
    let back = |id: &str| RefundAnswer::Succeeded { provider_ref: id.to_owned() };
    let key = |request: Option<String>| {
        let request = request?;
        let (_, key) = request.split_once("idempotency-key: ")?;
        Some(key.lines().next()?.to_owned())
    };
    let id = refund_order().refund_id;
    let failed = RefundAnswer::Refused { reason: "the refund failed".to_owned() };
    for (known, anew, answer, sent_with) in [
        (String::new(), true, back("re_2"), Some(id.to_string())),
        (String::new(), false, back("re_2"), Some(id.to_string())),
        (refund("re_1", "failed"), true, back("re_2"), Some(format!("{id}:1"))),
        (refund("re_1", "failed"), false, failed, None),
        (refund("re_1", "pending"), true, RefundAnswer::Unknown, None),
        (
            format!("{},{}", refund("re_0", "failed"), refund("re_1", "succeeded")),
            true,
            back("re_1"),
            None,
        ),
    ] {
        let (heard, sent) = refunded(&known, anew).await;
        assert_eq!((heard, key(sent)), (answer, sent_with), "{known}");
    }
}
