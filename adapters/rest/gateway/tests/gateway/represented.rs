//! The form of answers: media types, compression, problems, tags and conditions, what is made and where.

use std::io::Read;

use axum::body::Body;
use futures::stream::{self, StreamExt};
use http::{Method, StatusCode};
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::support::{Answered, Bench, request};

const SHELF: &str = "probe/v1/shelf.proto";
const BOOK: &str = "/v1/shelves/s/books/b%201";

/// Answers each call with a book of the etag 7, whose title is as long as the shelf's name says.
fn shelf() -> Bench {
    Bench::answering(&[SHELF], |method, _| {
        let mut answer = DynamicMessage::new(method.output());
        let title = "x".repeat(4096);
        let field = answer.descriptor().fields().next().unwrap();
        let kind = field.kind().as_message().unwrap().clone();
        let mut book = DynamicMessage::new(kind);
        for (name, value) in
            [("shelf_id", "s"), ("book_id", "b 1"), ("title", &title), ("etag", "7")]
        {
            book.set_field_by_name(name, Value::String(value.to_owned()));
        }
        let book = Value::Message(book);
        answer.set_field(&field, if field.is_list() { Value::List(vec![book]) } else { book });
        Ok(stream::iter([Ok(answer)]).boxed())
    })
}

/// Answers each call with its own request's etag, in an error that says so.
fn telling_etags() -> Bench {
    Bench::answering(&[SHELF], |_, request| {
        let etag = |message: &DynamicMessage| {
            message.get_field_by_name("etag").and_then(|etag| etag.as_str().map(str::to_owned))
        };
        let message = request.get_ref();
        let inner = message.get_field_by_name("book");
        let inner = inner.as_deref().and_then(Value::as_message).and_then(etag);
        Err(Status::aborted(format!("etag {}", etag(message).or(inner).unwrap_or_default())))
    })
}

async fn with(bench: &Bench, method: Method, path: &str, headers: &[(&str, &str)]) -> Answered {
    let body = (![Method::GET, Method::HEAD, Method::DELETE].contains(&method)).then_some("{}");
    let mut request = request(method, path, body);
    for (name, value) in headers {
        request
            .headers_mut()
            .append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    bench.send(request).await
}

fn unzipped(answered: &Answered) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*answered.body).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn what_is_made_says_where_it_is() {
    let bench = shelf();
    let made = bench.json(Method::POST, "/v1/shelves/s/books", "{}").await;
    assert_eq!((made.status, made.header("location")), (StatusCode::CREATED, BOOK));
    assert!(made.header("etag").starts_with("\"7."), "{made:?}");
    for (method, path) in [
        (Method::POST, "/v1/shelves/s/books/b:lend"),
        (Method::POST, "/v1/slips/s"),
        (Method::PATCH, BOOK),
        (Method::DELETE, BOOK),
        (Method::GET, BOOK),
    ] {
        let answered = with(&bench, method.clone(), path, &[]).await;
        assert_eq!(answered.status, StatusCode::OK, "{method} {path}");
        assert_eq!(answered.header("location"), "", "{method} {path}");
    }
    // What cannot be named is not said to be anywhere.
    let nameless = Bench::answering(&[SHELF], |method, _| {
        Ok(stream::iter([Ok(DynamicMessage::new(method.output()))]).boxed())
    });
    let made = nameless.json(Method::POST, "/v1/shelves/s/books", "{}").await;
    assert_eq!((made.status, made.header("location")), (StatusCode::OK, ""));
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let bench = shelf();
    let first = bench.get(BOOK).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("\"7.") && tag.ends_with('"'), "{tag}");
    assert_eq!(bench.get(BOOK).await.header("etag"), tag, "the same answer, the same tag");
    let weak = format!("W/{tag}");
    let among = format!("\"other\", {weak}");
    for (method, known) in [
        (Method::GET, tag.as_str()),
        (Method::HEAD, &tag),
        (Method::GET, &weak),
        (Method::GET, &among),
        (Method::GET, "*"),
    ] {
        let again = with(&bench, method.clone(), BOOK, &[("if-none-match", known)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{method} {known}");
        assert!(again.body.is_empty());
        for name in ["etag", "vary", "x-request-id"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
        assert_eq!((again.header("content-type"), again.header("content-length")), ("", ""));
    }
    for other in ["\"7\"", "\"8.0f1e2d3c4b5a6978\"", "7"] {
        let again = with(&bench, Method::GET, BOOK, &[("if-none-match", other)]).await;
        assert_eq!(again.status, StatusCode::OK, "{other}");
    }
    let listed = bench.get("/v1/shelves/s/books").await.header("etag").to_owned();
    assert_eq!(listed.len(), 18, "a list has the mark alone: {listed}");
}

#[tokio::test]
async fn if_match_on_a_read_asks_for_one_answer_and_no_other() {
    let bench = shelf();
    let tag = bench.get(BOOK).await.header("etag").to_owned();
    let weak = format!("W/{tag}");
    let among = format!("\"8\", {tag}");
    for method in [Method::GET, Method::HEAD] {
        for (asked, status) in [
            (tag.as_str(), StatusCode::OK),
            (&among, StatusCode::OK),
            ("\"7\"", StatusCode::OK),
            ("*", StatusCode::OK),
            (&weak, StatusCode::CONFLICT),
            ("\"7.0f1e2d3c4b5a6978\"", StatusCode::CONFLICT),
            ("\"8\"", StatusCode::CONFLICT),
            ("7", StatusCode::CONFLICT),
        ] {
            let zipped = [("if-match", asked), ("accept-encoding", "gzip")];
            for headers in [&zipped[..1], &zipped] {
                let answered = with(&bench, method.clone(), BOOK, headers).await;
                assert_eq!(answered.status, status, "{method} {asked}");
            }
        }
    }
    let stale = with(&bench, Method::GET, BOOK, &[("if-match", "\"8\"")]).await;
    assert_eq!(stale.reason(), "ETAG_MISMATCH");
}

#[tokio::test]
async fn conditions_reach_the_field_that_is_there_for_them() {
    let bench = telling_etags();
    for method in [Method::PATCH, Method::DELETE] {
        for (condition, etag) in
            [("\"7\"", "7"), ("\"7.0f1e2d3c4b5a6978\"", "7"), ("\"a.b\"", "a.b"), ("*", "")]
        {
            let told = with(&bench, method.clone(), BOOK, &[("if-match", condition)]).await;
            assert_eq!(told.status, StatusCode::CONFLICT);
            assert_eq!(told.json()["message"], format!("etag {etag}"), "{method} {condition}");
        }
    }
    let path = format!("{BOOK}?etag=7");
    let same = with(&bench, Method::DELETE, &path, &[("if-match", "\"7\"")]).await;
    assert_eq!(same.json()["message"], "etag 7");
    bench.seen.lock().unwrap().clear();
    let path = format!("{BOOK}?etag=8");
    let differs = with(&bench, Method::DELETE, &path, &[("if-match", "\"7\"")]).await;
    assert_eq!(differs.wrong_fields(), ["etag"]);
    for (method, path, name, value) in [
        (Method::PATCH, BOOK, "if-match", "7"),
        (Method::PATCH, BOOK, "if-match", "\"7\", \"8\""),
        (Method::PATCH, BOOK, "if-match", ""),
        (Method::PATCH, BOOK, "if-match", "\"\""),
        (Method::DELETE, BOOK, "if-match", "\".0f1e2d3c4b5a6978\""),
        (Method::PATCH, BOOK, "if-none-match", "*"),
        (Method::POST, "/v1/shelves/s/books", "if-match", "\"7\""),
        (Method::POST, "/v1/shelves/s/books/b:lend", "if-match", "\"7\""),
    ] {
        let refused = with(&bench, method, path, &[(name, value)]).await;
        assert_eq!(refused.wrong_fields(), [name], "{path} {value}");
    }
    let weak = with(&bench, Method::PATCH, BOOK, &[("if-match", "W/\"7\"")]).await;
    assert_eq!((weak.status, weak.reason().as_str()), (StatusCode::CONFLICT, "ETAG_MISMATCH"));
    assert!(bench.seen.lock().unwrap().is_empty(), "none of these was called");
}

#[tokio::test]
async fn answers_are_compressed_for_whoever_takes_it() {
    let bench = shelf();
    let plain = bench.get(BOOK).await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("vary"), "accept, accept-encoding");
    let gzip = with(&bench, Method::GET, BOOK, &[("accept-encoding", "br, gzip;q=0.5")]).await;
    assert_eq!((gzip.status, gzip.header("content-encoding")), (StatusCode::OK, "gzip"));
    assert_eq!(gzip.header("content-length"), gzip.body.len().to_string());
    assert!(gzip.body.len() < plain.body.len());
    assert_eq!(unzipped(&gzip).as_bytes(), plain.body);
    assert_eq!(gzip.header("etag"), format!("W/{}", plain.header("etag")));
    assert_eq!(gzip.header("vary"), "accept, accept-encoding");
    let known = [("accept-encoding", "gzip"), ("if-none-match", gzip.header("etag"))];
    let again = with(&bench, Method::GET, BOOK, &known).await;
    assert_eq!(
        (again.status, again.header("etag")),
        (StatusCode::NOT_MODIFIED, gzip.header("etag"))
    );
    let head = with(&bench, Method::HEAD, BOOK, &[("accept-encoding", "gzip")]).await;
    assert!(head.body.is_empty());
    for name in ["content-length", "content-encoding", "etag", "vary", "content-type"] {
        assert_eq!(head.header(name), gzip.header(name), "{name}");
    }
    // What is small goes as it is, unless that is refused.
    let small = with(&bench, Method::GET, "/nothing", &[("accept-encoding", "gzip")]).await;
    assert_eq!((small.status, small.header("content-encoding")), (StatusCode::NOT_FOUND, ""));
    let only = [("accept-encoding", "gzip, identity;q=0")];
    let small = with(&bench, Method::GET, "/nothing", &only).await;
    assert!(unzipped(&small).contains("ROUTE_NOT_FOUND"));
    let document = with(&bench, Method::GET, "/openapi.json", &[("accept-encoding", "gzip")]).await;
    assert!(unzipped(&document).contains("\"openapi\""));
}

#[tokio::test]
async fn what_the_client_would_not_take_is_refused_before_the_call() {
    let bench = shelf();
    for (method, path, name, value) in [
        (Method::POST, "/v1/shelves/s/books", "accept-encoding", "identity;q=0"),
        (Method::POST, "/v1/shelves/s/books", "accept-encoding", "*;q=0"),
        (Method::POST, "/v1/shelves/s/books", "accept", "text/html"),
        (Method::DELETE, BOOK, "accept", "application/json;q=0, text/*"),
        (Method::GET, "/v1/shelves/s/books:watch", "accept", "application/json"),
        (Method::GET, "/v1/shelves/s/books:watch", "accept-encoding", "gzip, identity;q=0"),
        (Method::GET, "/openapi.json", "accept", "text/html"),
    ] {
        let refused = with(&bench, method, path, &[(name, value)]).await;
        assert_eq!(refused.status, StatusCode::NOT_ACCEPTABLE, "{path} {value}");
        if !value.contains("gzip") {
            assert_eq!(refused.reason(), "NOT_ACCEPTABLE");
        }
    }
    assert!(bench.seen.lock().unwrap().is_empty());
    let events = [("accept", "text/event-stream"), ("accept-encoding", "gzip")];
    let watched = with(&bench, Method::GET, "/v1/shelves/s/books:watch", &events).await;
    assert_eq!(watched.header("content-type"), "text/event-stream");
    assert_eq!(watched.header("content-encoding"), "");
}

#[tokio::test]
async fn errors_are_problems_for_whoever_asks() {
    let bench = Bench::answering(&[SHELF], |_, _| {
        let details = ErrorDetails::with_error_info("SOLD_OUT", "boxoffice", []);
        Err(Status::with_error_details(Code::FailedPrecondition, "none is left", details))
    });
    let plain = bench.get(BOOK).await;
    assert_eq!(
        (plain.header("content-type"), &plain.json()["code"]),
        ("application/json", &json!(9))
    );
    let accept = [("accept", "application/json, application/problem+json")];
    let problem = with(&bench, Method::GET, BOOK, &accept).await;
    assert_eq!(problem.header("content-type"), "application/problem+json");
    assert_eq!(problem.header("vary"), "accept, accept-encoding");
    let json = problem.json();
    assert_eq!(json["type"], "urn:boxoffice:SOLD_OUT");
    assert_eq!((&json["status"], &json["detail"]), (&json!(409), &json!("none is left")));
    assert_eq!(json["details"], plain.json()["details"]);
    for (method, path, status) in [
        (Method::GET, "/nothing", 404),
        (Method::PUT, BOOK, 405),
        (Method::POST, "/openapi.json", 405),
        (Method::GET, "/v1/shelves/s/books/b?nothing=1", 400),
    ] {
        let problem = with(&bench, method, path, &accept).await;
        assert_eq!(problem.header("content-type"), "application/problem+json", "{path}");
        assert_eq!((problem.status.as_u16(), &problem.json()["status"]), (status, &json!(status)));
    }
}

#[tokio::test]
async fn options_says_what_there_is() {
    let bench = shelf();
    for (path, allow) in [
        (BOOK, "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("/v1/shelves/s/books/b:lend", "POST, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("*", "POST, GET, PATCH, DELETE, HEAD, OPTIONS"),
    ] {
        let answered = bench.send(request(Method::OPTIONS, path, None)).await;
        assert_eq!(answered.status, StatusCode::NO_CONTENT, "{path}");
        let sorted = |text: &str| {
            let mut names: Vec<_> = text.split(", ").map(str::to_owned).collect();
            names.sort();
            names
        };
        assert_eq!(sorted(answered.header("allow")), sorted(allow), "{path}");
        assert!(answered.body.is_empty());
    }
    let nothing = bench.send(request(Method::OPTIONS, "/nothing", None)).await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert!(bench.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_will_go_says_so() {
    let bench = Bench::of_service("probe/v1/messaging.proto", "probe.v1.GrammarService");
    let put = bench.json(Method::PUT, "/v1/any/a", r#""n""#).await;
    assert_eq!(put.header("deprecation"), "@0");
    let wrong = bench.json(Method::PUT, "/v1/any/a", "1").await;
    assert_eq!((wrong.status, wrong.header("deprecation")), (StatusCode::BAD_REQUEST, "@0"));
    let post = bench.send(request(Method::POST, "/v1/any/a", None)).await;
    assert_eq!(post.header("deprecation"), "");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_says_what_could_be() {
    let mut text = request(Method::POST, "/v1/shelves/s/books", Some("{}"));
    text.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    *text.body_mut() = Body::from("{}");
    let refused = shelf().send(text).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(refused.header("accept"), "application/json");
    assert_eq!(refused.header("accept-encoding"), "identity");
}

#[tokio::test]
async fn a_body_may_be_said_to_come_as_it_is() {
    for (coding, status) in
        [("identity", StatusCode::CREATED), ("gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE)]
    {
        let coded = [("content-encoding", coding)];
        let answered = with(&shelf(), Method::POST, "/v1/shelves/s/books", &coded).await;
        assert_eq!(answered.status, status, "{coding}");
    }
}
