//! `/docs`: the OpenAPI document in a viewer whose files are in this program. Nothing comes from another host, and
//! the page's own rule for its content says so to the browser.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};
use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};
use tower::ServiceExt;

/// No script but ours, nothing from elsewhere; the viewer sets styles of elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
const FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];
/// Where the crate of the viewer puts its files.
const VIEWER: &str = "/viewer";
const DOCUMENT: &str = "/openapi.json";

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Boxoffice: the API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="viewer"></div>
<noscript>Without scripts there is <a href="/openapi.json">the document</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#;
/// Without a validator: that would be another host.
const START: &str = r##"SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  validatorUrl: "none",
});
"##;

/// The page and what it loads.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let files = generate_routes(ApiDefinition {
        uri_prefix: VIEWER,
        api_definition: OpenApiSource::Uri(DOCUMENT),
        title: None,
    });
    let file = move |Path(name): Path<String>| file(files.clone(), name);
    Router::new()
        .route("/docs", get(async || text("text/html; charset=utf-8", PAGE)))
        .route("/docs/start.js", get(async || text("text/javascript; charset=utf-8", START)))
        .route("/docs/{file}", get(file))
}

fn text(kind: &'static str, text: &'static str) -> Response {
    guarded(([(CONTENT_TYPE, kind)], text).into_response())
}

/// One of the viewer's files. Its crate has a page of its own too, with a script inside it: that is not served.
async fn file(files: Router, name: String) -> Response {
    if !FILES.contains(&name.as_str()) {
        return guarded(StatusCode::NOT_FOUND.into_response());
    }
    let asked = Request::builder().uri(format!("{VIEWER}/{name}")).body(Body::empty());
    match asked {
        Ok(asked) => {
            let answered = files.oneshot(asked).await;
            guarded(answered.unwrap_or_else(|never| match never {}))
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn guarded(mut response: Response) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A newer program may have newer files.
        (CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
