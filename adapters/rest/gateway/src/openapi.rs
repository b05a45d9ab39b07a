//! OpenAPI 3.1 of the routes, from the same descriptors, rules, options and comments.

use std::collections::BTreeMap;

use http::Method;
use prost_reflect::{FieldDescriptor, ServiceDescriptor};
use serde_json::{Map, Value as Json, json};

use crate::options;
use crate::parameters::{Placeholders, header_parameters, path_parameters, query_parameters};
use crate::request_schema::Place;
use crate::responses::{Responses, operation_id};
use crate::routes::{BodyRule, Route};
use crate::schema::{Schemas, comment, describe, set};

const ABOUT: &str = "Tickets, seats and rooms by the night: registered by organizers, booked and paid by buyers. The \
    same calls are there over gRPC; JSON is the proto3 mapping, with either spelling of names and numbers also as text.";
const TOKEN: &str = "A token of the platform's issuer: `sub` is the buyer's id, `roles` holds `buyer`, `organizer` or \
    `admin`, `organizer_id` names the organizer. `boxoffice token` prints one of the development issuer.";
const SCHEME: &str = "bearer";

/// The document.
pub(crate) fn document(routes: &[Route]) -> Json {
    let mut schemas = Schemas::default();
    let mut responses = Responses::default();
    let mut paths: BTreeMap<String, Map<String, Json>> = BTreeMap::new();
    let mut placeholders = Placeholders::default();
    let mut operations: BTreeMap<String, usize> = BTreeMap::new();
    let listed = routes.iter().filter(|route| has_place(&route.rule.method));
    for route in listed {
        let (path, names) = placeholders.of(&route.rule.template);
        let parameters = path_parameters(route, &names, &mut schemas);
        let id = operation_id(route);
        let times = operations.entry(id.clone()).and_modify(|times| *times += 1).or_insert(1);
        let id = if *times == 1 { id } else { format!("{id}_{times}") };
        let mut operation = operation(route, &id, parameters, &mut schemas);
        set(&mut operation, "responses", responses.of(route, routes, &mut schemas));
        let verb = route.rule.method.as_str().to_lowercase();
        paths.entry(path).or_default().insert(verb, operation);
    }
    let (errors, examples) = responses.into_components();
    let mut components = schemas.into_components();
    components.extend(errors);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Boxoffice",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "contact": {"name": "Who operates this platform"},
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": tags(routes),
        "paths": paths,
        "components": {
            "schemas": components,
            "examples": examples,
            "securitySchemes": schemes(routes),
        },
    })
}

fn operation(route: &Route, id: &str, mut parameters: Vec<Json>, schemas: &mut Schemas) -> Json {
    let mut operation = json!({
        "operationId": id,
        "tags": [route.rpc.parent_service().full_name()],
        "security": security(route),
    });
    let said = comment(&route.rpc.parent_file(), route.rpc.path());
    if let Some(summary) = said.split_inclusive(". ").next() {
        set(&mut operation, "summary", summary.trim().trim_end_matches('.').into());
    }
    describe(&mut operation, said);
    if let Some(content) = body_schema(route, schemas) {
        let content = json!({"application/json": {"schema": content}});
        let required = body_is_required(route);
        set(&mut operation, "requestBody", json!({"required": required, "content": content}));
    }
    if route.rule.body != BodyRule::Whole {
        let within = (&route.rpc.input(), "", true);
        query_parameters(route, within, &mut parameters, schemas);
    }
    parameters.extend(header_parameters(route));
    set(&mut operation, "parameters", Json::Array(parameters));
    if route.deprecated {
        set(&mut operation, "deprecated", true.into());
    }
    operation
}

/// Who may call: anyone, with or without a token, or the bearers of any of some roles.
fn security(route: &Route) -> Json {
    let Some(call) = options::call(&route.rpc) else { return json!([{}, {SCHEME: []}]) };
    if call.roles.is_empty() {
        return json!([{}, {SCHEME: []}]);
    }
    call.roles.iter().map(|role| json!({role: []})).collect()
}

/// One for each role that a call needs, and one for calls that anybody makes: a token is a token, but readers and tools
/// choose by names.
fn schemes(routes: &[Route]) -> Map<String, Json> {
    let calls = routes.iter().filter_map(|route| options::call(&route.rpc));
    let roles = calls.flat_map(|call| call.roles);
    let with = |role: &str| format!("A token whose `roles` have `{role}`. {TOKEN}");
    let scheme = |says: String| json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": says});
    let named = roles.map(|role| (role.clone(), scheme(with(&role))));
    named.chain([(SCHEME.to_owned(), scheme(format!("Any token. {TOKEN}")))]).collect()
}

/// Without a body a request has none of the fields that it could hold.
fn body_is_required(route: &Route) -> bool {
    let in_body = |field: &FieldDescriptor| match &route.rule.body {
        BodyRule::None => false,
        BodyRule::Field(body) => body == field,
        BodyRule::Whole => !route.rule.variables.iter().any(|path| path.leaf() == field),
    };
    let needed = |field: &FieldDescriptor| {
        let inner = field.kind().as_message().is_some_and(|message| {
            message.fields().any(|field| options::Limits::of(&field).required)
        });
        options::Limits::of(field).required || (inner && route.rule.method == Method::POST)
    };
    route.rpc.input().fields().any(|field| in_body(&field) && needed(&field))
}

fn body_schema(route: &Route, schemas: &mut Schemas) -> Option<Json> {
    let changes = route.rule.method == Method::PATCH;
    let place = if changes { Place::Change } else { Place::Body };
    match &route.rule.body {
        BodyRule::None => None,
        BodyRule::Field(field) => {
            let kind = field.kind();
            let single = !field.is_list() && !field.is_map();
            Some(match kind.as_message().filter(|_| single) {
                Some(message) => schemas.input_message(message, place, |inner| {
                    // The path says it.
                    let name = format!("{}.{}", field.name(), inner.name());
                    !route.rule.variables.iter().any(|path| path.name() == name)
                }),
                None => schemas.input(field, Place::Body),
            })
        }
        BodyRule::Whole => {
            let in_path = |field: &FieldDescriptor| {
                route.rule.variables.iter().any(|path| path.name() == field.name())
            };
            Some(schemas.object(&route.rpc.input(), place, |field| !in_path(field)))
        }
    }
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
