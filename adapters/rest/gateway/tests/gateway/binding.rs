//! What reaches the server, and what comes back: every verb and every form of binding.

use http::{Method, StatusCode};
use serde_json::{Value as Json, json};

use crate::support::{self, Bench, PROBE};

fn probes() -> Bench {
    Bench::echoing(&[PROBE])
}

/// The members of the answer that the test names.
fn assert_has(answered: &support::Answered, expected: Json) {
    assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
    assert_eq!(answered.header("content-type"), "application/json");
    let json = answered.json();
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&json[name], value, "{name} in {json}");
    }
}

#[tokio::test]
async fn an_annotation_is_all_that_a_new_rpc_needs() {
    let path = "/v1/probes/p1:arrive";
    let before = probes().json(Method::POST, path, "{}").await;
    assert_ne!(before.status, StatusCode::OK);
    let after = Bench::echoing(&[PROBE, "probe/v1/late.proto"]);
    let after = after.json(Method::POST, path, r#"{"text": "hello"}"#).await;
    assert_has(&after, json!({"name": "p1", "text": "hello"}));
}

#[tokio::test]
async fn every_verb_reaches_its_rpc() {
    let bench = probes();
    let named = json!({"name": "p1"});
    assert_has(&bench.get("/v1/probes/p1").await, named.clone());
    assert_has(&bench.get("/v1/probes?name=p1").await, named.clone());
    let body = r#"{"name": "p1"}"#;
    let made = bench.json(Method::POST, "/v1/probes", body).await;
    assert_eq!((made.status, made.json()["name"].as_str()), (StatusCode::CREATED, Some("p1")));
    assert_has(&bench.json(Method::PUT, "/v1/probes/p1", "{}").await, named.clone());
    assert_has(&bench.json(Method::PATCH, "/v1/probes/p1", "{}").await, named.clone());
    let delete = support::request(Method::DELETE, "/v1/probes/p1", None);
    assert_has(&bench.send(delete).await, named.clone());
    let purge = Method::from_bytes(b"PURGE").unwrap();
    assert_has(&bench.send(support::request(purge, "/v1/probes?name=p1", None)).await, named);
}

#[tokio::test]
async fn paths_bind_in_every_form() {
    let bench = probes();
    for (path, expected) in [
        ("/v1/folders/f%201/probes/p", json!({"parent": "folders/f 1", "name": "p"})),
        ("/v1/files/a/b%2Fc", json!({"parent": "files/a/b%2Fc"})),
        ("/v1/files", json!({"parent": "files"})),
        ("/v1/probes/a%2Fb:c", json!({"name": "a/b:c"})),
        ("/v1/probes/%EA%B0%80", json!({"name": "가"})),
        (
            "/v1/scans/-7/COLOUR_RED/2030-01-31T09:00:00Z",
            json!({
                "int32Field": -7, "colour": "COLOUR_RED", "time": "2030-01-31T09:00:00Z",
            }),
        ),
    ] {
        assert_has(&bench.get(path).await, expected);
    }
    let head = bench.send(support::request(Method::HEAD, "/v1/probes/p1", None)).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_ne!(head.header("content-length"), "");
}

#[tokio::test]
async fn queries_bind_nested_and_repeated_fields_in_either_spelling() {
    let path = "/v1/probes?int32_field=3&int64Field=-4&tags=a&tags=b+c&colours=COLOUR_RED&colours=2\
        &price.currency_code=KRW&price.units=9000000000&child.child.name=deep&boolField=true\
        &time=2030-01-31T09:00:00Z&wait=1.5s&mask=unitPrice,a.b_c&maybe_count=7&maybeText=\
        &bytesField=-_8&doubleField=-2.5e3&label=";
    let expected = json!({
        "int32Field": 3,
        "int64Field": "-4",
        "tags": ["a", "b c"],
        "colours": ["COLOUR_RED", "COLOUR_BLUE"],
        "price": {"currencyCode": "KRW", "units": "9000000000", "nanos": 0},
        "boolField": true,
        "time": "2030-01-31T09:00:00Z",
        "wait": "1.500s",
        "mask": "unitPrice,a.bC",
        "maybeCount": "7",
        "maybeText": "",
        "bytesField": "+/8=",
        "doubleField": -2500.0,
        "label": "",
    });
    let answered = probes().get(path).await;
    assert_has(&answered, expected);
    assert_eq!(answered.json()["child"]["child"]["name"], "deep");
}

#[tokio::test]
async fn bodies_bind_every_kind_of_field() {
    let body = json!({
        "bool_field": true,
        "uint32Field": 4_294_967_295_u32,
        "uint64_field": "18446744073709551615",
        "floatField": "NaN",
        "doubleField": 1e300,
        "bytesField": "AAE=",
        "colour": 2,
        "colours": ["COLOUR_RED", 9],
        "counts": {"a": 1, "": "2"},
        "children": {"-5": {"name": "x"}},
        "count": "12",
        "wait": "600s",
        "mask": "name,unitPrice",
        "maybe_count": 0,
        "structure": {"a": [1, null, {"b": true}]},
        "anything": null,
        "detail": {"@type": "type.googleapis.com/google.type.Date", "year": 2030},
        "price": {"currencyCode": "EUR", "units": 12, "nanos": 500_000_000},
        "days": [{"year": 2030, "month": 1, "day": 31}],
        "child": {"child": {"tags": ["t"]}},
        "label": null,
    });
    let answered = probes().json(Method::POST, "/v1/probes", &body.to_string()).await;
    let expected = json!({
        "boolField": true,
        "uint32Field": 4_294_967_295_u32,
        "uint64Field": "18446744073709551615",
        "floatField": "NaN",
        "bytesField": "AAE=",
        "colour": "COLOUR_BLUE",
        "colours": ["COLOUR_RED", 9],
        "counts": {"a": 1, "": 2},
        "count": "12",
        "wait": "600s",
        "maybeCount": "0",
        "structure": {"a": [1.0, null, {"b": true}]},
        "anything": null,
        "price": {"currencyCode": "EUR", "units": "12", "nanos": 500_000_000},
        "days": [{"year": 2030, "month": 1, "day": 31}],
        // Defaults are written out, so that clients see every field.
        "name": "",
        "int32Field": 0,
        "tags": [],
    });
    assert_has(&answered, expected);
    let json = answered.json();
    assert_eq!(json["detail"]["year"], 2030);
    assert_eq!(json["children"]["-5"]["name"], "x");
    assert_eq!(json["child"]["child"]["tags"], json!(["t"]));
    assert!(json.get("label").is_none() && json.get("text").is_none());
}

#[tokio::test]
async fn a_body_may_be_one_field_and_so_may_an_answer() {
    let bench = probes();
    let path = "/v1/probes/p1?update_mask=name,unit_price&dryRun=true";
    let answered = bench.json(Method::PATCH, path, r#"{"name": "p1", "text": "x"}"#).await;
    assert_has(&answered, json!({"name": "p1", "text": "x"}));
    let mask = bench.json(Method::PATCH, "/v1/probes/p1:mask?updateMask=unitPrice", "{}").await;
    assert_eq!(mask.json(), json!("unitPrice"));
    let none = bench.json(Method::PATCH, "/v1/probes/p1:mask", "{}").await;
    assert_eq!(none.json(), json!(""));
    let tags = bench.json(Method::POST, "/v1/probes/p1:tag", r#"["a", "b"]"#).await;
    assert_eq!(tags.json(), json!(["a", "b"]));
}

#[tokio::test]
async fn a_body_may_be_absent() {
    let create = support::request(Method::POST, "/v1/probes", None);
    assert_has(&probes().send(create).await, json!({"name": ""}));
}

#[tokio::test]
async fn metadata_goes_both_ways() {
    let bench = probes();
    let headers = [
        ("authorization", "Bearer t"),
        ("idempotency-key", "again"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
        ("x-request-id", "r-1"),
    ];
    let mut request = support::request(Method::POST, "/v1/probes", Some("{}"));
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request.headers_mut().insert("cookie", "secret".parse().unwrap());
    let answered = bench.send(request).await;
    assert_eq!(answered.header("idempotency-replayed"), "true");
    assert_eq!(answered.header("x-request-id"), "r-1");
    let first = bench.get("/v1/probes").await;
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(first.header("x-request-id"), "made-up");
    let seen = bench.seen.lock().unwrap();
    for (name, value) in headers {
        assert_eq!(seen[0].get(name).unwrap(), value);
    }
    assert!(seen[0].get("cookie").is_none());
    assert_eq!(seen[0].get("grpc-timeout").unwrap(), "15000000u");
    assert_eq!(seen[1].get("grpc-timeout").unwrap(), "3000000u");
    assert_eq!(seen[1].get("x-request-id").unwrap(), "made-up");
}
