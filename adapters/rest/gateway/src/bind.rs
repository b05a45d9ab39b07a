//! Builds an rpc's request from the body, the query and the path of an HTTP request.

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, Value};
use serde_json::Value as Json;
use tonic::Status;

use crate::document;
use crate::json::{self, from_text, is_text, other_of_oneof, read_field, read_object};
use crate::limits::DEPTH_MAX;
use crate::percent::decode_query;
use crate::routes::{BodyRule, Route};
use crate::violations::Violations;

/// The fields from a message down to one of its values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldPath {
    outer: Vec<FieldDescriptor>,
    leaf: FieldDescriptor,
}

/// The request, or everything that is wrong with it.
pub(crate) fn request(
    route: &Route,
    path_values: &[String],
    query: Option<&str>,
    body: &[u8],
) -> Result<DynamicMessage, Status> {
    let mut message = DynamicMessage::new(route.rpc.input());
    let mut violations = Violations::default();
    bind_body(route, &mut message, body, &mut violations)?;
    bind_query(route, &mut message, query.unwrap_or_default(), &mut violations);
    for (field, text) in route.rule.variables.iter().zip(path_values) {
        bind_path(field, &mut message, text, &mut violations);
    }
    violations.finish()?;
    Ok(message)
}

fn bind_body(
    route: &Route,
    message: &mut DynamicMessage,
    body: &[u8],
    violations: &mut Violations,
) -> Result<(), Status> {
    if body.is_empty() {
        return Ok(());
    }
    match &route.rule.body {
        BodyRule::None => violations.add("body", "must be empty"),
        BodyRule::Whole => match document::read(body)? {
            Json::Object(object) => read_object(message, &object, "", violations),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                violations.add("body", "must be an object");
            }
        },
        BodyRule::Field(field) => {
            read_field(message, field, &document::read(body)?, field.name(), violations);
        }
    }
    Ok(())
}

fn bind_query(
    route: &Route,
    message: &mut DynamicMessage,
    query: &str,
    violations: &mut Violations,
) {
    let mut seen: Vec<FieldPath> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Ok(name), Ok(value)) = (decode_query(name), decode_query(value)) else {
            violations.add(name, "has an escape that is not UTF-8");
            continue;
        };
        let Some(field) = FieldPath::resolve(&message_type(message), &name) else {
            violations.add(&name, "is not a parameter");
            continue;
        };
        let at = field.name();
        if !allowed(route, &field) {
            violations.add(&at, "is not a parameter: it belongs in the path or the body");
        } else if !field.leaf.is_list() && seen.contains(&field) {
            violations.add(&at, "is there twice");
        } else {
            let set = field.set_text(message, &value);
            set.unwrap_or_else(|wrong| violations.add(&at, wrong));
            seen.push(field);
        }
    }
}

/// Whether the query may set the field.
fn allowed(route: &Route, field: &FieldPath) -> bool {
    let in_body = match &route.rule.body {
        BodyRule::None => false,
        BodyRule::Whole => true,
        BodyRule::Field(body) => field.outer.first().unwrap_or(&field.leaf) == body,
    };
    !in_body && !route.rule.variables.contains(field)
}

/// The body may repeat what the path says, so that a resource can be sent back as it was read.
fn bind_path(
    field: &FieldPath,
    message: &mut DynamicMessage,
    text: &str,
    violations: &mut Violations,
) {
    let before = field.get(message);
    match field.set_text(message, text) {
        Err(wrong) => violations.add(&field.name(), wrong),
        Ok(()) => {
            if before.is_some() && before != field.get(message) {
                violations.add(&field.name(), "differs from the path");
            }
        }
    }
}

impl FieldPath {
    /// The field that a dotted path names, in either spelling, if there is a value at its end.
    pub(crate) fn resolve(message: &MessageDescriptor, text: &str) -> Option<Self> {
        let mut message = message.clone();
        let mut outer = Vec::new();
        let mut names = text.split('.').peekable();
        while let Some(name) = names.next() {
            let field = json::field(&message, name)?;
            if names.peek().is_none() {
                return Some(Self { outer, leaf: field });
            }
            let inner = field.kind().as_message().filter(|inner| !is_text(inner)).cloned()?;
            if field.is_list() || field.is_map() || outer.len() == DEPTH_MAX {
                return None;
            }
            outer.push(field);
            message = inner;
        }
        None
    }

    /// The path in the spelling of the proto.
    pub(crate) fn name(&self) -> String {
        let fields = self.outer.iter().chain([&self.leaf]);
        fields.map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
    }

    pub(crate) const fn leaf(&self) -> &FieldDescriptor {
        &self.leaf
    }

    /// Sets the value, or adds it to those of a list.
    fn set_text(&self, message: &mut DynamicMessage, text: &str) -> Result<(), String> {
        if self.leaf.is_map() {
            return Err("is a map and has no single value".to_owned());
        }
        self.set(message, from_text(&self.leaf.kind(), text)?)
    }

    /// Sets the value, or adds it to those of a list, unless another field excludes it.
    pub(crate) fn set(&self, message: &mut DynamicMessage, value: Value) -> Result<(), String> {
        let excluded = || "excludes another field that is set".to_owned();
        let mut message = message;
        for field in &self.outer {
            if other_of_oneof(message, field) {
                return Err(excluded());
            }
            let inner = message.get_field_mut(field).as_message_mut();
            message = inner.ok_or("cannot be given")?;
        }
        if other_of_oneof(message, &self.leaf) {
            return Err(excluded());
        }
        let place = message.get_field_mut(&self.leaf);
        match place.as_list_mut() {
            Some(values) => values.push(value),
            None => *place = value,
        }
        Ok(())
    }

    pub(crate) fn get(&self, message: &DynamicMessage) -> Option<Value> {
        value_of(message, &self.outer, &self.leaf)
    }

    /// Whether the path ends at one value that text can hold.
    pub(crate) fn is_single(&self) -> bool {
        !self.leaf.is_list() && self.leaf.kind().as_message().is_none_or(is_text)
    }
}

fn value_of(
    message: &DynamicMessage,
    outer: &[FieldDescriptor],
    leaf: &FieldDescriptor,
) -> Option<Value> {
    match outer.split_first() {
        Some((first, rest)) => value_of(message.get_field(first).as_message()?, rest, leaf),
        None => message.has_field(leaf).then(|| message.get_field(leaf).into_owned()),
    }
}

fn message_type(message: &DynamicMessage) -> MessageDescriptor {
    prost_reflect::ReflectMessage::descriptor(message)
}
