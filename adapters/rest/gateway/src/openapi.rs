//! OpenAPI 3.1 of the routes, from the same descriptors, rules and comments.

use std::collections::BTreeMap;

use http::Method;
use prost_reflect::{FieldDescriptor, ServiceDescriptor};
use serde_json::{Map, Value as Json, json};

use crate::parameters::{Placeholders, path_parameters, query_parameters};
use crate::routes::{BodyRule, Route};
use crate::schema::{Schemas, comment, describe, reference, set};

/// The name of the error's schema; those of messages contain a dot.
const ERROR: &str = "Error";

/// The document.
pub(crate) fn document(routes: &[Route]) -> Json {
    let mut schemas = Schemas::default();
    let mut paths: BTreeMap<String, Map<String, Json>> = BTreeMap::new();
    let mut placeholders = Placeholders::default();
    let mut operations: BTreeMap<String, usize> = BTreeMap::new();
    let listed = routes.iter().filter(|route| has_place(&route.rule.method));
    for route in listed {
        let (path, names) = placeholders.of(&route.rule.template);
        let parameters = path_parameters(route, &names, &mut schemas);
        let id = format!("{}_{}", route.rpc.parent_service().name(), route.rpc.name());
        let times = operations.entry(id.clone()).and_modify(|times| *times += 1).or_insert(1);
        let id = if *times == 1 { id } else { format!("{id}_{times}") };
        let operation = operation(route, &id, parameters, &mut schemas);
        let verb = route.rule.method.as_str().to_lowercase();
        paths.entry(path).or_default().insert(verb, operation);
    }
    let mut components = schemas.into_components();
    components.insert(ERROR.to_owned(), error());
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Boxoffice", "version": env!("CARGO_PKG_VERSION")},
        "servers": [{"url": "/"}],
        "tags": tags(routes),
        "paths": paths,
        "security": [{"bearer": []}, {}],
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    })
}

fn operation(route: &Route, id: &str, mut parameters: Vec<Json>, schemas: &mut Schemas) -> Json {
    let mut operation = json!({
        "operationId": id,
        "tags": [route.rpc.parent_service().full_name()],
        "responses": {"200": success(route, schemas), "default": failure()},
    });
    let said = comment(&route.rpc.parent_file(), route.rpc.path());
    if let Some(summary) = said.split_inclusive(". ").next() {
        set(&mut operation, "summary", summary.trim().trim_end_matches('.').into());
    }
    describe(&mut operation, said);
    if let Some(content) = body_schema(route, schemas) {
        let content = json!({"application/json": {"schema": content}});
        set(&mut operation, "requestBody", json!({"required": true, "content": content}));
    }
    if route.rule.body != BodyRule::Whole {
        query_parameters(route, &route.rpc.input(), "", &mut parameters, schemas);
    }
    if route.rule.method != Method::GET {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Names the request: sent again with the same key, it is not done again.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }));
    }
    set(&mut operation, "parameters", Json::Array(parameters));
    operation
}

fn body_schema(route: &Route, schemas: &mut Schemas) -> Option<Json> {
    match &route.rule.body {
        BodyRule::None => None,
        BodyRule::Field(field) => Some(schemas.field(field)),
        BodyRule::Whole => {
            let in_path = |field: &FieldDescriptor| {
                route.rule.variables.iter().any(|path| path.name() == field.name())
            };
            let mut schema = schemas.object(&route.rpc.input(), |field| !in_path(field));
            let input = route.rpc.input();
            describe(&mut schema, comment(&input.parent_file(), input.path()));
            Some(schema)
        }
    }
}

fn success(route: &Route, schemas: &mut Schemas) -> Json {
    let answer = match &route.rule.response_body {
        Some(field) => schemas.field(field),
        None => schemas.message(&route.rpc.output()),
    };
    if route.rpc.is_server_streaming() {
        let events = json!({
            "type": "string",
            "description": "Events whose data is one JSON value each; an event named `error` holds an Error.",
            "contentMediaType": "application/json",
            "contentSchema": answer,
        });
        return json!({"description": "OK", "content": {"text/event-stream": {"schema": events}}});
    }
    let mut response =
        json!({"description": "OK", "content": {"application/json": {"schema": answer}}});
    if route.rule.method != Method::GET {
        let headers = json!({
            "Idempotency-Replayed": {
                "description": "`true` if this is the answer to an earlier request with the same key.",
                "schema": {"type": "string"},
            },
            "Retry-After": {
                "description": "Seconds after which to do what could not be done now: to pay a booking.",
                "schema": {"type": "integer"},
            },
        });
        set(&mut response, "headers", headers);
    }
    response
}

fn failure() -> Json {
    json!({
        "description": "The request was not carried out, or it is not known whether it was.",
        "headers": {"Retry-After": {
            "description": "Seconds after which to try again, where that helps.",
            "schema": {"type": "integer"},
        }},
        "content": {"application/json": {"schema": reference(ERROR)}},
    })
}

fn error() -> Json {
    json!({
        "type": "object",
        "description": "A google.rpc.Status.",
        "properties": {
            "code": {"type": "integer", "description": "A canonical gRPC code."},
            "message": {"type": "string", "description": "What went wrong, in English."},
            "details": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "@type": {"type": "string", "description": "What the detail is."},
                    "reason": {"type": "string", "description": "ErrorInfo: the stable name of the error."},
                    "domain": {"type": "string", "description": "ErrorInfo: who says so."},
                    "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
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
            }},
        },
        "required": ["code", "message", "details"],
    })
}

fn tags(routes: &[Route]) -> Vec<Json> {
    let services: BTreeMap<String, ServiceDescriptor> = routes
        .iter()
        .map(|route| route.rpc.parent_service())
        .map(|service| (service.full_name().to_owned(), service.clone()))
        .collect();
    let tag = |(name, service): (String, ServiceDescriptor)| {
        let mut tag = json!({"name": name});
        describe(&mut tag, comment(&service.parent_file(), service.path()));
        tag
    };
    services.into_iter().map(tag).collect()
}

/// OpenAPI has a place for few methods.
fn has_place(method: &Method) -> bool {
    [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS]
        .contains(method)
}
