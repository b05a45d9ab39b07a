//! Whatever a client sends, the answer is never the server's fault.

use axum::body::Body;
use http::{Method, Request, Uri};
use proptest::prelude::*;

use crate::support::{Bench, PROBE, request};

/// Sends the request to a server that takes anything; every fault is the caller's.
fn check(request: Request<Body>) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        static BENCH: Bench = RUNTIME.with(|runtime| {
            let _entered = runtime.enter();
            Bench::echoing(&[PROBE])
        });
    }
    let shown = format!("{request:?}");
    let answered =
        RUNTIME.with(|runtime| BENCH.with(|bench| runtime.block_on(bench.send(request))));
    assert!(answered.status.as_u16() < 500, "{shown}: {answered:?}");
    if !answered.status.is_success() {
        assert!(answered.json()["code"].is_u64(), "{shown}: {answered:?}");
    }
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ])
    // The answer to HEAD has no body to look at.
    .prop_filter("has a body", |method| method != Method::HEAD)
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,8}".prop_map(|text| serde_json::Value::from(text).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("is JSON", |n| n.is_finite())
            .prop_map(|number| format!("{number:e}")),
        prop::sample::select(vec![
            "null",
            "true",
            "[]",
            "{}",
            "[{}]",
            "\"\"",
            "\"1\"",
            "\"-9223372036854775809\"",
            "1e309",
            "\"2030-01-31T09:00:60Z\"",
            "\"0000-00-00T00:00:00Z\"",
            "\"9999-12-31T23:59:59.999999999Z\"",
            "\"2030-01-31T09:00:00+99:99\"",
            "\"-0.000000001s\"",
            "\"315576000001s\"",
            "\"s\"",
            "\"-s\"",
            "\"a,b,,.\"",
            "\"\\u0000\"",
            "\"=\"",
            "{\"@type\":\"\"}",
            "{\"@type\":\"x/google.protobuf.Any\"}",
            "{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"1s\"}",
            "{\"\":{\"\":[null]}}",
            "\"NaN\"",
            "-0",
            "0.0",
            "1E400",
        ])
        .prop_map(str::to_owned),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "name",
            "boolField",
            "int32_field",
            "int64Field",
            "uint32_field",
            "uint64Field",
            "floatField",
            "double_field",
            "bytesField",
            "colour",
            "tags",
            "colours",
            "counts",
            "children",
            "text",
            "count",
            "time",
            "wait",
            "mask",
            "maybeCount",
            "maybe_text",
            "structure",
            "anything",
            "detail",
            "price",
            "price.units",
            "day",
            "day.year",
            "child",
            "child.name",
            "child.child.time",
            "label",
            "days",
            "probe",
            "update_mask",
        ])
        .prop_map(str::to_owned),
        "[a-z._%@]{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_path(method in method(), path in prop::collection::vec(any::<u8>(), 0..40)) {
        let path = [b"/v1/", path.as_slice()].concat();
        if let Ok(uri) = Uri::try_from(path) {
            let request = Request::builder().method(method).uri(uri);
            check(request.body(Body::empty()).unwrap());
        }
    }

    #[test]
    fn any_path_near_a_real_one(
        method in method(),
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "v1", "probes", "folders", "files", "scans", "p", ":tag", ":watch", "%2F", "%ff",
                "%", "%0", "..", "/", "/", "/", ":", "*", "{name}", "%00", "%F0%9F", "a;b", "?", "=",
            ]),
            0..10,
        ),
    ) {
        if let Ok(uri) = format!("/v1/{}", parts.concat()).parse::<Uri>() {
            let request = Request::builder().method(method).uri(uri);
            check(request.body(Body::empty()).unwrap());
        }
    }

    #[test]
    fn any_query(
        pairs in prop::collection::vec((name(), value()), 0..4),
        escaped in any::<bool>(),
        raw in "[%&=+a-f0-9.]{0,12}",
    ) {
        let encode = |text: &str| -> String {
            if escaped {
                text.bytes().map(|byte| format!("%{byte:02X}")).collect()
            } else {
                text.to_owned()
            }
        };
        let query: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value.trim_matches('"'))))
            .chain([raw])
            .collect();
        if let Ok(uri) = format!("/v1/probes?{}", query.join("&")).parse::<Uri>() {
            check(Request::builder().uri(uri).body(Body::empty()).unwrap());
        }
    }

    #[test]
    fn any_bytes_as_body(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut post = request(Method::POST, "/v1/probes", Some(""));
        *post.body_mut() = Body::from(body);
        check(post);
    }

    #[test]
    fn any_json_as_body(
        pairs in prop::collection::vec((name(), value()), 0..5),
        patch in any::<bool>(),
        wrapped in any::<bool>(),
    ) {
        let members: Vec<String> =
            pairs.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        let object = format!("{{{}}}", members.join(","));
        let body = if wrapped { format!("{{\"child\": {object}}}") } else { object };
        if patch {
            check(request(Method::PATCH, "/v1/probes/p1", Some(&body)));
        } else {
            check(request(Method::POST, "/v1/probes", Some(&body)));
        }
    }
}
