//! Pages of other origins: which may call, and what they may read.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use rest_gateway::Cors;
use tower::ServiceExt;

use crate::support::{Bench, PROBE};

const SHOP: &str = "https://shop.example";

async fn ask(origins: &[&str], method: Method, headers: &[(&str, &str)]) -> http::HeaderMap {
    let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
    let bench = Bench::echoing(&[PROBE]);
    let router = Cors::new(&origins).around(bench.router.clone());
    let mut request = Request::builder().method(method.clone()).uri("/v1/probes/p1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answered = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let preflight = method == Method::OPTIONS;
    let expected = if preflight { StatusCode::NO_CONTENT } else { StatusCode::OK };
    assert_eq!(answered.status(), expected);
    assert_eq!(bench.seen.lock().unwrap().is_empty(), preflight);
    answered.headers().clone()
}

fn text<'h>(headers: &'h http::HeaderMap, name: &str) -> &'h str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn without_origins_nothing_is_said() {
    let headers = ask(&[], Method::GET, &[("origin", SHOP)]).await;
    assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control")));
}

#[tokio::test]
async fn pages_of_the_named_origins_may_read_answers() {
    let named = ["https://other.example", SHOP];
    let shop = ask(&named, Method::GET, &[("origin", SHOP)]).await;
    assert_eq!(text(&shop, "access-control-allow-origin"), SHOP);
    let shown = text(&shop, "access-control-expose-headers");
    for name in [
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "etag",
        "location",
        "retry-after",
        "x-request-id",
        "idempotency-replayed",
    ] {
        assert!(shown.split(", ").any(|shown| shown == name), "{name} in {shown}");
    }
    assert_eq!(text(&shop, "access-control-allow-credentials"), "");
    for stranger in ["https://evil.example", "null", "https://shop.example.evil.example"] {
        let headers = ask(&named, Method::GET, &[("origin", stranger)]).await;
        assert_eq!(text(&headers, "access-control-allow-origin"), "", "{stranger}");
        let vary: Vec<_> = headers.get_all("vary").iter().collect();
        assert!(vary.contains(&&http::HeaderValue::from_static("origin")), "{vary:?}");
    }
    let all = ask(&["*"], Method::GET, &[("origin", SHOP)]).await;
    assert_eq!(text(&all, "access-control-allow-origin"), "*");
}

#[tokio::test]
async fn preflights_are_answered_without_a_call() {
    let preflight = [
        ("origin", SHOP),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization,if-match"),
    ];
    let granted = ask(&[SHOP], Method::OPTIONS, &preflight).await;
    assert_eq!(text(&granted, "access-control-allow-origin"), SHOP);
    assert!(text(&granted, "access-control-allow-methods").contains("PATCH"));
    for name in ["authorization", "idempotency-key", "if-match", "x-grpc-web", "content-type"] {
        assert!(text(&granted, "access-control-allow-headers").contains(name), "{name}");
    }
    assert_eq!(text(&granted, "access-control-max-age"), "600");
    let refused = ask(&["https://other.example"], Method::OPTIONS, &preflight).await;
    assert_eq!(text(&refused, "access-control-allow-origin"), "");
    // An OPTIONS that is no preflight asks the path.
    let plain = ask(&[SHOP], Method::OPTIONS, &[("origin", SHOP)]).await;
    assert!(text(&plain, "allow").contains("DELETE"), "{plain:?}");
}
