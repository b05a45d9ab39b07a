//! Who may see and do what: forged tokens, foreign bookings, missing roles.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use testkit::Platform;
use tonic::Code;
use tonic::transport::Channel;

use crate::world::{book_confirmed, register, until};
use proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;
use proto::boxoffice::booking::v1::{CancelBookingRequest, GetBookingRequest, PayBookingRequest};
use proto::boxoffice::mypage::v1::GetMyBookingRequest;
use proto::boxoffice::mypage::v1::my_page_service_client::MyPageServiceClient;
use proto::boxoffice::payment::v1::payment_service_client::PaymentServiceClient;
use proto::boxoffice::payment::v1::{GetPaymentRequest, ListPaymentsRequest, RefundPaymentRequest};
use proto::boxoffice::ticket::v1::CommitHoldRequest;
use proto::boxoffice::ticket::v1::stock_service_client::StockServiceClient;

fn request<T>(token: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if !token.is_empty() {
        let bearer = format!("Bearer {token}").parse().expect("ascii");
        request.metadata_mut().insert("authorization", bearer);
    }
    request
}

async fn channel(platform: &Platform, context: &str) -> Channel {
    let endpoint = format!("http://{}", platform.grpc_addr(context));
    Channel::from_shared(endpoint).unwrap().connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_another_buyers_booking_does_not_exist_by_any_route_or_rpc() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Private", 5).await;
    let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
    let (alice, mallory) = (platform.buyer("alice"), platform.buyer("mallory"));
    let mine = format!("/v1/mypage/bookings/{booking}");
    until(&platform.http, &mine, &alice, |row| row["paymentStatus"] == "PAYMENT_STATUS_APPROVED")
        .await;
    let payments = format!("/v1/payments?bookingId={booking}");
    let paid = platform.http.get(&payments).token(&alice).send().await.unwrap();
    let payment = paid.json["payments"][0]["paymentId"].as_str().unwrap().to_owned();

    for path in [format!("/v1/bookings/{booking}"), mine, format!("/v1/payments/{payment}")] {
        let answer = platform.http.get(&path).token(&mallory).send().await.unwrap();
        assert_eq!(answer.status, 404, "{path}: {}", answer.json);
    }
    for action in ["cancel", "pay"] {
        let path = format!("/v1/bookings/{booking}:{action}");
        let answer =
            platform.http.post(&path).token(&mallory).json(json!({})).send().await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.reason()), (404, "BOOKING_NOT_FOUND"), "{path}");
    }
    for (path, field) in [
        ("/v1/bookings".to_owned(), "bookings"),
        ("/v1/mypage/bookings".to_owned(), "bookings"),
        (payments, "payments"),
        (format!("/v1/notifications?bookingId={booking}"), "notifications"),
    ] {
        let answer = platform.http.get(&path).token(&mallory).send().await.unwrap();
        assert_eq!(answer.json[field], json!([]), "{path}");
    }
    let rival = platform.organizer("rival");
    let sales = platform.http.get("/v1/mypage/sales").token(&rival).send().await.unwrap();
    assert_eq!(sales.json["sales"], json!([]), "t07: no other organizer sees it");

    let mut bookings = BookingServiceClient::new(channel(&platform, "booking").await);
    let booking_id = booking.clone();
    let get = bookings
        .get_booking(request(&mallory, GetBookingRequest { booking_id: booking_id.clone() }))
        .await;
    assert_eq!(get.unwrap_err().code(), Code::NotFound);
    let cancel = CancelBookingRequest { booking_id: booking_id.clone(), quantity: None };
    assert_eq!(
        bookings.cancel_booking(request(&mallory, cancel)).await.unwrap_err().code(),
        Code::NotFound
    );
    let pay = PayBookingRequest { booking_id: booking_id.clone(), payment_method: "ok".into() };
    assert_eq!(
        bookings.pay_booking(request(&mallory, pay)).await.unwrap_err().code(),
        Code::NotFound
    );
    let mut mypage = MyPageServiceClient::new(channel(&platform, "mypage").await);
    let row = mypage
        .get_my_booking(request(
            &mallory,
            GetMyBookingRequest { booking_id: booking_id.clone(), min_version: 0 },
        ))
        .await;
    assert_eq!(row.unwrap_err().code(), Code::NotFound);
    let mut payments = PaymentServiceClient::new(channel(&platform, "payment").await);
    let get =
        payments.get_payment(request(&mallory, GetPaymentRequest { payment_id: payment })).await;
    assert_eq!(get.unwrap_err().code(), Code::NotFound);
    let list = ListPaymentsRequest { booking_id, ..Default::default() };
    let list = payments.list_payments(request(&mallory, list)).await.unwrap().into_inner();
    assert!(list.payments.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_internal_rpcs_take_only_the_service_role() {
    let platform = Platform::start().await;
    let stock = StockServiceClient::new(channel(&platform, "ticket").await);
    let payments = PaymentServiceClient::new(channel(&platform, "payment").await);
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    for (token, code) in
        [(String::new(), Code::Unauthenticated), (platform.buyer("eve"), Code::PermissionDenied)]
    {
        let commit = request(&token, CommitHoldRequest { hold_id: id.clone() });
        let refused = stock.clone().commit_hold(commit).await.unwrap_err();
        assert_eq!(refused.code(), code);
        let refund = request(&token, RefundPaymentRequest { booking_id: id.clone(), keep: None });
        let refused = payments.clone().refund_payment(refund).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    let answer = platform
        .http
        .post("/boxoffice.ticket.v1.StockService/CommitHold")
        .json(json!({}))
        .send()
        .await;
    assert_eq!(answer.unwrap().status, 404, "not over REST");
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_roles_and_ownership_are_asked_for() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Owned", 5).await;
    let path = format!("/v1/tickets/{ticket}");
    let (buyer, rival) = (platform.buyer("alice"), platform.organizer("rival"));
    for token in [&buyer, &rival] {
        let answer = platform.http.delete(&path).token(token).send().await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (403, "PERMISSION_DENIED"),
            "{}",
            answer.json
        );
    }
    let wish = json!({"ticketId": ticket, "quantity": 1});
    let answer =
        platform.http.post("/v1/bookings").token(&rival).json(wish.clone()).send().await.unwrap();
    assert_eq!(answer.status, 403, "an organizer is no buyer");
    let answer = platform.http.post("/v1/bookings").json(wish).send().await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "UNAUTHENTICATED"));
}

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    settings: runtime::Settings,
}

/// The development issuer's public key, as anyone may know it.
fn public_key(platform: &Platform) -> Vec<u8> {
    let folder = platform.data_dir().to_str().unwrap();
    let CommandLine { settings } = clap::Parser::parse_from(["boxoffice", "--data-dir", folder]);
    let issuer = runtime::Issuer::development(&settings).unwrap();
    let jwks: Value = serde_json::from_str(issuer.jwks()).unwrap();
    BASE64.decode(jwks["keys"][0]["x"].as_str().unwrap()).unwrap()
}

/// The parts of a token, to be put together wrongly.
fn parts(token: &str) -> (Value, Value, String) {
    let mut parts = token.split('.');
    let mut json =
        || serde_json::from_slice(&BASE64.decode(parts.next().unwrap()).unwrap()).unwrap();
    let (header, claims) = (json(), json());
    (header, claims, parts.next().unwrap().to_owned())
}

fn forged(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_forged_expired_and_foreign_tokens_are_refused_by_rest_and_grpc() {
    let platform = Platform::start().await;
    let genuine = platform.buyer("alice");
    let (header, claims, signature) = parts(&genuine);
    let mut other = claims.clone();
    other["sub"] = json!("bob");
    let mut hs256 = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    hs256.kid = header["kid"].as_str().map(str::to_owned);
    let secret = jsonwebtoken::EncodingKey::from_secret(&public_key(&platform));
    let with_public_key = jsonwebtoken::encode(&hs256, &other, &secret).unwrap();
    let none = json!({"alg": "none", "typ": "JWT", "kid": header["kid"]});
    let bad = [
        ("none", forged(&none, &other, "")),
        ("none, signed", forged(&none, &other, &signature)),
        ("HS256 with the public key", with_public_key),
        ("other claims", forged(&header, &other, &signature)),
        ("cut", genuine[..genuine.len() - 4].to_owned()),
        ("no token", "garbage".to_owned()),
        ("expired", platform.token(&["--role", "buyer", "--sub", "alice", "--valid-secs=-300"])),
        (
            "other audience",
            platform.token(&["--role", "buyer", "--sub", "alice", "--audience", "elsewhere"]),
        ),
    ];
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    let mut bookings = BookingServiceClient::new(channel(&platform, "booking").await);
    for (what, token) in &bad {
        let answer = platform.http.get("/v1/bookings").token(token).send().await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (401, "UNAUTHENTICATED"),
            "{what}: {}",
            answer.json
        );
        let refused = bookings
            .get_booking(request(token, GetBookingRequest { booking_id: id.clone() }))
            .await;
        assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated, "{what}");
    }
    let answer = platform.http.get("/v1/bookings").token(&genuine).send().await.unwrap();
    assert_eq!(answer.status, 200, "the genuine one still works");
}
