//! The name that a request has in the logs of all servers: its client's, or the first door's.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::limits::REQUEST_ID_CHARS_MAX;

/// The header that says it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id, if it is fit to stand in every line of a log: visible, and not too long.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(&REQUEST_ID).filter(|id| {
        let visible = id.as_bytes().iter().all(u8::is_ascii_graphic);
        visible && (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_visible_and_short() {
        let longest = "x".repeat(REQUEST_ID_CHARS_MAX);
        let too_long = "x".repeat(REQUEST_ID_CHARS_MAX + 1);
        for (given, fit) in
            [("r-1", true), (&longest, true), (&too_long, false), ("", false), ("a b", false)]
        {
            let value = HeaderValue::from_str(given).expect("a header");
            let headers = HeaderMap::from_iter([(REQUEST_ID, value)]);
            assert_eq!(request_id(&headers).is_some(), fit, "{given}");
        }
        assert_eq!(request_id(&HeaderMap::new()), None);
    }
}
