//! gRPC and gRPC-Web at the address of REST: what is public, and nothing else.

use std::time::Duration;

use futures::future::join_all;
use proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;
use proto::boxoffice::booking::v1::{BookingStatus, CreateBookingRequest};
use proto::boxoffice::ticket::v1::HoldStockRequest;
use proto::boxoffice::ticket::v1::SearchTicketsRequest;
use proto::boxoffice::ticket::v1::stock_service_client::StockServiceClient;
use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use testkit::{Platform, Shape, eventually, tool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use crate::world::{register, until};

async fn channel(platform: &Platform) -> Channel {
    let address = format!("http://{}", platform.rest_addr());
    Endpoint::from_shared(address).unwrap().connect().await.expect("the gateway listens")
}

fn with_token<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// What grpcurl says when it is asked this with these options, and whether it succeeded.
async fn grpcurl(platform: &Platform, options: &[&str], asked: &[&str]) -> (bool, String) {
    let mut command = tokio::process::Command::new(tool("grpcurl"));
    command.arg("-plaintext").args(options).arg(platform.rest_addr()).args(asked);
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The one address knows the public contract, and answers as if there were no other.
#[tokio::test(flavor = "multi_thread")]
async fn reflection_and_health_at_the_gateway_know_what_is_public_and_no_more() {
    let platform = Platform::start().await;
    let (listed, services) = grpcurl(&platform, &[], &["list"]).await;
    assert!(listed && services.contains("boxoffice.mypage.v1.MyPageService"), "{services}");
    assert!(services.contains("grpc.health.v1.Health"), "{services}");
    assert!(!services.contains("StockService"), "{services}");
    let of = "boxoffice.payment.v1.PaymentService";
    let (described, payments) = grpcurl(&platform, &[], &["describe", of]).await;
    assert!(described && payments.contains("ListPayments"), "{payments}");
    assert!(!payments.contains("ChargePayment"), "{payments}");
    for internal in [
        "boxoffice.ticket.v1.StockService",
        "boxoffice.ticket.v1.HoldStockRequest",
        "boxoffice.payment.v1.PaymentService.ChargePayment",
    ] {
        let (described, said) = grpcurl(&platform, &[], &["describe", internal]).await;
        assert!(!described && said.to_lowercase().contains("not found"), "{internal}: {said}");
    }
    let question = r#"{"service": "boxoffice.booking.v1.BookingService"}"#;
    let (_, health) = grpcurl(&platform, &["-d", question], &["grpc.health.v1.Health/Check"]).await;
    assert!(health.contains("\"SERVING\""), "{health}");
    let question = r#"{"service": "boxoffice.ticket.v1.StockService"}"#;
    let (_, health) = grpcurl(&platform, &["-d", question], &["grpc.health.v1.Health/Check"]).await;
    assert!(health.contains("NotFound"), "{health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_counted_once_and_an_internal_one_refused() {
    let platform = Platform::start().await;
    let channel = channel(&platform).await;
    let mut tickets = TicketServiceClient::new(channel.clone());
    tickets.search_tickets(SearchTicketsRequest::default()).await.expect("answers");
    let service = platform.token(&["--role", "service", "--sub", "booking"]);
    let hold = with_token(&service, HoldStockRequest::default());
    let refused =
        StockServiceClient::new(channel.clone()).hold_stock(hold).await.expect_err("is internal");
    assert_eq!(refused.code(), Code::Unimplemented);
    if Shape::leaves_out(Shape::Embedded, "where gateway and servers count in one place") {
        return;
    }
    let ticket = register(&platform, "Impatience", 1).await;
    let wish = CreateBookingRequest {
        ticket_id: ticket,
        quantity: 1,
        payment_method: "slow".to_owned(),
        ..CreateBookingRequest::default()
    };
    let mut hasty = with_token(&platform.buyer("hasty"), wish);
    // Too short for booking to answer that it is undecided.
    hasty.set_timeout(Duration::from_millis(100));
    BookingServiceClient::new(channel).create_booking(hasty).await.expect_err("has no time");
    for (method, status) in
        [("SearchTickets", "OK"), ("HoldStock", "UNIMPLEMENTED"), ("CreateBooking", "CANCELLED")]
    {
        eventually(method, || async {
            match counted(&platform, method, status).await {
                1 => Ok(()),
                other => Err(format!("{other} times")),
            }
        })
        .await;
    }
    let metrics = platform.admin_get("/metrics").await.body;
    assert!(!metrics.contains("\"DEADLINE_EXCEEDED\""), "no fault of ours");
}

/// How calls of this rpc have ended so often, as the servers count them.
async fn counted(platform: &Platform, method: &str, status: &str) -> u64 {
    let metrics = platform.admin_get("/metrics").await.body;
    let of = |line: &&str| {
        line.starts_with("grpc_requests_total{")
            && [method, status].iter().all(|label| line.contains(&format!("\"{label}\"")))
    };
    let counts = metrics.lines().filter(of).filter_map(|line| line.rsplit(' ').next());
    counts.map(|count| count.parse::<u64>().expect("a number")).sum()
}

/// Places a booking whose charge takes longer than its caller waits, and gives what payment has counted the charge as.
async fn charged_too_slowly(platform: &Platform, channel: &Channel, ticket: &str) -> &'static str {
    const ENDS: [&str; 2] = ["CANCELLED", "DEADLINE_EXCEEDED"];
    let ended = async || {
        let counts = ENDS.map(|status| counted(platform, "ChargePayment", status));
        join_all(counts).await
    };
    let before = ended().await;
    let wish = CreateBookingRequest {
        ticket_id: ticket.to_owned(),
        quantity: 1,
        payment_method: "slow".to_owned(),
        ..CreateBookingRequest::default()
    };
    let mut hasty = with_token(&platform.buyer("hasty"), wish);
    hasty.set_timeout(Duration::from_secs(2));
    let answer = BookingServiceClient::new(channel.clone()).create_booking(hasty).await;
    let booking = answer.expect("is told that it is undecided").into_inner().booking.unwrap();
    assert_eq!(booking.status(), BookingStatus::Pending);
    eventually("the end of the charge's call", || async {
        let after = ended().await;
        let grown = (0..ENDS.len()).find(|at| after[*at] > before[*at]);
        grown.map(|at| ENDS[at]).ok_or_else(|| format!("{before:?}, {after:?}"))
    })
    .await
}

/// The time that booking has for its caller ends at booking: payment hears that nobody waits, and has missed no deadline
/// of its own. So it is whichever way the call has come.
#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_outlives_its_callers_time_is_no_fault_of_payments() {
    if Shape::leaves_out(Shape::Embedded, "where all servers count in one place") {
        return;
    }
    let platform = Platform::start().await;
    let ticket = register(&platform, "Impatience", 100).await;
    let own = Endpoint::from_shared(format!("http://{}", platform.grpc_addr("booking"))).unwrap();
    let own = own.connect().await.expect("booking listens");
    for (door, channel) in [("the gateway", channel(&platform).await), ("booking", own)] {
        let mut ended = Vec::new();
        // A machine that stands still for a tenth of a second may let payment look at its clock first.
        while ended.len() < 3 && !ended.contains(&"CANCELLED") {
            ended.push(charged_too_slowly(&platform, &channel, &ticket).await);
        }
        assert!(ended.contains(&"CANCELLED"), "by {door}: {ended:?}");
    }
}

/// As a browser sends it, less the browser.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_web_goes_over_http_1_and_what_is_no_grpc_is_415() {
    let platform = Platform::start().await;
    let ask = async |method: &str, kind: &str| {
        let mut socket = TcpStream::connect(platform.rest_addr()).await.unwrap();
        let head = format!(
            "{method} /boxoffice.ticket.v1.TicketService/SearchTickets HTTP/1.1\r\nHost: x\r\n\
             Content-Type: {kind}\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
        );
        // One message without a field: five bytes of frame, nothing in it.
        socket.write_all(&[head.as_bytes(), &[0; 5]].concat()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = ask("POST", "application/grpc-web+proto").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: application/grpc-web+proto"), "{answer}");
    assert!(answer.contains("grpc-status:0"), "{answer}");
    for (method, kind) in [
        ("POST", "text/plain"),
        ("POST", "application/grpc-web+json"),
        ("GET", "application/grpc"),
        ("GET", "application/grpc-web"),
    ] {
        let answer = ask(method, kind).await;
        assert!(answer.starts_with("HTTP/1.1 415"), "{method} {kind}: {answer}");
    }
}

/// Requirement X04, at the one address.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_under_way_are_answered_while_the_platform_stops() {
    const CALLS: usize = 100;
    if Shape::leaves_out(Shape::Embedded, "there all that a call needs stops in one order") {
        return;
    }
    let mut platform = Platform::start().await;
    let ticket = register(&platform, "Last hour", 1_000).await;
    let alice = platform.buyer("alice");
    let channel = channel(&platform).await;
    let calls = (0..CALLS).map(|_| {
        let wish = CreateBookingRequest {
            ticket_id: ticket.clone(),
            quantity: 1,
            payment_method: "slow".to_owned(),
            ..CreateBookingRequest::default()
        };
        let (request, mut bookings) =
            (with_token(&alice, wish), BookingServiceClient::new(channel.clone()));
        tokio::spawn(async move { bookings.create_booking(request).await })
    });
    let calls: Vec<_> = calls.collect();
    // All of them are there, and few are answered: the provider takes its time.
    until(&platform.http, "/v1/bookings?pageSize=100", &alice, |page| {
        page["bookings"].as_array().is_some_and(|rows| rows.len() == CALLS)
    })
    .await;
    let (stopped, answers) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(40), platform.terminate()),
        join_all(calls)
    );
    assert!(stopped.expect("ends within its drain limit").success(), "exit code 0");
    for answer in answers {
        let booking = answer.unwrap().expect("is answered").into_inner().booking.unwrap();
        assert_eq!(booking.status(), BookingStatus::Confirmed);
    }
}
