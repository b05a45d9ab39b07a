//! A gateway that cannot be served is not built.

use rest_gateway::{Gateway, GatewayError};
use tonic::transport::{Channel, Endpoint};

use crate::support::{PROBE, compile};

fn nowhere() -> Channel {
    Endpoint::from_static("http://nowhere").connect_lazy()
}

/// What building a gateway of one rpc with these options says.
fn build(rpc: &str, options: &[&str]) -> Result<Gateway, GatewayError> {
    let folder = tempfile::tempdir().unwrap();
    let methods: Vec<String> = options
        .iter()
        .enumerate()
        .map(|(nth, option)| {
            format!("rpc M{nth}{rpc} {{ option (google.api.http) = {{{option}}}; }}")
        })
        .collect();
    let text = format!(
        "syntax = \"proto3\"; package bad.v1; import \"google/api/annotations.proto\"; \
         service BadService {{ {} }} \
         message Thing {{ string a = 1; string b = 2; repeated string c = 3; Thing d = 4; }}",
        methods.join(" ")
    );
    std::fs::write(folder.path().join("bad.proto"), text).unwrap();
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../proto");
    let mut compiler = protox::Compiler::new([folder.path().to_owned(), own]).unwrap();
    compiler.include_imports(true).open_file("bad.proto").unwrap();
    Gateway::new(&compiler.encode_file_descriptor_set(), |_| Some(nowhere()))
}

#[tokio::test]
async fn annotations_that_cannot_be_served_are_named() {
    const UNARY: &str = "(Thing) returns (Thing)";
    for (rpc, option, problem) in [
        (UNARY, r#"get: "v1/x""#, "does not begin with a slash"),
        (UNARY, r#"get: "/v1/**/x""#, "has ** before its end"),
        (UNARY, r#"get: "/v1/{z}""#, "binds z, which is no single value"),
        (UNARY, r#"get: "/v1/{a.b}""#, "binds a.b, which is no single value"),
        (UNARY, r#"get: "/v1/{c}""#, "binds c, which is no single value"),
        (UNARY, r#"get: "/v1/{d}""#, "binds d, which is no single value"),
        (UNARY, r#"get: "/v1/x" body: "*""#, "gives GET a body"),
        (UNARY, r#"post: "/v1/x" body: "z""#, "names no field as its body"),
        (UNARY, r#"get: "/v1/x" response_body: "z""#, "names no field as its response"),
        (UNARY, r#"body: "*""#, "has no verb"),
        (UNARY, r#"custom {kind: "purge" path: "/v1/x"}"#, "has a verb that is not upper case"),
        ("(stream Thing) returns (Thing)", r#"post: "/v1/x" body: "*""#, "takes a stream"),
        (
            UNARY,
            r#"get: "/v1/x" additional_bindings {get: "/v1/y" additional_bindings {get: "/v1/z"}}"#,
            "additional bindings inside",
        ),
    ] {
        let error = build(rpc, &[option]).unwrap_err().to_string();
        assert!(error.contains("bad.v1.BadService.M0"), "{error}");
        assert!(error.contains(problem), "{option}: {error}");
    }
}

#[tokio::test]
async fn two_rpcs_cannot_have_the_same_paths() {
    const UNARY: &str = "(Thing) returns (Thing)";
    let same = [r#"get: "/v1/{a}:x""#, r#"get: "/v1/{b=*}:x""#];
    assert!(matches!(build(UNARY, &same), Err(GatewayError::Conflict { .. })));
    let distinct = [
        r#"get: "/v1/{a}""#,
        r#"post: "/v1/{b}""#,
        r#"get: "/v1/{a}:x""#,
        r#"get: "/v1/a""#,
        r#"get: "/v1/{a=**}""#,
    ];
    assert_eq!(build(UNARY, &distinct).unwrap().routes().len(), 5);
}

#[tokio::test]
async fn services_without_a_backend_have_no_routes() {
    let descriptors = compile(&[PROBE, "probe/v1/late.proto"]);
    let late = |service: &str| (service == "probe.v1.LateService").then(nowhere);
    let gateway = Gateway::new(&descriptors, late).unwrap();
    let shown: Vec<String> = gateway.routes().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["POST /v1/probes/{name}:arrive probe.v1.LateService.Arrive"]);
    assert!(Gateway::new(b"no descriptors", |_| None).is_err());
}
