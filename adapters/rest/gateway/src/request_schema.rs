//! JSON schemas of requests: exactly what the gateway reads and, as far as the contract says it, what the servers
//! take. So `null` for what may be left out, numbers also as text, enums also as numbers, and no unknown fields.

use std::ops::RangeInclusive;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Number, Value as Json, json};

use crate::options::Limits;
use crate::schema::{Schemas, comment, describe, meanings, reference, set, tell};
use crate::whole;

/// Where a value stands, and so how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a body that makes something or says all of it.
    Body,
    /// In a body that changes something: nothing in it need be there.
    Change,
    /// In a path or a query, as text.
    Text,
}

impl Place {
    /// What names the schemas of messages that stand there.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Body | Self::Text => "Input",
            Self::Change => "Change",
        }
    }
}

impl Schemas {
    /// A field of a request, with its comment.
    pub(crate) fn input(&mut self, field: &FieldDescriptor, place: Place) -> Json {
        let limits = Limits::of(field);
        let kind = field.kind();
        let entry = kind.as_message().filter(|_| field.is_map());
        let mut schema = if let Some(entry) = entry {
            let value = self.value(&entry.map_entry_value_field().kind(), &limits, place);
            json!({"type": "object", "additionalProperties": value})
        } else if field.is_list() {
            let mut list = json!({"type": "array", "items": self.value(&kind, &limits, place)});
            bound(&mut list, ["minItems", "maxItems"], [limits.min_items, limits.max_items]);
            list
        } else {
            self.value(&kind, &limits, place)
        };
        if place != Place::Text && !(limits.required && place == Place::Body) {
            schema = or_null(schema);
        }
        tell(&mut schema, field, &limits);
        schema
    }

    /// A message of a request with some of its fields, by reference unless JSON writes it in a form of its own.
    pub(crate) fn input_message(
        &mut self,
        message: &MessageDescriptor,
        place: Place,
        has: impl Fn(&FieldDescriptor) -> bool,
    ) -> Json {
        if let Some(schema) = self.input_well_known(message, &Limits::default()) {
            return schema;
        }
        // What a change has inside is given whole.
        let name = format!("{}.{}", message.full_name(), place.suffix());
        if !self.0.contains_key(&name) {
            self.0.insert(name.clone(), Json::Null);
            let schema = self.object(message, place, has);
            self.0.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// A message of a request as an object with some of its fields.
    pub(crate) fn object(
        &mut self,
        message: &MessageDescriptor,
        place: Place,
        has: impl Fn(&FieldDescriptor) -> bool,
    ) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields().filter(|field| has(field)) {
            let name = field.json_name().to_owned();
            if place == Place::Body && Limits::of(&field).required {
                required.push(name.clone());
            }
            properties.insert(name, self.input(&field, place));
        }
        let mut schema =
            json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            set(&mut schema, "required", json!(required));
        }
        let exclusions = exclusions(message);
        if !exclusions.is_empty() {
            set(&mut schema, "allOf", Json::Array(exclusions));
        }
        describe(&mut schema, comment(&message.parent_file(), message.path()));
        schema
    }

    fn value(&mut self, kind: &Kind, limits: &Limits, place: Place) -> Json {
        let whole = |least: i128, most: i128| number(limits, least..=most, place);
        match kind {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => whole(i32::MIN.into(), i32::MAX.into()),
            Kind::Uint32 | Kind::Fixed32 => whole(0, u32::MAX.into()),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => whole(i64::MIN.into(), i64::MAX.into()),
            Kind::Uint64 | Kind::Fixed64 => whole(0, u64::MAX.into()),
            Kind::Float | Kind::Double => {
                json!({"type": ["number", "string"], "pattern": r"^(-?[0-9]+(\.[0-9]+)?|NaN|-?Infinity)$"})
            }
            Kind::String => text(json!({"type": "string"}), limits),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(described) => enumeration(described, limits),
            Kind::Message(message) => match self.input_well_known(message, limits) {
                Some(schema) => schema,
                None => self.input_message(message, Place::Body, |_| true),
            },
        }
    }

    fn input_well_known(&mut self, message: &MessageDescriptor, limits: &Limits) -> Option<Json> {
        let seconds = r"^[0-9]{1,11}(\.[0-9]{1,9})?s$";
        let fields = "^[A-Za-z0-9_.,*]*$";
        Some(match message.full_name().strip_prefix("google.protobuf.")? {
            "Timestamp" => json!({"type": "string", "format": "date-time"}),
            "Duration" => text(json!({"type": "string", "pattern": seconds}), limits),
            "FieldMask" => text(json!({"type": "string", "pattern": fields}), limits),
            "Struct" => json!({"type": "object"}),
            "ListValue" => json!({"type": "array", "items": {}}),
            "Value" => json!({}),
            "Any" => json!({
                "type": "object",
                "properties": {"@type": {"type": "string"}},
                "required": ["@type"],
            }),
            wrapper if wrapper.ends_with("Value") => {
                self.value(&message.get_field_by_name("value")?.kind(), limits, Place::Body)
            }
            _ => return None,
        })
    }
}

/// The example of a field as JSON has it.
pub(crate) fn example(field: &FieldDescriptor, limits: &Limits) -> Option<Json> {
    let said = limits.example.as_str();
    let as_text = || Json::String(said.to_owned());
    let long = matches!(
        field.kind(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64
    );
    let texts = long || matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Enum(_));
    if said.is_empty() {
        None
    } else if texts && !field.is_list() {
        Some(as_text())
    } else {
        Some(serde_json::from_str(said).unwrap_or_else(|_| as_text()))
    }
}

/// A whole number: in a body as a number or as text.
fn number(limits: &Limits, type_range: RangeInclusive<i128>, place: Place) -> Json {
    let least = limits.minimum.map_or(*type_range.start(), i128::from);
    let most = limits.maximum.map_or(*type_range.end(), i128::from);
    let [minimum, maximum] = [least, most].map(Number::from_i128);
    let number = json!({"type": "integer", "minimum": minimum, "maximum": maximum});
    if place == Place::Text {
        return number;
    }
    json!({"anyOf": [number, {"type": "string", "pattern": whole::pattern(&(least..=most))}]})
}

fn text(mut schema: Json, limits: &Limits) -> Json {
    bound(&mut schema, ["minLength", "maxLength"], [limits.min_length, limits.max_length]);
    if !limits.pattern.is_empty() {
        set(&mut schema, "pattern", limits.pattern.clone().into());
    }
    schema
}

/// By name, or by the number that the name stands for.
fn enumeration(described: &EnumDescriptor, limits: &Limits) -> Json {
    let taken = |name: &str| limits.names.is_empty() || limits.names.iter().any(|it| it == name);
    let values: Vec<_> = described.values().filter(|value| taken(value.name())).collect();
    let names = values.iter().map(|value| Json::from(value.name()));
    let numbers = values.iter().map(|value| Json::from(value.number()));
    let mut schema = json!({"enum": names.chain(numbers).collect::<Vec<_>>()});
    describe(&mut schema, meanings(described));
    schema
}

/// The schema, or `null`, which leaves a field as it is.
fn or_null(mut schema: Json) -> Json {
    if let Some(values) = schema.get_mut("enum").and_then(Json::as_array_mut) {
        values.push(Json::Null);
        return schema;
    }
    if let Some(choices) = schema.get_mut("anyOf").and_then(Json::as_array_mut) {
        choices.push(json!({"type": "null"}));
        return schema;
    }
    match schema.get("type").cloned() {
        Some(Json::String(kind)) => {
            set(&mut schema, "type", json!([kind, "null"]));
            schema
        }
        Some(_) | None => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

/// Of the fields of a oneof at most one is given.
fn exclusions(message: &MessageDescriptor) -> Vec<Json> {
    let mut found = Vec::new();
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        let names: Vec<_> = oneof.fields().map(|field| field.json_name().to_owned()).collect();
        for (at, one) in names.iter().enumerate() {
            for other in names.iter().skip(at + 1) {
                found.push(json!({"not": {"required": [one, other]}}));
            }
        }
    }
    found
}

/// Sets the bounds that there are.
fn bound(schema: &mut Json, names: [&str; 2], bounds: [u32; 2]) {
    for (name, bound) in names.into_iter().zip(bounds) {
        if bound > 0 {
            set(schema, name, bound.into());
        }
    }
}
