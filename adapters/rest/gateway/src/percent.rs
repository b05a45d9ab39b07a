//! Percent-decoding that refuses what it cannot decode.

use std::borrow::Cow;

/// An escape without two hexadecimal digits, or bytes that are no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadEscape;

/// Decodes every escape.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, BadEscape> {
    decode_but(text, None)
}

/// Decodes every escape but that of `/`, which stays as it came: `a%2Fb/c` has two segments.
pub(crate) fn decode_segments(text: &str) -> Result<Cow<'_, str>, BadEscape> {
    decode_but(text, Some(b'/'))
}

/// Decodes a name or value of a query, where `+` is a space.
pub(crate) fn decode_query(text: &str) -> Result<String, BadEscape> {
    decode(&text.replace('+', " ")).map(Cow::into_owned)
}

/// Encodes a value as one segment of a path: all but what needs no escape anywhere.
pub(crate) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let piece = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(piece).collect()
}

fn decode_but(text: &str, kept: Option<u8>) -> Result<Cow<'_, str>, BadEscape> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let [high, low, beyond @ ..] = after else {
            if byte == b'%' {
                return Err(BadEscape);
            }
            bytes.push(byte);
            rest = after;
            continue;
        };
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let decoded = hex(*high)? * 16 + hex(*low)?;
        if kept == Some(decoded) {
            bytes.extend([byte, *high, *low]);
        } else {
            bytes.push(decoded);
        }
        rest = beyond;
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| BadEscape)
}

fn hex(digit: u8) -> Result<u8, BadEscape> {
    let value = char::from(digit).to_digit(16).ok_or(BadEscape)?;
    u8::try_from(value).map_err(|_| BadEscape)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BadEscape, decode, decode_query, decode_segments, encode};

    #[test]
    fn decodes_all_but_what_is_kept() {
        assert_eq!(decode("a%2Fb%20%EA%B0%80").as_deref(), Ok("a/b 가"));
        assert_eq!(decode_segments("a%2Fb/%2f%20c").as_deref(), Ok("a%2Fb/%2f c"));
        assert_eq!(decode_query("a+b%2Bc").as_deref(), Ok("a b+c"));
    }

    #[test]
    fn refuses_broken_escapes() {
        for text in ["%", "a%2", "%zz", "%2", "%+1", "%ff", "%C0%AF", "%ED%A0%80"] {
            assert_eq!(decode(text), Err(BadEscape), "{text}");
        }
    }

    proptest! {
        #[test]
        fn decodes_what_was_encoded(text in any::<String>()) {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(&encoded), Ok(text.into()));
        }

        #[test]
        fn decodes_what_it_encodes_into_one_segment(text in any::<String>()) {
            let encoded = encode(&text);
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~%".contains(c);
            prop_assert!(encoded.chars().all(plain), "{}", encoded);
            prop_assert_eq!(decode(&encoded), Ok(text.into()));
        }

        #[test]
        fn never_panics(text in "[%0-9a-gé/+]{0,12}") {
            let _ = (decode(&text), decode_segments(&text), decode_query(&text));
        }
    }
}
