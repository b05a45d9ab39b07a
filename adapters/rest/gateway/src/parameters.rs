//! The parameters of paths and queries, for OpenAPI.

use std::collections::BTreeMap;

use prost_reflect::MessageDescriptor;
use serde_json::{Value as Json, json};

use crate::bind::FieldPath;
use crate::json::is_text;
use crate::routes::{BodyRule, Route};
use crate::schema::Schemas;
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
            Some((_, path)) => schemas.field(path.leaf()),
            None => json!({"type": "string"}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    };
    places.map(parameter).collect()
}

/// The fields of the message that a query may set.
pub(crate) fn query_parameters(
    route: &Route,
    message: &MessageDescriptor,
    prefix: &str,
    parameters: &mut Vec<Json>,
    schemas: &mut Schemas,
) {
    for field in message.fields() {
        let name = format!("{prefix}{}", field.json_name());
        let path = FieldPath::resolve(&route.rpc.input(), &name);
        let in_body = route.rule.body == BodyRule::Field(field.clone());
        if in_body || path.is_none_or(|path| route.rule.variables.contains(&path)) {
            continue;
        }
        match field.kind().as_message().filter(|inner| !is_text(inner)) {
            Some(inner) => {
                let deep = name.matches('.').count() + 1 >= DEPTH_MAX;
                if !field.is_list() && !field.is_map() && !deep {
                    query_parameters(route, inner, &format!("{name}."), parameters, schemas);
                }
            }
            None => {
                let schema = schemas.field(&field);
                parameters.push(json!({"name": name, "in": "query", "schema": schema}));
            }
        }
    }
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
