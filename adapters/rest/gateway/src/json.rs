//! JSON objects to messages and back, by the proto3 JSON mapping: either spelling in, lowerCamelCase out.

use bytes::Bytes;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions, Value,
};
use serde_json::{Map, Value as Json};
use tonic::Status;

use crate::scalar::{self, Wrong};
use crate::violations::{Violations, inside};

/// Sets the fields that the object has; `at` is where in the request the object stands.
pub(crate) fn read_object(
    message: &mut DynamicMessage,
    object: &Map<String, Json>,
    at: &str,
    violations: &mut Violations,
) {
    let described = prost_reflect::ReflectMessage::descriptor(message);
    let mut seen = Vec::new();
    for (name, json) in object {
        let Some(field) = field(&described, name) else {
            violations.add(&inside(at, name), "is not a field");
            continue;
        };
        let at = inside(at, field.name());
        if seen.contains(&field.number()) {
            violations.add(&at, "is there twice, in both spellings");
            continue;
        }
        seen.push(field.number());
        read_field(message, &field, json, &at, violations);
    }
}

/// Sets one field. `null` leaves it as it is, where `null` is not itself a value.
pub(crate) fn read_field(
    message: &mut DynamicMessage,
    field: &FieldDescriptor,
    json: &Json,
    at: &str,
    violations: &mut Violations,
) {
    if json.is_null() && !takes_null(field) {
        return;
    }
    if other_of_oneof(message, field) {
        violations.add(at, "excludes another field that is set");
        return;
    }
    let value = match (field.is_list(), field.is_map()) {
        (true, _) => read_list(field, json, at, violations),
        (_, true) => read_map(field, json, at, violations),
        (false, false) => read_value(&field.kind(), json, at, violations),
    };
    if let Some(value) = value {
        message.set_field(field, value);
    }
}

/// Whether setting the field would unset another one.
pub(crate) fn other_of_oneof(message: &DynamicMessage, field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| {
        oneof.fields().any(|other| other != *field && message.has_field(&other))
    })
}

/// The field of this name in either spelling.
pub(crate) fn field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}

fn read_list(
    field: &FieldDescriptor,
    json: &Json,
    at: &str,
    violations: &mut Violations,
) -> Option<Value> {
    let Json::Array(items) = json else {
        violations.add(at, "must be a list");
        return None;
    };
    let mut values = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        values.extend(read_value(&field.kind(), item, &format!("{at}[{index}]"), violations));
    }
    Some(Value::List(values))
}

fn read_map(
    field: &FieldDescriptor,
    json: &Json,
    at: &str,
    violations: &mut Violations,
) -> Option<Value> {
    let (Json::Object(entries), Kind::Message(entry)) = (json, field.kind()) else {
        violations.add(at, "must be an object");
        return None;
    };
    let (key_field, value_field) = (entry.map_entry_key_field(), entry.map_entry_value_field());
    let mut values = std::collections::HashMap::with_capacity(entries.len());
    for (name, json) in entries {
        let at = inside(at, name);
        let value = read_value(&value_field.kind(), json, &at, violations);
        match scalar::key(&key_field.kind(), name) {
            Ok(key) => values.extend(value.map(|value| (key, value))),
            Err(wrong) => violations.add(&at, format!("has a key that {wrong}")),
        }
    }
    Some(Value::Map(values))
}

fn read_value(kind: &Kind, json: &Json, at: &str, violations: &mut Violations) -> Option<Value> {
    let read = match kind.as_message() {
        None => scalar::from_json(kind, json),
        Some(described) => match (special(described, json), json.as_object()) {
            (Some(read), _) => read.map(Value::Message),
            (None, Some(object)) => {
                let mut message = DynamicMessage::new(described.clone());
                read_object(&mut message, object, at, violations);
                Ok(Value::Message(message))
            }
            (None, None) => Err("must be an object".to_owned()),
        },
    };
    read.map_err(|wrong| violations.add(at, wrong)).ok()
}

/// The value of a text in a path or query.
pub(crate) fn from_text(kind: &Kind, text: &str) -> Result<Value, Wrong> {
    let Kind::Message(described) = kind else {
        return scalar::from_text(kind, text);
    };
    let read = match wrapped(described) {
        Some(inner) => Some(scalar::from_text(&inner.kind(), text).map(|value| {
            let mut message = DynamicMessage::new(described.clone());
            message.set_field(&inner, value);
            message
        })),
        None => special(described, &Json::String(text.to_owned())).filter(|_| is_text(described)),
    };
    read.unwrap_or_else(|| Err("is a message: name its fields".to_owned())).map(Value::Message)
}

/// Whether a path or query can hold the message as one value.
pub(crate) fn is_text(message: &MessageDescriptor) -> bool {
    const TEXTS: [&str; 3] =
        ["google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"];
    TEXTS.contains(&message.full_name()) || wrapped(message).is_some()
}

/// The messages that JSON does not write as an object of their fields.
fn special(described: &MessageDescriptor, json: &Json) -> Option<Result<DynamicMessage, Wrong>> {
    let wrong = match described.full_name() {
        "google.protobuf.Timestamp" => "must be a time such as \"2030-01-31T09:00:00Z\"",
        "google.protobuf.Duration" => "must be a number of seconds such as \"600s\"",
        "google.protobuf.FieldMask" => return Some(mask(described, json)),
        "google.protobuf.Any" => "must be an object with a known \"@type\"",
        "google.protobuf.Struct" => "must be an object",
        "google.protobuf.ListValue" => "must be a list",
        "google.protobuf.Value" => "must be JSON that nests less deep",
        _ => {
            let inner = wrapped(described)?;
            return Some(scalar::from_json(&inner.kind(), json).map(|value| {
                let mut message = DynamicMessage::new(described.clone());
                message.set_field(&inner, value);
                message
            }));
        }
    };
    let read = DynamicMessage::deserialize(described.clone(), json);
    Some(read.map_err(|_| wrong.to_owned()))
}

/// The one field of a wrapper such as `google.protobuf.Int64Value`.
fn wrapped(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let name = message.full_name().strip_prefix("google.protobuf.")?;
    name.ends_with("Value").then_some(())?;
    message.get_field_by_name("value").filter(|_| message.fields().len() == 1)
}

/// `unitPrice,name` or `unit_price,name`; `*` for all there is.
fn mask(described: &MessageDescriptor, json: &Json) -> Result<DynamicMessage, Wrong> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_.,*".contains(c);
    let text = json.as_str().filter(|text| text.chars().all(fine));
    let text = text.ok_or("must be field names with commas between")?;
    let mut paths = Vec::new();
    for path in text.split(',').filter(|path| !path.is_empty()) {
        let mut name = String::with_capacity(path.len());
        for c in path.chars() {
            if c.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        }
        paths.push(Value::String(name));
    }
    let mut message = DynamicMessage::new(described.clone());
    let set = message.try_set_field_by_name("paths", Value::List(paths));
    set.map(|()| message).map_err(|_| "cannot be given".to_owned())
}

fn takes_null(field: &FieldDescriptor) -> bool {
    let kind = field.kind();
    let value = kind.as_message().map(MessageDescriptor::full_name);
    let takes =
        value == Some("google.protobuf.Value") || kind.as_enum().is_some_and(scalar::is_null);
    takes && !field.is_list() && !field.is_map()
}

/// The whole message, or the one field of it that an rpc answers with. Fields that hold their
/// default are written, so that a client sees them all.
pub(crate) fn write(
    message: &DynamicMessage,
    only: Option<&FieldDescriptor>,
) -> Result<Bytes, Status> {
    let inner = only.map(|field| message.get_field(field));
    let written = match (inner.as_deref(), only) {
        (None, _) | (_, None) => serde_json::to_vec(&Whole(message)),
        (Some(Value::Message(inner)), _) => serde_json::to_vec(&Whole(inner)),
        (Some(_), Some(field)) => serde_json::to_value(Whole(message)).and_then(|whole| {
            serde_json::to_vec(whole.get(field.json_name()).unwrap_or(&Json::Null))
        }),
    };
    written.map(Bytes::from).map_err(|error| {
        tracing::error!(answer = message_name(message), %error, "an answer that JSON cannot hold");
        crate::error::fault()
    })
}

/// The message as a JSON value.
pub(crate) fn to_value(message: &DynamicMessage) -> Option<Json> {
    serde_json::to_value(Whole(message)).ok()
}

fn message_name(message: &DynamicMessage) -> String {
    prost_reflect::ReflectMessage::descriptor(message).full_name().to_owned()
}

struct Whole<'m>(&'m DynamicMessage);

impl serde::Serialize for Whole<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = SerializeOptions::new().skip_default_fields(false);
        self.0.serialize_with_options(serializer, &options)
    }
}
