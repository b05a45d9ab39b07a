//! Which requests are gRPC, which gRPC-Web, and which neither (reliability.md F6).

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request};

/// What a request is, as its content type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// gRPC, of messages as protobuf writes them.
    Grpc,
    /// gRPC-Web, in one of its two encodings; this is the type without what may follow it.
    Web(&'static str),
    /// Another that calls itself gRPC, or one that is not POST.
    Unsupported,
    /// Nothing of gRPC.
    Other,
}

const GRPC: [&str; 2] = ["application/grpc", "application/grpc+proto"];
const WEB: [&str; 4] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
];

impl Media {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let given = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let given = given.unwrap_or_default().split(|byte| *byte == b';').next();
        let given = given.unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let is = |name: &&&str| name.as_bytes() == given;
        let post = request.method() == Method::POST;
        if !given.starts_with(b"application/grpc") {
            Self::Other
        } else if !post {
            Self::Unsupported
        } else if let Some(web) = WEB.iter().find(is) {
            Self::Web(web)
        } else if GRPC.iter().any(|name| is(&name)) {
            Self::Grpc
        } else {
            Self::Unsupported
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f6_only_posts_of_grpc_are_grpc() {
        let of = |method: &str, kind: &str| {
            let request = Request::builder().method(method).header(CONTENT_TYPE, kind);
            Media::of(&request.body(()).expect("a request"))
        };
        assert_eq!(of("POST", "application/grpc"), Media::Grpc);
        assert_eq!(of("POST", "application/GRPC+proto; x=y"), Media::Grpc);
        assert_eq!(of("POST", "application/grpc-web"), Media::Web("application/grpc-web"));
        let text = of("POST", "application/grpc-web-text+proto; charset=utf-8");
        assert_eq!(text, Media::Web("application/grpc-web-text+proto"));
        for (method, kind) in [
            ("GET", "application/grpc"),
            ("PUT", "application/grpc-web"),
            ("POST", "application/grpc+json"),
            ("POST", "application/grpcx"),
            ("POST", "application/grpc-web+json"),
            ("POST", "application/grpc-web-texts"),
        ] {
            assert_eq!(of(method, kind), Media::Unsupported, "{method} {kind}");
        }
        assert_eq!(of("POST", "text/plain"), Media::Other);
        assert_eq!(of("GET", "application/json"), Media::Other);
        assert_eq!(Media::of(&Request::new(())), Media::Other);
    }
}
