//! What HTTP asks of REST, byte by byte: statuses, headers, conditions, forms of answers, other origins.

use std::io::Read;

use serde_json::{Value, json};
use testkit::Platform;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::world::register;

const SHOP: &str = "https://shop.example";

/// One connection on which everything is asked: an answer that ends elsewhere than it says would
/// spoil the next.
struct Wire(BufReader<TcpStream>);

#[derive(Debug)]
struct Told {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Wire {
    async fn to(platform: &Platform) -> Self {
        Self(BufReader::new(TcpStream::connect(platform.rest_addr()).await.unwrap()))
    }

    /// Sends `METHOD path` with these headers, each a line, and a body.
    async fn ask(&mut self, line: &str, headers: &[&str], body: &str) -> Told {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: box\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        loop {
            let mut text = String::new();
            assert!(
                self.0.read_line(&mut text).await.unwrap() > 0,
                "{line}: hung up after {head:?}"
            );
            if text.trim_end().is_empty() {
                break;
            }
            head.push(text.trim_end().to_owned());
        }
        let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
        let pair = |text: &String| {
            let (name, value) = text.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let mut told = Told { status, headers: head[1..].iter().map(pair).collect(), body: vec![] };
        if !line.starts_with("HEAD") && ![204, 304].contains(&status) {
            told.body = vec![0; told.header("content-length").parse().unwrap()];
            self.0.read_exact(&mut told.body).await.unwrap();
        }
        told
    }
}

impl Told {
    /// All values of a header; empty without any.
    fn header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(said, _)| said == name);
        values.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn reason(&self) -> String {
        let json = self.json();
        let details = json["details"].as_array().unwrap();
        let reason = details.iter().find_map(|detail| detail["reason"].as_str());
        reason.unwrap_or_default().to_owned()
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

const AS_JSON: &str = "Content-Type: application/json";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_says_where_it_is_and_is_made_once() {
    let platform = Platform::start().await;
    let mut wire = Wire::to(&platform).await;
    let acme = bearer(&platform.organizer("acme"));
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": "Located", "capacity": "5",
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
    });
    let made = wire.ask("POST /v1/tickets", &[&acme, AS_JSON], &ticket.to_string()).await;
    let ticket = made.json()["ticketId"].as_str().unwrap().to_owned();
    assert_eq!((made.status, made.header("location")), (201, format!("/v1/tickets/{ticket}")));
    let found = wire.ask(&format!("GET {}", made.header("location")), &[], "").await;
    assert_eq!((found.status, found.json()), (200, made.json()));
    assert_eq!(found.header("etag"), made.header("etag"), "it is what was made");

    let alice = bearer(&platform.buyer("alice"));
    let wish = json!({"ticketId": ticket, "quantity": 2, "paymentMethod": "ok"}).to_string();
    let keyed = [alice.as_str(), AS_JSON, "Idempotency-Key: k"];
    let first = wire.ask("POST /v1/bookings", &keyed, &wish).await;
    let booking = first.json()["bookingId"].as_str().unwrap().to_owned();
    assert_eq!((first.status, first.header("location")), (201, format!("/v1/bookings/{booking}")));
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = wire.ask("POST /v1/bookings", &keyed, &wish).await;
    assert_eq!((again.status, again.header("location")), (201, first.header("location")));
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = wire
        .ask("POST /v1/bookings", &keyed, &wish.replace("\"quantity\":2", "\"quantity\":1"))
        .await;
    assert_eq!((other.status, other.reason().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
    let cancel = format!("POST /v1/bookings/{booking}:cancel");
    let cancelled = wire.ask(&cancel, &[&alice, AS_JSON], "{}").await;
    assert_eq!((cancelled.status, cancelled.header("location").as_str()), (200, ""));
    // What the call made is not what the client would take: so it is not made.
    let picky = [alice.as_str(), AS_JSON, "Accept-Encoding: identity;q=0"];
    let refused = wire.ask("POST /v1/bookings", &picky, &wish).await;
    assert_eq!((refused.status, refused.reason().as_str()), (406, "NOT_ACCEPTABLE"));
    let listed = wire.ask("GET /v1/bookings", &[&alice], "").await;
    assert_eq!(listed.json()["bookings"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_kept() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Conditional", 5).await;
    let mut wire = Wire::to(&platform).await;
    let get = format!("GET /v1/tickets/{ticket}");
    let first = wire.ask(&get, &[], "").await;
    let tag = first.header("etag");
    assert!(tag.starts_with(&format!("\"{}.", first.json()["etag"].as_str().unwrap())), "{tag}");
    let known = format!("If-None-Match: {tag}");
    for line in [get.clone(), get.replace("GET", "HEAD")] {
        let again = wire.ask(&line, &[&known], "").await;
        assert_eq!((again.status, again.header("etag")), (304, tag.clone()), "{line}");
        assert_eq!(again.header("vary"), first.header("vary"));
        assert_eq!(again.header("content-length"), "");
        assert!(!again.header("x-request-id").is_empty());
    }
    let head = wire.ask(&get.replace("GET", "HEAD"), &[], "").await;
    for name in ["content-length", "content-type", "etag", "vary"] {
        assert_eq!(head.header(name), first.header(name), "{name}");
    }

    let acme = bearer(&platform.organizer("acme"));
    let patch = format!("PATCH /v1/tickets/{ticket}?updateMask=name");
    let matching = format!("If-Match: {tag}");
    let renamed = r#"{"name": "Renamed"}"#;
    let changed = wire.ask(&patch, &[&acme, AS_JSON, &matching], renamed).await;
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("Renamed")));
    assert_ne!(changed.header("etag"), tag);
    let stale = wire.ask(&patch, &[&acme, AS_JSON, &matching], renamed).await;
    assert_eq!((stale.status, stale.reason().as_str()), (409, "ETAG_MISMATCH"));
    let now = wire.ask(&get, &[&known], "").await;
    assert_eq!((now.status, now.header("etag")), (200, changed.header("etag")));
    let delete = format!("DELETE /v1/tickets/{ticket}");
    let stale = wire.ask(&delete, &[&acme, &matching], "").await;
    assert_eq!((stale.status, stale.reason().as_str()), (409, "ETAG_MISMATCH"));
    let bare = format!("If-Match: \"{}\"", now.json()["etag"].as_str().unwrap());
    let deleted = wire.ask(&delete, &[&acme, &bare], "").await;
    assert_eq!(
        (deleted.status, &deleted.json()["status"]),
        (200, &json!("TICKET_STATUS_RETIRING"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_precise_and_in_the_form_that_was_asked_for() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Refusing", 5).await;
    let mut wire = Wire::to(&platform).await;
    let alice = bearer(&platform.buyer("alice"));
    let wish = json!({"ticketId": ticket, "quantity": 9, "paymentMethod": "ok"}).to_string();
    let one = format!("/v1/tickets/{ticket}");
    let watch = format!("GET {one}/availability:watch");
    let put = format!("PUT {one}");
    for (line, header, body, status, reason) in [
        ("GET /v1/nothing", "", "", 404, "ROUTE_NOT_FOUND"),
        (put.as_str(), AS_JSON, "{}", 405, "METHOD_NOT_ALLOWED"),
        ("TRACE /v1/tickets", "", "", 405, "METHOD_NOT_ALLOWED"),
        ("GET /v1/tickets", "Accept: text/html", "", 406, "NOT_ACCEPTABLE"),
        ("GET /v1/tickets", "Accept-Encoding: *;q=0", "", 406, "NOT_ACCEPTABLE"),
        (watch.as_str(), "Accept: application/json", "", 406, "NOT_ACCEPTABLE"),
        ("POST /v1/bookings", "Content-Type: text/plain", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST /v1/bookings", AS_JSON, "{", 400, "INVALID_FIELD"),
        ("POST /v1/bookings", AS_JSON, r#"{"nope": 1}"#, 400, "INVALID_FIELD"),
        ("GET /v1/tickets?pageSize=1&pageSize=2", "", "", 400, "INVALID_FIELD"),
        ("POST /v1/bookings", AS_JSON, &wish, 409, "SOLD_OUT"),
    ] {
        let mut headers = vec![alice.as_str()];
        headers.extend((!header.is_empty()).then_some(header));
        let plain = wire.ask(line, &headers, body).await;
        assert_eq!((plain.status, plain.reason().as_str()), (status, reason), "{line} {header}");
        assert_eq!(plain.header("content-type"), "application/json");
        assert_eq!(plain.header("vary"), "accept, accept-encoding");
        assert!(!plain.header("x-request-id").is_empty());
        match status {
            405 => assert!(plain.header("allow").contains("GET, "), "{line}"),
            415 => assert_eq!(plain.header("accept"), "application/json"),
            _ => {}
        }
        if header.starts_with("Accept:") {
            continue;
        }
        headers.push("Accept: application/json, application/problem+json");
        let problem = wire.ask(line, &headers, body).await;
        assert_eq!(problem.header("content-type"), "application/problem+json", "{line}");
        let json = problem.json();
        assert_eq!((problem.status, &json["status"]), (status, &json!(status)), "{line}");
        assert_eq!(json["type"], format!("urn:boxoffice:{reason}"), "{line}");
        assert_eq!(json["details"][0]["@type"], plain.json()["details"][0]["@type"], "{line}");
    }
    let nobody = wire.ask("GET /v1/bookings", &[], "").await;
    assert_eq!((nobody.status, nobody.header("www-authenticate").as_str()), (401, "Bearer"));
    for (path, allow) in [
        (one.as_str(), "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("/v1/bookings", "POST, GET, HEAD, OPTIONS"),
    ] {
        let options = wire.ask(&format!("OPTIONS {path}"), &[], "").await;
        let sorted = |text: &str| {
            let mut names: Vec<_> = text.split(", ").map(str::to_owned).collect();
            names.sort();
            names
        };
        assert_eq!((options.status, sorted(&options.header("allow"))), (204, sorted(allow)));
    }
    assert_eq!(wire.ask("OPTIONS *", &[], "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_and_shown_to_pages_of_named_origins() {
    let platform = Platform::start_with(&[("CORS_ORIGINS", SHOP)]).await;
    for nth in 0..5 {
        register(&platform, &format!("Compressed {nth}"), 5).await;
    }
    let mut wire = Wire::to(&platform).await;
    let origin = format!("Origin: {SHOP}");
    let plain = wire.ask("GET /v1/tickets", &[], "").await;
    assert_eq!(plain.header("access-control-allow-origin"), "");
    let gzip = ["Accept-Encoding: deflate, gzip;q=0.8, identity;q=0.1", &origin];
    let packed = wire.ask("GET /v1/tickets", &gzip, "").await;
    assert_eq!((packed.status, packed.header("content-encoding").as_str()), (200, "gzip"));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
    assert_eq!(packed.header("etag"), format!("W/{}", plain.header("etag")));
    assert_eq!(packed.header("access-control-allow-origin"), SHOP);
    assert!(packed.header("access-control-expose-headers").contains("grpc-status-details-bin"));
    assert_eq!(packed.header("vary"), "accept, accept-encoding, origin");
    let known = format!("If-None-Match: {}", packed.header("etag"));
    let again = wire.ask("GET /v1/tickets", &[gzip[0], &origin, &known], "").await;
    assert_eq!((again.status, again.header("etag")), (304, packed.header("etag")));
    assert_eq!(again.header("vary"), packed.header("vary"));
    let unwanted = wire.ask("GET /v1/tickets", &["Accept-Encoding: gzip;q=0"], "").await;
    assert_eq!(unwanted.header("content-encoding"), "");

    let preflight = [
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type,idempotency-key",
    ];
    let granted =
        wire.ask("OPTIONS /v1/bookings", &[&origin, preflight[0], preflight[1]], "").await;
    assert_eq!(
        (granted.status, granted.header("access-control-allow-origin").as_str()),
        (204, SHOP)
    );
    assert!(granted.header("access-control-allow-headers").contains("idempotency-key"));
    let stranger = ["Origin: https://evil.example", preflight[0], preflight[1]];
    let refused = wire.ask("OPTIONS /v1/bookings", &stranger, "").await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
}
