//! The parameters of paths and queries, for OpenAPI.

use std::collections::BTreeMap;

use http::Method;
use prost_reflect::MessageDescriptor;
use serde_json::{Value as Json, json};

use crate::bind::FieldPath;
use crate::conditional;
use crate::json::is_text;
use crate::options::Limits;
use crate::request_schema::Place;
use crate::routes::{BodyRule, Route};
use crate::schema::{Schemas, set};
use crate::template::{Segment, Template};

/// How deep query parameters are listed.
const DEPTH_MAX: usize = 4;

/// OpenAPI takes paths that differ only in the names of their parameters for the same path, so the
/// first route of a shape names them for all.
#[derive(Debug, Default)]
pub(crate) struct Placeholders(BTreeMap<String, Vec<String>>);

impl Placeholders {
    /// The path, and the name of each of its wildcards.
    pub(crate) fn of(&mut self, template: &Template) -> (String, Vec<String>) {
        let verb: String = template.verb.iter().map(|verb| format!(":{verb}")).collect();
        let shape: String = template.segments.iter().map(|segment| format!("/{segment}")).collect();
        let names = self.0.entry(shape + &verb).or_insert_with(|| wildcard_names(template)).clone();
        let mut next = names.iter();
        let mut path = String::new();
        for segment in &template.segments {
            match segment {
                Segment::Literal(literal) => path.push_str(&format!("/{literal}")),
                Segment::One | Segment::Rest => {
                    path.push_str(&format!("/{{{}}}", next.next().map_or("", String::as_str)));
                }
            }
        }
        (path + &verb, names)
    }
}

/// The wildcards of the path, under these names.
pub(crate) fn path_parameters(route: &Route, names: &[String], schemas: &mut Schemas) -> Vec<Json> {
    let template = &route.rule.template;
    let places = wildcards(template).zip(names);
    let parameter = |(at, name): (usize, &String)| {
        let mut bound = template.variables.iter().zip(&route.rule.variables);
        let field = bound.find(|(variable, _)| variable.single && variable.segments.contains(&at));
        let schema = match field {
            Some((_, path)) => schemas.input(path.leaf(), Place::Text),
            None => json!({"type": "string"}),
        };
        parameter(name, "path", true, schema)
    };
    places.map(parameter).collect()
}

/// The fields of the message that a query may set. What is inside of something that must be given is listed as
/// something that must be, too.
pub(crate) fn query_parameters(
    route: &Route,
    within: (&MessageDescriptor, &str, bool),
    parameters: &mut Vec<Json>,
    schemas: &mut Schemas,
) {
    let (message, prefix, outer_required) = within;
    for field in message.fields() {
        let name = format!("{prefix}{}", field.json_name());
        let path = FieldPath::resolve(&route.rpc.input(), &name);
        let in_body = route.rule.body == BodyRule::Field(field.clone());
        if in_body || path.is_none_or(|path| route.rule.variables.contains(&path)) {
            continue;
        }
        let required = outer_required && Limits::of(&field).required;
        match field.kind().as_message().filter(|inner| !is_text(inner)) {
            Some(inner) => {
                let deep = name.matches('.').count() + 1 >= DEPTH_MAX;
                if !field.is_list() && !field.is_map() && !deep {
                    let within = (inner, &*format!("{name}."), required);
                    query_parameters(route, within, parameters, schemas);
                }
            }
            None => {
                let schema = schemas.input(&field, Place::Text);
                parameters.push(parameter(&name, "query", required, schema));
            }
        }
    }
}

/// The headers that the call looks at.
pub(crate) fn header_parameters(route: &Route) -> Vec<Json> {
    let header = |name: &str, says: &str, mut schema: Json| {
        set(&mut schema, "description", says.into());
        parameter(name, "header", false, schema)
    };
    let mut headers = vec![header(
        "x-request-id",
        "Names the request in the logs of all servers; made up where it is not given.",
        json!({"type": "string", "examples": ["r-1"]}),
    )];
    if route.rule.method != Method::GET {
        headers.push(header(
            "Idempotency-Key",
            "Names what is to be done: sent again with the same key, it is not done again, and the first answer comes.",
            json!({"type": "string", "pattern": "^[!-~]{1,255}$", "examples": ["order-4711"]}),
        ));
    }
    if route.rule.method != Method::GET && conditional::place(route).is_some() {
        headers.push(header(
            "If-Match",
            "Refused with ETAG_MISMATCH unless this is the resource's tag: its `ETag`, or its `etag` in quotes.",
            json!({"type": "string", "pattern": r#"^(\*|"[!#-~]+")$"#, "examples": ["\"1\""]}),
        ));
    }
    if route.reads_once() {
        headers.push(header(
            "If-None-Match",
            "The `ETag` of the answer that is there already: 304 while it is the same.",
            json!({"type": "string", "examples": ["\"1.0f1e2d3c4b5a6978\""]}),
        ));
    }
    if route.rpc.is_server_streaming() {
        headers.push(header(
            "Last-Event-ID",
            "The `id` of the last event that came, after which to go on.",
            json!({"type": "string", "examples": ["7"]}),
        ));
    }
    headers
}

/// A parameter; what its schema tells is told of it.
fn parameter(name: &str, place: &str, required: bool, mut schema: Json) -> Json {
    let said = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let mut parameter = json!({"name": name, "in": place, "schema": schema});
    if required {
        set(&mut parameter, "required", true.into());
    }
    if let Some(said) = said {
        set(&mut parameter, "description", said);
    }
    parameter
}

fn wildcard_names(template: &Template) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for at in wildcards(template) {
        let variable = template.variables.iter().find(|variable| variable.segments.contains(&at));
        let field = variable.map_or("segment", |variable| variable.field.as_str());
        let leaf = field.rsplit('.').next().unwrap_or(field);
        let mut candidates =
            (1..).map(|nth| if nth == 1 { leaf.to_owned() } else { format!("{leaf}_{nth}") });
        let unused = candidates.find(|name| !names.contains(name));
        names.extend(unused);
    }
    names
}

fn wildcards(template: &Template) -> impl Iterator<Item = usize> {
    let segments = template.segments.iter().enumerate();
    segments.filter(|(_, segment)| !matches!(segment, Segment::Literal(_))).map(|(at, _)| at)
}
