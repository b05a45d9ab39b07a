//! Reads JSON text strictly: no key twice, not too deep, nothing after its end.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use tonic::Status;

use crate::limits::DEPTH_MAX;
use crate::violations::{Violations, inside};

/// The value of the text, or what is wrong with the text.
pub(crate) fn read(text: &[u8]) -> Result<Value, Status> {
    let mut duplicates = Violations::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    let reader = Reader { at: String::new(), depth: 0, duplicates: &mut duplicates };
    let read = reader.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    let value = read.map_err(|error| Violations::one("body", &format!("is not JSON: {error}")))?;
    duplicates.finish()?;
    Ok(value)
}

struct Reader<'v> {
    at: String,
    depth: usize,
    duplicates: &'v mut Violations,
}

impl Reader<'_> {
    fn check_depth<E: Error>(&self) -> Result<(), E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format_args!("it nests deeper than {DEPTH_MAX} levels")));
        }
        Ok(())
    }

    fn below(&mut self, key: &str) -> Reader<'_> {
        let at = inside(&self.at, key);
        Reader { at, depth: self.depth + 1, duplicates: self.duplicates }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is too large"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.below("[]"))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.below(&key))?;
            if object.contains_key(&key) {
                self.duplicates.add(&inside(&self.at, &key), "is there twice");
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use tonic_types::StatusExt;

    use super::{Reader, read};
    use crate::limits::{DEPTH_MAX, NAME_CHARS_MAX};
    use crate::violations::Violations;

    fn fields(text: &str) -> Vec<String> {
        let status = read(text.as_bytes()).unwrap_err();
        let refused = status.get_details_bad_request().unwrap();
        refused.field_violations.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn reads_json() {
        let text = br#" {"a": [1, -2, 2.5, 1e3, "x", null, true, 18446744073709551615]} "#;
        let value = json!({"a": [1, -2, 2.5, 1e3, "x", null, true, u64::MAX]});
        assert_eq!(read(text).unwrap(), value);
    }

    #[test]
    fn names_every_key_that_is_there_twice() {
        assert_eq!(
            fields(r#"{"a":1,"b":{"c":1,"c":2},"a":[{"d":1,"d":1}]}"#),
            ["b.c", "a.[].d", "a"]
        );
    }

    #[test]
    fn what_is_kept_of_a_path_is_short_however_long_its_names_are() {
        let mut duplicates = Violations::default();
        let mut outermost = Reader { at: String::new(), depth: 0, duplicates: &mut duplicates };
        let mut within = outermost.below(&"k".repeat(500_000));
        assert_eq!(within.at.len(), NAME_CHARS_MAX);
        let mut element = within.below("[]");
        assert_eq!(element.at.len(), NAME_CHARS_MAX);
        assert_eq!(element.below(&"k".repeat(500_000)).at.len(), NAME_CHARS_MAX);
    }

    #[test]
    fn refuses_what_is_no_json() {
        for text in ["", "{", "{}x", "[1,]", "nul", "\"\u{1}\"", "1e999", "\"\\ud800\"", "NaN"] {
            assert_eq!(fields(text), ["body"], "{text}");
        }
        assert!(read(b"\"\xff\"").is_err());
    }

    #[test]
    fn refuses_json_that_nests_too_deep() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(fields(&nested(DEPTH_MAX + 1)), ["body"]);
        assert_eq!(fields(&"[".repeat(100_000)), ["body"]);
        assert_eq!(fields(&"{\"a\":".repeat(100_000)), ["body"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&text);
        }
    }
}
