//! What the contract says of a call and of a field beyond its type: the options of `boxoffice.options.v1`, read by
//! name like `google.api.http`. Descriptors without them say nothing.

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumValueDescriptor, ExtensionDescriptor, FieldDescriptor,
    MethodDescriptor, Value,
};
use tonic::Code;

use crate::schema::comment;

const CALL: &str = "boxoffice.options.v1.call";
const VALUE: &str = "boxoffice.options.v1.value";
const CODE: &str = "boxoffice.options.v1.code";
const REASON: &str = "boxoffice.options.v1.Reason";
const REASON_PREFIX: &str = "REASON_";
const ROLE_PREFIX: &str = "ROLE_";
const ANYONE: &str = "anyone";

/// Who calls an rpc, and what it may be refused with.
pub(crate) struct Call {
    /// As tokens name them; none where anyone may call.
    pub(crate) roles: Vec<String>,
    /// Beside those that any call may get.
    pub(crate) reasons: Vec<Reason>,
}

/// Why calls are refused.
pub(crate) struct Reason {
    pub(crate) name: String,
    pub(crate) code: Code,
    /// What it means, in English.
    pub(crate) meaning: String,
}

/// What a field may hold.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) example: String,
    pub(crate) min_length: u32,
    pub(crate) max_length: u32,
    pub(crate) pattern: String,
    pub(crate) minimum: Option<i64>,
    pub(crate) maximum: Option<i64>,
    pub(crate) min_items: u32,
    pub(crate) max_items: u32,
    pub(crate) required: bool,
    pub(crate) names: Vec<String>,
}

/// What the contract says of a call, if it does.
pub(crate) fn call(rpc: &MethodDescriptor) -> Option<Call> {
    let said = option(&rpc.options(), CALL, rpc.parent_pool())?;
    let said = said.as_message()?;
    let roles = enum_values(said, "roles");
    let roles = roles.iter().map(|role| role.name().trim_start_matches(ROLE_PREFIX).to_lowercase());
    let roles = roles.filter(|role| role != ANYONE).collect();
    let reasons = enum_values(said, "reasons").iter().filter_map(Reason::read).collect();
    Some(Call { roles, reasons })
}

/// A reason by its name.
pub(crate) fn reason(pool: &DescriptorPool, name: &str) -> Option<Reason> {
    let reasons = pool.get_enum_by_name(REASON)?;
    let described = reasons.get_value_by_name(&format!("{REASON_PREFIX}{name}"))?;
    Reason::read(&described)
}

impl Reason {
    fn read(described: &EnumValueDescriptor) -> Option<Self> {
        let reasons = described.parent_enum();
        let code = option(&described.options(), CODE, reasons.parent_pool())?.as_i32()?;
        Some(Self {
            name: described.name().trim_start_matches(REASON_PREFIX).to_owned(),
            code: Code::from(code),
            meaning: comment(&reasons.parent_file(), described.path()),
        })
    }
}

impl Limits {
    /// What the contract says of a field. The parts of google's types have rules that everybody knows.
    pub(crate) fn of(field: &FieldDescriptor) -> Self {
        let said = option(&field.options(), VALUE, field.parent_message().parent_pool());
        match said.as_ref().and_then(Value::as_message) {
            Some(said) => Self::read(said),
            None => Self::of_google(field.full_name()),
        }
    }

    fn read(said: &DynamicMessage) -> Self {
        let text = |name| get(said, name).and_then(|it| it.as_str().map(str::to_owned));
        let count = |name| get(said, name).and_then(|it| it.as_u32()).unwrap_or_default();
        let bound = |name| {
            let given = said.has_field_by_name(name);
            get(said, name).filter(|_| given).and_then(|it| it.as_i64())
        };
        let names = get(said, "names");
        let names = names.as_ref().and_then(Value::as_list).unwrap_or_default();
        Self {
            example: text("example").unwrap_or_default(),
            min_length: count("min_length"),
            max_length: count("max_length"),
            pattern: text("pattern").unwrap_or_default(),
            minimum: bound("minimum"),
            maximum: bound("maximum"),
            min_items: count("min_items"),
            max_items: count("max_items"),
            required: get(said, "required").and_then(|it| it.as_bool()).unwrap_or_default(),
            names: names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }

    fn of_google(name: &str) -> Self {
        let whole = |minimum, maximum, required| Self {
            minimum: Some(minimum),
            maximum: Some(maximum),
            required,
            ..Self::default()
        };
        match name {
            "google.type.Date.year" => whole(1, 9999, true),
            "google.type.Date.month" => whole(1, 12, true),
            "google.type.Date.day" => whole(1, 31, true),
            "google.type.Money.nanos" => whole(-999_999_999, 999_999_999, false),
            "google.type.Money.currency_code" => {
                Self { pattern: "^[A-Z]{3}$".to_owned(), required: true, ..Self::default() }
            }
            _ => Self::default(),
        }
    }
}

fn option(options: &DynamicMessage, name: &str, pool: &DescriptorPool) -> Option<Value> {
    let extension: ExtensionDescriptor = pool.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

fn get(message: &DynamicMessage, name: &str) -> Option<Value> {
    message.get_field_by_name(name).map(std::borrow::Cow::into_owned)
}

fn enum_values(message: &DynamicMessage, name: &str) -> Vec<EnumValueDescriptor> {
    let described = prost_reflect::ReflectMessage::descriptor(message);
    let kind = described.get_field_by_name(name).map(|field| field.kind());
    let Some(listed) = kind.as_ref().and_then(|kind| kind.as_enum()) else { return Vec::new() };
    let values = get(message, name);
    let values = values.as_ref().and_then(Value::as_list).unwrap_or_default();
    values.iter().filter_map(|it| listed.get_value(it.as_enum_number()?)).collect()
}
