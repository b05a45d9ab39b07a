//! Single values by the proto3 JSON mapping, from JSON or from the text of a path or query.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_reflect::{EnumDescriptor, Kind, MapKey, Value};
use serde_json::Value as Json;

/// What a value must be instead.
pub(crate) type Wrong = String;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// A scalar or enum from JSON. Messages are none of both.
pub(crate) fn from_json(kind: &Kind, json: &Json) -> Result<Value, Wrong> {
    match (kind, json) {
        (Kind::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (Kind::Bool, _) => Err("must be true or false".to_owned()),
        (Kind::Enum(described), Json::String(name)) => by_name(described, name),
        (Kind::Enum(described), Json::Null) if is_null(described) => Ok(Value::EnumNumber(0)),
        (Kind::String | Kind::Bytes, Json::String(text)) => from_text(kind, text),
        (Kind::String, _) => Err("must be a string".to_owned()),
        (Kind::Bytes, _) => Err("must be a base64 string".to_owned()),
        (Kind::Enum(_), Json::Number(number)) => from_text(kind, &whole(number)),
        (Kind::Float | Kind::Double, Json::Number(number)) => from_text(kind, &number.to_string()),
        (_, Json::Number(number)) => from_text(kind, &whole(number)),
        (_, Json::String(text)) => from_text(kind, text),
        // Says what it must be.
        (_, Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_)) => from_text(kind, ""),
    }
}

/// A scalar or enum from text.
pub(crate) fn from_text(kind: &Kind, text: &str) -> Result<Value, Wrong> {
    match kind {
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("must be true or false".to_owned()),
        },
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Bytes => bytes(text),
        Kind::Enum(described) => match text.parse() {
            Ok(number) => Ok(Value::EnumNumber(number)),
            Err(_) => by_name(described, text),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            number(text, i32::MIN, i32::MAX).map(Value::I32)
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            number(text, i64::MIN, i64::MAX).map(Value::I64)
        }
        Kind::Uint32 | Kind::Fixed32 => number(text, u32::MIN, u32::MAX).map(Value::U32),
        Kind::Uint64 | Kind::Fixed64 => number(text, u64::MIN, u64::MAX).map(Value::U64),
        Kind::Double => float(text, f64::MAX).map(Value::F64),
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        Kind::Float => float(text, f64::from(f32::MAX)).map(|value| Value::F32(value as f32)),
        Kind::Message(_) => Err("is a message and has no single value".to_owned()),
    }
}

/// The key of a map, which JSON always writes as a string.
pub(crate) fn key(kind: &Kind, text: &str) -> Result<MapKey, Wrong> {
    let value = from_text(kind, text)?;
    value.into_map_key().ok_or_else(|| "cannot be a key".to_owned())
}

/// Whether it is the enum that JSON writes as `null`.
pub(crate) fn is_null(described: &EnumDescriptor) -> bool {
    described.full_name() == "google.protobuf.NullValue"
}

fn by_name(described: &EnumDescriptor, name: &str) -> Result<Value, Wrong> {
    match described.get_value_by_name(name) {
        Some(value) => Ok(Value::EnumNumber(value.number())),
        None => {
            let names: Vec<String> =
                described.values().map(|value| value.name().to_owned()).collect();
            Err(format!("must be one of {}", names.join(", ")))
        }
    }
}

/// JSON has one kind of number: 3.0 and 3e0 are the whole number 3.
fn whole(number: &serde_json::Number) -> String {
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT_BELOW => {
            format!("{value:.0}").replace("-0", "0")
        }
        _ => number.to_string(),
    }
}

fn number<N: std::str::FromStr + std::fmt::Display>(
    text: &str,
    least: N,
    most: N,
) -> Result<N, Wrong> {
    // `parse` would also take a plus sign, which JSON does not know.
    let parsed = if text.starts_with('+') { None } else { text.parse().ok() };
    parsed.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

fn float(text: &str, most: f64) -> Result<f64, Wrong> {
    let parsed = match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            text.parse().ok().filter(|value: &f64| value.abs() <= most)
        }
        _ => None,
    };
    parsed.ok_or_else(|| format!("must be a number from -{most:e} to {most:e}"))
}

fn bytes(text: &str) -> Result<Value, Wrong> {
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let decoded = GeneralPurpose::new(alphabet, LENIENT).decode(text);
    decoded.map(|bytes| Value::Bytes(bytes.into())).map_err(|_| "must be base64".to_owned())
}

#[cfg(test)]
mod tests {
    use prost_reflect::{Kind, Value};
    use serde_json::json;

    use super::{from_json, from_text};

    #[test]
    fn takes_numbers_as_numbers_and_as_strings() {
        for json in [json!(3), json!("3"), json!(3.0), json!(3e0)] {
            assert_eq!(from_json(&Kind::Int32, &json), Ok(Value::I32(3)));
            assert_eq!(from_json(&Kind::Uint64, &json), Ok(Value::U64(3)));
        }
        assert_eq!(
            from_json(&Kind::Int64, &json!("-9223372036854775808")),
            Ok(Value::I64(i64::MIN))
        );
        assert_eq!(from_json(&Kind::Uint64, &json!(u64::MAX)), Ok(Value::U64(u64::MAX)));
        assert_eq!(from_json(&Kind::Int32, &json!(-0.0)), Ok(Value::I32(0)));
        assert_eq!(from_json(&Kind::Double, &json!(2.5)), Ok(Value::F64(2.5)));
        assert_eq!(
            from_json(&Kind::Double, &json!("-Infinity")),
            Ok(Value::F64(f64::NEG_INFINITY))
        );
    }

    #[test]
    fn refuses_numbers_beyond_the_range() {
        for json in [json!(2_147_483_648_i64), json!(3.5), json!(1e300), json!("+3"), json!(" 3")] {
            assert!(from_json(&Kind::Int32, &json).is_err(), "{json}");
        }
        for json in [json!(9_223_372_036_854_775_808_u64), json!(1e19), json!([]), json!(true)] {
            assert!(from_json(&Kind::Int64, &json).is_err(), "{json}");
        }
        assert!(from_json(&Kind::Uint32, &json!(-1)).is_err());
        assert!(from_json(&Kind::Float, &json!(1e39)).is_err());
        assert!(from_text(&Kind::Double, "inf").is_err());
        assert!(from_text(&Kind::Double, "1e999").is_err());
    }

    #[test]
    fn takes_both_alphabets_of_base64_with_and_without_padding() {
        let expected = Ok(Value::Bytes(vec![0xfb, 0xff].into()));
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(from_text(&Kind::Bytes, text), expected);
        }
        assert!(from_text(&Kind::Bytes, "+_8").is_err());
        assert!(from_text(&Kind::Bytes, "%").is_err());
    }

    #[test]
    fn does_not_guess() {
        assert!(from_json(&Kind::Bool, &json!("true")).is_err());
        assert!(from_json(&Kind::String, &json!(1)).is_err());
        assert!(from_text(&Kind::Bool, "1").is_err());
    }
}
