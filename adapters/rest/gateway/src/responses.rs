//! What a call answers with, for OpenAPI: its resource, and every error that the contract says it may come to.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value as Json, json};
use tonic_types::{ErrorDetails, StatusExt};

use crate::bind::FieldPath;
use crate::created::{Created, resource};
use crate::error::{self, DOMAIN};
use crate::options::{self, Call, Reason};
use crate::routes::{BodyRule, Route};
use crate::schema::{Schemas, reference, set};

/// The names of the errors' schemas; those of messages contain a dot.
const ERROR: &str = "Error";
const PROBLEM: &str = "Problem";

/// What any call may be refused with.
const ANY: [&str; 9] = [
    "INVALID_FIELD",
    "UNAUTHENTICATED",
    "NOT_ACCEPTABLE",
    "HEADERS_TOO_LARGE",
    "RATE_LIMITED",
    "OVERLOADED",
    "INTERNAL",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
];
/// What a call that needs a role may be refused with.
const ROLE: &str = "PERMISSION_DENIED";
/// What a call whose path has variables may be refused with.
const PATH: &str = "ROUTE_NOT_FOUND";
/// What a call that only reads may be refused with, where `If-Match` asks for one answer and no other.
const OTHER: &str = "ETAG_MISMATCH";
/// What a call with a body may be refused with.
const BODY: [&str; 3] = ["MESSAGE_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "REQUEST_TIMEOUT"];
/// What a call that takes an idempotency key may be refused with.
const KEY: [&str; 2] = ["IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_IN_USE"];

/// Collects the responses of calls, and the examples that they share.
#[derive(Default)]
pub(crate) struct Responses {
    examples: Map<String, Json>,
}

impl Responses {
    /// All that a route answers with.
    pub(crate) fn of(&mut self, route: &Route, routes: &[Route], schemas: &mut Schemas) -> Json {
        let made = route.creates();
        let mut responses = Map::new();
        let code = if made { "201" } else { "200" };
        responses.insert(code.to_owned(), success(route, made, routes, schemas));
        if route.reads_once() {
            let mut known = described("The answer is the one that the request has a tag of.");
            set(&mut known, "headers", json!({"ETag": tag(), "x-request-id": request_id()}));
            responses.insert("304".to_owned(), known);
        }
        match options::call(&route.rpc) {
            Some(call) => self.errors(route, call, &mut responses),
            None => {
                let response = failure("The request was not carried out.", json!({}));
                responses.insert("default".to_owned(), response);
            }
        }
        // Whatever comes of it.
        for response in responses.values_mut().filter(|_| route.deprecated) {
            if let Some(headers) = response.get_mut("headers") {
                set(headers, "Deprecation", header("This call will go.", "string"));
            }
        }
        Json::Object(responses)
    }

    /// The components that the responses refer to: schemas and examples.
    pub(crate) fn into_components(self) -> (Map<String, Json>, Map<String, Json>) {
        let mut schemas = Map::new();
        schemas.insert(ERROR.to_owned(), error_schema());
        schemas.insert(PROBLEM.to_owned(), problem_schema());
        (schemas, self.examples)
    }

    fn errors(&mut self, route: &Route, call: Call, responses: &mut Map<String, Json>) {
        let pool = route.rpc.parent_pool();
        let mut names = ANY.to_vec();
        names.extend((!call.roles.is_empty()).then_some(ROLE));
        names.extend(route.reads_once().then_some(OTHER));
        names.extend((!route.rule.template.variables.is_empty()).then_some(PATH));
        names.extend((route.rule.body != BodyRule::None).then_some(BODY).into_iter().flatten());
        names.extend((route.rule.method != Method::GET).then_some(KEY).into_iter().flatten());
        let common = names.into_iter().filter_map(|name| options::reason(pool, name));
        let mut by_code: BTreeMap<u16, Vec<Reason>> = BTreeMap::new();
        for reason in common.chain(call.reasons) {
            by_code.entry(error::http_code(&status(&reason)).as_u16()).or_default().push(reason);
        }
        for (code, reasons) in by_code {
            let says: Vec<_> =
                reasons.iter().map(|it| format!("- `{}`: {}", it.name, it.meaning)).collect();
            let mut examples = Map::new();
            for reason in &reasons {
                let link = json!({"$ref": format!("#/components/examples/{}", reason.name)});
                examples.insert(reason.name.clone(), link);
                self.examples.entry(reason.name.clone()).or_insert_with(|| example(reason));
            }
            let mut response = failure(&says.join("\n"), Json::Object(examples));
            let more = match code {
                401 => {
                    Some(("WWW-Authenticate", header("How to say who calls: `Bearer`.", "string")))
                }
                409 | 429 | 503 => Some(("Retry-After", retry_after())),
                _ => None,
            };
            if let (Some((name, header)), Some(headers)) = (more, response.get_mut("headers")) {
                set(headers, name, header);
            }
            responses.insert(code.to_string(), response);
        }
    }
}

fn success(route: &Route, made: bool, routes: &[Route], schemas: &mut Schemas) -> Json {
    let answer = match &route.rule.response_body {
        Some(field) => schemas.field(field),
        None => schemas.message(&route.rpc.output()),
    };
    let mut headers = json!({"x-request-id": request_id()});
    let mut response = described(if made { "It is made." } else { "OK" });
    if route.rpc.is_server_streaming() {
        let events = json!({
            "type": "string",
            "description": "Events whose data is one JSON value each; an event named `error` holds an Error.",
            "contentMediaType": "application/json",
            "contentSchema": answer,
        });
        set(&mut response, "content", json!({"text/event-stream": {"schema": events}}));
    } else {
        set(&mut response, "content", json!({"application/json": {"schema": answer}}));
    }
    let is_found = matches!(route.created, Some(Created::At(_)));
    if is_found {
        set(&mut headers, "Location", header("The path of what was made.", "string"));
    }
    if made {
        let links = links(route, routes);
        if !links.is_empty() {
            set(&mut response, "links", Json::Object(links));
        }
    }
    if route.reads_once() || is_found || [Method::PUT, Method::PATCH].contains(&route.rule.method) {
        set(&mut headers, "ETag", tag());
    }
    if route.rule.method != Method::GET {
        let says = "`true` if this is the answer to an earlier request with the same key.";
        set(&mut headers, "idempotency-replayed", header(says, "string"));
        set(&mut headers, "Retry-After", retry_after());
    }
    set(&mut response, "headers", headers);
    response
}

/// What can be done with what was made: all calls whose path is made of its fields, with its own identifier among them.
fn links(route: &Route, routes: &[Route]) -> Map<String, Json> {
    let mut links = Map::new();
    let Some(made) = resource(route) else { return links };
    let own = made.get_field(1);
    let own = own.as_ref().map(|field| field.name()).filter(|name| name.ends_with("_id"));
    let own = own.unwrap_or_default();
    for other in routes.iter().filter(|other| !other.rpc.is_server_streaming()) {
        let variables: Vec<&str> =
            other.rule.variables.iter().map(|path| FieldPath::leaf(path).name()).collect();
        let held = |name: &&str| made.get_field_by_name(name);
        if !variables.contains(&own) || !variables.iter().all(|name| held(name).is_some()) {
            continue;
        }
        let parameters: Map<String, Json> = variables
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), held(name)?)))
            .map(|(name, field)| {
                let pointer = format!("$response.body#/{}", field.json_name());
                (format!("path.{name}"), Json::String(pointer))
            })
            .collect();
        let link = json!({"operationId": operation_id(other), "parameters": parameters});
        links.insert(other.rpc.name().to_owned(), link);
    }
    links
}

/// What an operation is called; the second route of an rpc has a number behind it.
pub(crate) fn operation_id(route: &Route) -> String {
    format!("{}_{}", route.rpc.parent_service().name(), route.rpc.name())
}

/// The status that comes with a reason.
fn status(reason: &Reason) -> tonic::Status {
    let mut details = ErrorDetails::with_error_info(&reason.name, DOMAIN, []);
    if reason.name == "INVALID_FIELD" {
        details.add_bad_request_violation("name", "must not be empty");
    }
    let bare =
        tonic::Status::with_error_details(reason.code, reason.meaning.clone(), details.clone());
    // What comes again no different is refused again.
    let Some(delay) = error::retry_delay(&bare) else { return bare };
    details.set_retry_info(Some(delay));
    tonic::Status::with_error_details(reason.code, reason.meaning.clone(), details)
}

fn example(reason: &Reason) -> Json {
    json!({"summary": reason.meaning, "value": error::to_json(&status(reason))})
}

fn failure(says: &str, examples: Json) -> Json {
    let mut media = json!({"schema": reference(ERROR)});
    if examples.as_object().is_some_and(|examples| !examples.is_empty()) {
        set(&mut media, "examples", examples);
    }
    let mut response = described(says);
    set(&mut response, "headers", json!({"x-request-id": request_id()}));
    let problem = json!({"schema": reference(PROBLEM)});
    set(
        &mut response,
        "content",
        json!({"application/json": media, "application/problem+json": problem}),
    );
    response
}

fn described(says: &str) -> Json {
    json!({"description": says})
}

fn header(says: &str, kind: &str) -> Json {
    json!({"description": says, "schema": {"type": kind}})
}

fn tag() -> Json {
    header("The tag of this answer, for `If-None-Match`, and for `If-Match` of a change.", "string")
}

fn request_id() -> Json {
    header("What the request is called in the logs of all servers.", "string")
}

fn retry_after() -> Json {
    header("Seconds after which to try again, where that helps.", "integer")
}

fn error_schema() -> Json {
    json!({
        "type": "object",
        "description": "A google.rpc.Status.",
        "properties": {
            "code": code(),
            "message": {"type": "string", "description": "What went wrong, in English."},
            "details": details(),
        },
        "required": ["code", "message", "details"],
    })
}

fn problem_schema() -> Json {
    json!({
        "type": "object",
        "description": "The same as a problem of RFC 9457, for who accepts application/problem+json.",
        "properties": {
            "type": {"type": "string", "description": "A name for the reason.", "examples": ["urn:boxoffice:SOLD_OUT"]},
            "title": {"type": "string", "description": "The reason in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What went wrong, in English."},
            "code": code(),
            "details": details(),
        },
        "required": ["type", "title", "status", "detail", "code", "details"],
    })
}

fn code() -> Json {
    json!({"type": "integer", "description": "A google.rpc.Code.", "minimum": 1, "maximum": 16})
}

fn details() -> Json {
    json!({"type": "array", "description": "What else there is to tell.", "items": {
        "type": "object",
        "properties": {
            "@type": {"type": "string", "description": "What the detail is."},
            "reason": {"type": "string", "description": "ErrorInfo: the stable name of the error."},
            "domain": {"type": "string", "description": "ErrorInfo: who says so."},
            "metadata": {
                "type": "object",
                "description": "ErrorInfo: facts.",
                "additionalProperties": {"type": "string"},
            },
            "fieldViolations": {
                "type": "array",
                "description": "BadRequest: everything that is wrong with the request.",
                "items": {"type": "object", "properties": {
                    "field": {"type": "string"},
                    "description": {"type": "string"},
                }},
            },
            "retryDelay": {"type": "string", "description": "RetryInfo: seconds, such as \"1s\"."},
        },
        "required": ["@type"],
    }})
}
