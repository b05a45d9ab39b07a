//! JSON schemas of messages and enums, for OpenAPI: of answers as they are written, of requests as they are read.

use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value as Json, json};

use crate::options::Limits;
use crate::request_schema;

/// The schemas that others refer to, by the full name of their type.
#[derive(Debug, Default)]
pub(crate) struct Schemas(pub(crate) Map<String, Json>);

impl Schemas {
    pub(crate) fn into_components(self) -> Map<String, Json> {
        self.0
    }

    /// A field of an answer, with its comment.
    pub(crate) fn field(&mut self, field: &FieldDescriptor) -> Json {
        let kind = field.kind();
        let mut schema = match kind.as_message().filter(|_| field.is_map()) {
            Some(entry) => {
                let value = self.kind(&entry.map_entry_value_field().kind());
                json!({"type": "object", "additionalProperties": value})
            }
            None if field.is_list() => json!({"type": "array", "items": self.kind(&kind)}),
            None => self.kind(&kind),
        };
        tell(&mut schema, field, &Limits::of(field));
        schema
    }

    /// A message of an answer, by reference unless JSON writes it in a form of its own.
    pub(crate) fn message(&mut self, message: &MessageDescriptor) -> Json {
        if let Some(schema) = self.well_known(message) {
            return schema;
        }
        let name = message.full_name();
        if !self.0.contains_key(name) {
            // First, because a message may contain itself.
            self.0.insert(name.to_owned(), Json::Null);
            let mut properties = Map::new();
            let mut always = Vec::new();
            for field in message.fields() {
                properties.insert(field.json_name().to_owned(), self.field(&field));
                // Answers say what holds its default, so that a client sees it.
                if !field.supports_presence() {
                    always.push(field.json_name().to_owned());
                }
            }
            let mut schema =
                json!({"type": "object", "properties": properties, "required": always});
            describe(&mut schema, comment(&message.parent_file(), message.path()));
            self.0.insert(name.to_owned(), schema);
        }
        reference(name)
    }

    fn kind(&mut self, kind: &Kind) -> Json {
        match kind {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({"type": "integer", "format": "int32"})
            }
            Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
            }
            // JSON numbers are not exact beyond 2^53, so 64 bits are written as strings.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "uint64", "pattern": "^[0-9]+$"})
            }
            Kind::Float | Kind::Double => json!({"type": "number"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(described) => self.enumeration(described),
            Kind::Message(message) => self.message(message),
        }
    }

    fn enumeration(&mut self, described: &EnumDescriptor) -> Json {
        let names: Vec<String> = described.values().map(|value| value.name().to_owned()).collect();
        let mut schema = json!({"type": "string", "enum": names});
        describe(&mut schema, meanings(described));
        self.0.insert(described.full_name().to_owned(), schema);
        reference(described.full_name())
    }

    fn well_known(&mut self, message: &MessageDescriptor) -> Option<Json> {
        let seconds = r"^-?[0-9]+(\.[0-9]{1,9})?s$";
        Some(match message.full_name().strip_prefix("google.protobuf.")? {
            "Timestamp" => json!({"type": "string", "format": "date-time"}),
            "Duration" => json!({"type": "string", "pattern": seconds}),
            "FieldMask" => json!({"type": "string"}),
            "Struct" => json!({"type": "object"}),
            "ListValue" => json!({"type": "array", "items": {}}),
            "Value" => json!({}),
            "Any" => json!({
                "type": "object",
                "properties": {"@type": {"type": "string"}},
                "required": ["@type"],
            }),
            wrapper if wrapper.ends_with("Value") => {
                self.kind(&message.get_field_by_name("value")?.kind())
            }
            _ => return None,
        })
    }
}

/// Adds what the contract tells of a field to its schema: comment, example, whether it will go.
pub(crate) fn tell(schema: &mut Json, field: &FieldDescriptor, limits: &Limits) {
    let mut said = comment(&field.parent_message().parent_file(), field.path());
    if let Some(so_far) = schema.get("description").and_then(Json::as_str) {
        said = format!("{said}\n\n{so_far}");
    }
    describe(schema, said);
    if let Some(example) = request_schema::example(field, limits) {
        set(schema, "examples", json!([example]));
    }
    let options = field.field_descriptor_proto().options.as_ref();
    if options.is_some_and(prost_reflect::prost_types::FieldOptions::deprecated) {
        set(schema, "deprecated", true.into());
    }
}

/// What an enum and each of its values mean.
pub(crate) fn meanings(described: &EnumDescriptor) -> String {
    let file = described.parent_file();
    let mut said = comment(&file, described.path());
    for value in described.values() {
        let meaning = comment(&file, value.path());
        if !meaning.is_empty() {
            said.push_str(&format!("\n- `{}`: {meaning}", value.name()));
        }
    }
    said
}

/// The comment above a declaration, as one line; empty without one.
pub(crate) fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.iter();
    let mut locations = info.flat_map(|info| &info.location);
    let found = locations.find(|location| location.path == path);
    let text = found.and_then(|location| location.leading_comments.as_deref());
    let lines = text.unwrap_or_default().lines().map(str::trim);
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Adds the text unless there is none.
pub(crate) fn describe(schema: &mut Json, text: String) {
    if !text.is_empty() {
        set(schema, "description", text.into());
    }
}

/// Sets a member of an object.
pub(crate) fn set(object: &mut Json, name: &str, value: Json) {
    object.as_object_mut().map(|object| object.insert(name.to_owned(), value));
}

pub(crate) fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
