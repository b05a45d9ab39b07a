//! What is wrong with a request is said at once, by field, and never reaches the server.

use axum::body::Body;
use http::{Method, StatusCode};

use crate::support::{Bench, PROBE, request};

fn probes() -> Bench {
    Bench::echoing(&[PROBE])
}

#[tokio::test]
async fn queries_name_every_wrong_parameter() {
    let bench = probes();
    for (query, fields) in [
        ("nothing=1&int32Field=x&name=a&name=b", vec!["nothing", "int32_field", "name"]),
        ("int32_field=1&int32Field=1", vec!["int32_field"]),
        ("price=1&price.nothing=1", vec!["price", "price.nothing"]),
        ("counts=1&counts.a=1&children.1.name=x", vec!["counts", "counts.a", "children.1.name"]),
        ("text=a&count=1", vec!["count"]),
        ("days.year=1&structure=x", vec!["days.year", "structure"]),
        ("time=yesterday&wait=1&mask=a-b", vec!["time", "wait", "mask"]),
        ("time=2030-02-30T00:00:00Z&wait=1e3s", vec!["time", "wait"]),
        ("wait=99999999999999999999s", vec!["wait"]),
        ("colour=RED&colour=COLOUR_GREEN", vec!["colour", "colour"]),
        ("boolField=1&boolField", vec!["bool_field", "bool_field"]),
        ("int32Field=2147483648&uint64Field=-1", vec!["int32_field", "uint64_field"]),
        ("name=%ff&%zz=1", vec!["name", "%zz"]),
        ("maybe_count.value=1", vec!["maybe_count.value"]),
        ("bytesField=*", vec!["bytes_field"]),
    ] {
        let answered = bench.get(&format!("/v1/probes?{query}")).await;
        assert_eq!(answered.wrong_fields(), fields, "{query}");
    }
    assert!(bench.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn queries_cannot_reach_what_the_path_or_the_body_holds() {
    let bench = probes();
    let get = bench.get("/v1/probes/p1?name=p2").await;
    assert_eq!(get.wrong_fields(), ["name"]);
    let whole = bench.json(Method::POST, "/v1/probes?name=p2", "{}").await;
    assert_eq!(whole.wrong_fields(), ["name"]);
    let path = "/v1/probes/p1?probe.text=x&probe.name=p1&dry_run=true";
    let field = bench.json(Method::PATCH, path, "{}").await;
    assert_eq!(field.wrong_fields(), ["probe.text", "probe.name"]);
}

#[tokio::test]
async fn bodies_name_every_wrong_field() {
    let bench = probes();
    for (body, fields) in [
        (
            r#"{"nothing": 1, "int32Field": 3.5, "tags": "a"}"#,
            vec!["int32_field", "nothing", "tags"],
        ),
        (r#"{"price": {"nothing": 1, "units": "x"}}"#, vec!["price.nothing", "price.units"]),
        (r#"{"price": 5, "child": [], "days": {}}"#, vec!["child", "days", "price"]),
        (r#"{"tags": ["a", 1, null]}"#, vec!["tags[1]", "tags[2]"]),
        (
            r#"{"children": {"x": {"nothing": 1}}, "counts": []}"#,
            vec!["children.x.nothing", "children.x", "counts"],
        ),
        (r#"{"int32_field": 1, "int32Field": 1}"#, vec!["int32_field"]),
        (r#"{"name": "a", "name": "a"}"#, vec!["name"]),
        (r#"{"text": "a", "count": 1}"#, vec!["text"]),
        (
            r#"{"int64Field": 9223372036854775808, "uint32Field": -1, "floatField": 1e300}"#,
            vec!["float_field", "int64_field", "uint32_field"],
        ),
        (r#"{"int64Field": 1e20, "doubleField": "1e999"}"#, vec!["double_field", "int64_field"]),
        (
            r#"{"colour": "BLUE", "colours": ["COLOUR_RED", 3000000000]}"#,
            vec!["colour", "colours[1]"],
        ),
        (r#"{"detail": {"@type": "type.googleapis.com/no.such.Type"}}"#, vec!["detail"]),
        (
            r#"{"detail": {}, "structure": [], "maybeCount": "x"}"#,
            vec!["detail", "maybe_count", "structure"],
        ),
        ("[]", vec!["body"]),
        ("null", vec!["body"]),
        ("{", vec!["body"]),
        ("\u{feff}{}", vec!["body"]),
    ] {
        let answered = bench.json(Method::POST, "/v1/probes", body).await;
        let mut found = answered.wrong_fields();
        found.sort();
        let mut fields = fields;
        fields.sort();
        assert_eq!(found, fields, "{body}");
    }
    assert!(bench.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn wrong_fields_of_body_query_and_path_are_named_together() {
    let path = "/v1/probes/p1?nothing=1";
    let answered = probes().json(Method::PATCH, path, r#"{"name": "p2", "count": "x"}"#).await;
    assert_eq!(answered.wrong_fields(), ["probe.count", "nothing", "probe.name"]);
    let scan = probes().get("/v1/scans/x/RED/now").await;
    assert_eq!(scan.wrong_fields(), ["int32_field", "colour", "time"]);
}

#[tokio::test]
async fn deep_json_is_refused_and_the_deepest_allowed_arrives() {
    let bench = probes();
    let nested = |levels: usize| {
        format!("{}{{}}{}", r#"{"child":"#.repeat(levels - 1), "}".repeat(levels - 1))
    };
    let deepest = bench.json(Method::POST, "/v1/probes", &nested(64)).await;
    assert_eq!(deepest.status, StatusCode::OK);
    let deeper = bench.json(Method::POST, "/v1/probes", &nested(65)).await;
    assert_eq!(deeper.wrong_fields(), ["body"]);
    let bomb = bench.json(Method::POST, "/v1/probes", &"[".repeat(10_000)).await;
    assert_eq!(bomb.wrong_fields(), ["body"]);
    let structure = format!(r#"{{"structure":{{"a":{}{}}}}}"#, "[".repeat(60), "]".repeat(60));
    let structure = bench.json(Method::POST, "/v1/probes", &structure).await;
    assert_eq!(structure.wrong_fields(), ["structure"]);
    let query = format!("/v1/probes?{}name=x", "child.".repeat(1000));
    assert_eq!(bench.get(&query).await.wrong_fields().len(), 1);
}

#[tokio::test]
async fn large_bodies_are_refused_whether_they_say_so_or_not() {
    let bench = probes();
    let large = format!(r#"{{"text": "{}"}}"#, "x".repeat(1024 * 1024));
    let said = bench.json(Method::POST, "/v1/probes", &large).await;
    assert_eq!(
        (said.status, said.reason().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "MESSAGE_TOO_LARGE")
    );
    let pieces = futures::stream::iter(vec![Ok::<_, std::io::Error>(large)]);
    let mut unsaid = request(Method::POST, "/v1/probes", Some(""));
    *unsaid.body_mut() = Body::from_stream(pieces);
    assert_eq!(bench.send(unsaid).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let fits = format!(r#"{{"text": "{}"}}"#, "x".repeat(1_000_000));
    assert_eq!(bench.json(Method::POST, "/v1/probes", &fits).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_callers_fault() {
    let pieces = vec![Ok("{"), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
    let mut broken = request(Method::POST, "/v1/probes", Some(""));
    *broken.body_mut() = Body::from_stream(futures::stream::iter(pieces));
    assert_eq!(probes().send(broken).await.wrong_fields(), ["body"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut slow = request(Method::POST, "/v1/probes", Some(""));
    let never = futures::stream::pending::<Result<String, std::io::Error>>();
    *slow.body_mut() = Body::from_stream(never);
    assert_eq!(probes().send(slow).await.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn bodies_must_be_json_and_stand_where_one_is_expected() {
    let bench = probes();
    for (content_type, expected) in [
        ("application/json; charset=UTF-8", StatusCode::OK),
        ("Application/JSON", StatusCode::OK),
        ("application/json; charset=utf-16", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/x-www-form-urlencoded", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let mut post = request(Method::POST, "/v1/probes", Some("{}"));
        post.headers_mut().insert("content-type", content_type.parse().unwrap());
        assert_eq!(bench.send(post).await.status, expected, "{content_type}");
    }
    let mut untyped = request(Method::POST, "/v1/probes", Some("{}"));
    untyped.headers_mut().remove("content-type");
    let untyped = bench.send(untyped).await;
    assert_eq!(untyped.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(untyped.reason(), "UNSUPPORTED_MEDIA_TYPE");
    let mut zipped = request(Method::POST, "/v1/probes", Some("{}"));
    zipped.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(bench.send(zipped).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let get = bench.json(Method::GET, "/v1/probes", "{}").await;
    assert_eq!(get.wrong_fields(), ["body"]);
}

#[tokio::test]
async fn paths_and_verbs_that_are_not_there_say_so_in_json() {
    let bench = probes();
    for path in ["/", "/v1/probes/", "/v1//probes", "/nothing", "/v1/probes/p1/", "/openapi.json/"]
    {
        let answered = bench.get(path).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answered.reason(), "ROUTE_NOT_FOUND");
        assert_eq!(answered.json()["code"], 5);
    }
    for (method, path, allow) in [
        (Method::POST, "/v1/probes/p1", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        (Method::DELETE, "/v1/probes", "GET, POST, PURGE, HEAD, OPTIONS"),
        (Method::GET, "/v1/probes/p1:tag", "POST, OPTIONS"),
        (Method::PUT, "/v1/probes:watch", "GET, HEAD, OPTIONS"),
        (Method::POST, "/openapi.json", "GET, HEAD, OPTIONS"),
    ] {
        let answered = bench.send(request(method, path, None)).await;
        assert_eq!(answered.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answered.header("allow"), allow, "{path}");
        assert_eq!(answered.reason(), "METHOD_NOT_ALLOWED");
    }
    assert_eq!(bench.get("/v1/probes/%ff").await.wrong_fields(), ["path"]);
    assert_eq!(bench.get("/v1/probes/%").await.wrong_fields(), ["path"]);
}

#[tokio::test]
async fn a_request_id_that_is_not_fit_for_a_log_is_replaced() {
    let bench = probes();
    for id in ["", "two words", &"x".repeat(200), "caf\u{e9}"] {
        let mut get = request(Method::GET, "/v1/probes", None);
        get.headers_mut()
            .insert("x-request-id", http::HeaderValue::from_bytes(id.as_bytes()).unwrap());
        assert_eq!(bench.send(get).await.header("x-request-id"), "made-up");
        let seen = bench.seen.lock().unwrap().pop().unwrap();
        let ids: Vec<_> = seen.get_all("x-request-id").iter().collect();
        assert_eq!(ids, ["made-up"]);
    }
}

#[tokio::test]
async fn a_header_that_counts_once_is_refused_twice() {
    let bench = probes();
    for name in ["authorization", "idempotency-key"] {
        let mut twice = request(Method::GET, "/v1/probes/p1", None);
        for value in ["a", "b"] {
            twice.headers_mut().append(name, value.parse().unwrap());
        }
        assert_eq!(bench.send(twice).await.wrong_fields(), [name]);
    }
    assert!(bench.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn headers_that_our_servers_would_not_take_are_refused_in_words() {
    let bench = probes();
    for (method, path) in [
        (Method::GET, "/v1/probes"),
        (Method::GET, "/openapi.json"),
        (Method::GET, "/docs"),
        (Method::POST, "/v1/probes"),
    ] {
        for name in ["authorization", "idempotency-key", "cookie"] {
            let mut asked = request(method.clone(), path, None);
            asked.headers_mut().insert(name, "x".repeat(16 * 1024).parse().unwrap());
            let refused = bench.send(asked).await;
            let code = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            assert_eq!((refused.status, refused.reason().as_str()), (code, "HEADERS_TOO_LARGE"));
            assert_eq!(refused.header("retry-after"), "", "{path}");
        }
    }
    assert!(bench.seen.lock().unwrap().is_empty());
}
