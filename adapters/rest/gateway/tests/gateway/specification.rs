//! The specification of transcoding, by its own examples and by a table of what it says beyond them.

use http::{Method, StatusCode};
use serde_json::{Value as Json, json};

use crate::support::{Bench, PROBE, request};

const MESSAGING: &str = "probe/v1/messaging.proto";

/// A service, a request, and the members of the message that it becomes.
struct Case {
    service: &'static str,
    request: &'static str,
    body: Option<&'static str>,
    becomes: Json,
}

fn case(
    service: &'static str,
    request: &'static str,
    body: Option<&'static str>,
    becomes: Json,
) -> Case {
    Case { service, request, body, becomes }
}

/// The examples in the order in which google/api/http.proto has them.
fn examples() -> Vec<Case> {
    let hi = Some(r#"{"text": "Hi!"}"#);
    vec![
        case("Name", "GET /v1/messages/123456", None, json!({"name": "messages/123456"})),
        case(
            "Query",
            "GET /v1/messages/123456?revision=2&sub.subfield=foo",
            None,
            json!({"messageId": "123456", "revision": "2", "sub": {"subfield": "foo"}}),
        ),
        case("Query", "GET /v1/messages/1?param=A&param=B", None, json!({"param": ["A", "B"]})),
        case(
            "Field",
            "PATCH /v1/messages/123456",
            hi,
            json!({"messageId": "123456", "message": {"messageId": "", "text": "Hi!"}}),
        ),
        case(
            "Whole",
            "PATCH /v1/messages/123456",
            hi,
            json!({"messageId": "123456", "text": "Hi!"}),
        ),
        case(
            "Additional",
            "GET /v1/messages/123456",
            None,
            json!({"messageId": "123456", "userId": ""}),
        ),
        case(
            "Additional",
            "GET /v1/users/me/messages/123456",
            None,
            json!({"messageId": "123456", "userId": "me"}),
        ),
        case(
            "Nested",
            "GET /v1/messages/123456/foo",
            None,
            json!({"messageId": "123456", "sub": {"subfield": "foo"}}),
        ),
    ]
}

/// What the text says beyond the examples.
fn beyond() -> Vec<Case> {
    vec![
        // Fields beside the one in the body are query parameters.
        case(
            "Field",
            "PATCH /v1/messages/1?comment=x",
            Some("{}"),
            json!({"messageId": "1", "comment": "x"}),
        ),
        // A variable of one segment is decoded whole, one of several keeps %2F apart from its slashes.
        case("Query", "GET /v1/messages/a%2Fb%20%C3%A9", None, json!({"messageId": "a/b é"})),
        case("Name", "GET /v1/messages/a%2Fb%20c", None, json!({"name": "messages/a%2Fb c"})),
        // * is one segment, ** any number, none among them; neither need be bound.
        case("Grammar", "GET /v1/x/unbound?name=n", None, json!({"name": "n"})),
        case("Grammar", "GET /v1/x/unbound/y/z", None, json!({"name": ""})),
        case(
            "Grammar",
            "POST /v1/shelves/s/books:publish",
            None,
            json!({"name": "shelves/s/books"}),
        ),
        case(
            "Grammar",
            "POST /v1/shelves/s/books/a/b:publish",
            Some(r#"{"note": "n"}"#),
            json!({"name": "shelves/s/books/a/b", "note": "n"}),
        ),
        // A verb of its own, and the one that leaves the verb open.
        case("Grammar", "REPORT /v1/reports/r?note=n", None, json!({"name": "r", "note": "n"})),
        case("Grammar", "GET /v1/any/a?note=n", None, json!({"name": "a", "note": "n"})),
        case("Grammar", "DELETE /v1/any/a", None, json!({"name": "a"})),
        case("Grammar", "POST /v1/any/a", None, json!({"name": "a"})),
    ]
}

#[tokio::test]
async fn requests_become_the_messages_that_the_specification_says() {
    for Case { service, request: line, body, becomes } in examples().into_iter().chain(beyond()) {
        let bench = Bench::of_service(MESSAGING, &format!("probe.v1.{service}Service"));
        let (method, path) = line.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answered = bench.send(request(method, path, body)).await;
        assert_eq!(answered.status, StatusCode::OK, "{service}: {line}: {answered:?}");
        let message = answered.json();
        for (field, value) in becomes.as_object().unwrap() {
            assert_eq!(&message[field], value, "{service}: {line}: {field}");
        }
    }
}

#[tokio::test]
async fn a_verb_goes_before_the_rule_for_all_of_them() {
    let bench = Bench::of_service(MESSAGING, "probe.v1.GrammarService");
    let put = bench.json(Method::PUT, "/v1/any/a", r#""n""#).await;
    assert_eq!((put.status, put.json()), (StatusCode::OK, json!("n")));
    let options = bench.send(request(Method::OPTIONS, "/v1/any/a", None)).await;
    assert_eq!(options.header("allow"), "PUT, GET, HEAD, POST, PATCH, DELETE, OPTIONS");
    let unknown =
        bench.send(request(Method::from_bytes(b"BREW").unwrap(), "/v1/any/a", None)).await;
    assert_eq!(unknown.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn what_matches_no_template_is_not_found() {
    for (service, path) in [
        ("Name", "/v1/messages"),
        ("Name", "/v1/messages/"),
        ("Name", "/v1/messages/1/2"),
        ("Name", "/v1/other/1"),
        ("Query", "/v1/messages/1:verb/x"),
        ("Grammar", "/v1/x/bound"),
        ("Grammar", "/v1/x/y/unbound/z"),
    ] {
        let bench = Bench::of_service(MESSAGING, &format!("probe.v1.{service}Service"));
        assert_eq!(bench.get(path).await.status, StatusCode::NOT_FOUND, "{service}: {path}");
    }
    let grammar = Bench::of_service(MESSAGING, "probe.v1.GrammarService");
    let other_verb = grammar.json(Method::POST, "/v1/shelves/s/books/b:print", "{}").await;
    assert_eq!(other_verb.status, StatusCode::NOT_FOUND);
}

/// The body's field, what is sent, and what comes back of it.
fn values() -> Vec<(&'static str, Json, Json)> {
    vec![
        // 64 bits do not fit a JavaScript number: out they are strings, in they may be both.
        ("int64Field", json!(9_223_372_036_854_775_807_i64), json!("9223372036854775807")),
        ("int64_field", json!("-9223372036854775808"), json!("-9223372036854775808")),
        ("uint64Field", json!(u64::MAX), json!("18446744073709551615")),
        ("int32Field", json!("5"), json!(5)),
        ("int32Field", json!(5.0), json!(5)),
        ("floatField", json!("-Infinity"), json!("-Infinity")),
        ("doubleField", json!("0.5"), json!(0.5)),
        ("bytesField", json!("-_8"), json!("+/8=")),
        ("bytesField", json!("+/8="), json!("+/8=")),
        ("colour", json!("COLOUR_RED"), json!("COLOUR_RED")),
        ("colour", json!(1), json!("COLOUR_RED")),
        // Of a newer contract: kept as it is.
        ("colour", json!(77), json!(77)),
        ("time", json!("2030-01-31T18:00:00.5+09:00"), json!("2030-01-31T09:00:00.500Z")),
        ("wait", json!("1.5s"), json!("1.500s")),
        ("wait", json!("-3s"), json!("-3s")),
        (
            "mask",
            json!("name,unitPrice,price.currencyCode"),
            json!("name,unitPrice,price.currencyCode"),
        ),
        ("maybeCount", json!("7"), json!("7")),
        ("maybeCount", json!(0), json!("0")),
        ("maybeCount", json!(null), json!(null)),
        ("maybeText", json!(""), json!("")),
        ("structure", json!({"a": [1, "b", null]}), json!({"a": [1.0, "b", null]})),
        ("anything", json!(null), json!(null)),
        ("anything", json!([true]), json!([true])),
        (
            "detail",
            json!({"@type": "type.googleapis.com/google.protobuf.Duration", "value": "2s"}),
            json!({"@type": "type.googleapis.com/google.protobuf.Duration", "value": "2s"}),
        ),
        (
            "detail",
            json!({"@type": "type.googleapis.com/google.protobuf.Int64Value", "value": "2"}),
            json!({"@type": "type.googleapis.com/google.protobuf.Int64Value", "value": "2"}),
        ),
        ("counts", json!({"a": "1"}), json!({"a": 1})),
        ("tags", json!([]), json!([])),
        ("tags", json!(null), json!([])),
        ("label", json!(""), json!("")),
        ("count", json!(0), json!("0")),
    ]
}

#[tokio::test]
async fn bodies_hold_every_kind_of_value_as_json_has_it() {
    let bench = Bench::echoing(&[PROBE]);
    for (field, sent, back) in values() {
        let body = json!({ field: sent }).to_string();
        let answered = bench.json(Method::POST, "/v1/probes", &body).await;
        assert_eq!(answered.status, StatusCode::OK, "{body}: {answered:?}");
        let name = if field == "int64_field" { "int64Field" } else { field };
        assert_eq!(answered.json()[name], back, "{body}");
    }
}

#[tokio::test]
async fn queries_hold_every_kind_of_single_value() {
    let bench = Bench::echoing(&[PROBE]);
    for (query, field, back) in [
        ("int64Field=-9223372036854775808", "/int64Field", json!("-9223372036854775808")),
        ("uint64_field=18446744073709551615", "/uint64Field", json!("18446744073709551615")),
        ("boolField=true", "/boolField", json!(true)),
        ("doubleField=1e3", "/doubleField", json!(1000.0)),
        ("bytesField=%2B%2F8%3D", "/bytesField", json!("+/8=")),
        ("bytesField=-_8", "/bytesField", json!("+/8=")),
        ("colour=COLOUR_BLUE", "/colour", json!("COLOUR_BLUE")),
        ("colour=2", "/colour", json!("COLOUR_BLUE")),
        ("colours=1&colours=COLOUR_BLUE", "/colours", json!(["COLOUR_RED", "COLOUR_BLUE"])),
        ("tags=a&tags=&tags=a+b", "/tags", json!(["a", "", "a b"])),
        ("time=2030-01-31T09:00:00%2B09:00", "/time", json!("2030-01-31T00:00:00Z")),
        ("wait=600s", "/wait", json!("600s")),
        ("mask=name,unit_price", "/mask", json!("name,unitPrice")),
        ("maybeCount=0", "/maybeCount", json!("0")),
        ("maybeText=", "/maybeText", json!("")),
        ("price.units=5&price.currencyCode=EUR", "/price/units", json!("5")),
        ("child.child.tags=x&child.child.tags=y", "/child/child/tags", json!(["x", "y"])),
        ("count=7", "/count", json!("7")),
        ("label=", "/label", json!("")),
    ] {
        let answered = bench.get(&format!("/v1/probes?{query}")).await;
        assert_eq!(answered.status, StatusCode::OK, "{query}: {answered:?}");
        assert_eq!(answered.json().pointer(field), Some(&back), "{query}");
    }
}
