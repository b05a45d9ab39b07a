//! `/docs`: the OpenAPI document in a viewer whose files are in this program. Nothing comes from another host, and
//! the page's own rule for its content says so to the browser.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};
use tower::ServiceExt;

use crate::page::Page;

/// No script but ours, nothing from elsewhere; the viewer sets styles of elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// What every page of these is answered with.
static GUARDS: [(HeaderName, HeaderValue); 3] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // A newer program may have newer files.
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];
/// Where the crate of the viewer puts its files.
const VIEWER: &str = "/viewer";
/// Where the document is.
pub(crate) const DOCUMENT: &str = "/openapi.json";

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
pub(crate) static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
    let text = |path, kind, text: &'static str| {
        Some(Page::new(path, kind, Bytes::from_static(text.as_bytes()), &GUARDS))
    };
    // The crate has a page of its own too, with a script inside it: that is not served.
    let file = |path, kind, name| Some(Page::new(path, kind, of_viewer(name)?, &GUARDS));
    let pages = [
        text("/docs", "text/html; charset=utf-8", PAGE),
        text("/docs/start.js", "text/javascript; charset=utf-8", START),
        file("/docs/swagger-ui.css", "text/css", "swagger-ui.css"),
        file("/docs/swagger-ui-bundle.js", "text/javascript", "swagger-ui-bundle.js"),
    ];
    pages.into_iter().flatten().collect()
});

/// One of the viewer's files. Its crate gives them out by routes alone, which have them at once.
fn of_viewer(name: &str) -> Option<Bytes> {
    let files: Router = generate_routes(ApiDefinition {
        uri_prefix: VIEWER,
        api_definition: OpenApiSource::Uri(DOCUMENT),
        title: None,
    });
    let asked = Request::get(format!("{VIEWER}/{name}")).body(Body::empty()).ok()?;
    let Ok(answered) = files.oneshot(asked).now_or_never()?;
    Some(answered.into_body().collect().now_or_never()?.ok()?.to_bytes())
}
