//! The name that a request has in the logs of all servers: its client's, or the first door's.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::limits::REQUEST_ID_CHARS_MAX;

const CARD_DIGITS_MIN: usize = 13;

/// The header that says it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id, if it is fit to stand in every line of a log: not too long, and nothing that a client would rather
/// keep to itself, such as an e-mail address, a token or the number of a card.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(&REQUEST_ID).filter(|id| {
        let text = id.as_bytes();
        // Addresses need `@`, tokens `.`; cards have 13 digits and more, and no letter.
        let sound = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:=/+".contains(byte);
        let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
        let no_card = digits < CARD_DIGITS_MIN || text.iter().any(u8::is_ascii_alphabetic);
        text.iter().all(sound) && no_card && (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
    })
}

/// Gives the request its client's own id if it is fit to be logged, or the one that is made for it, and says which.
pub fn name_request(
    headers: &mut HeaderMap,
    made: impl FnOnce() -> Option<HeaderValue>,
) -> Option<HeaderValue> {
    let id = request_id(headers).cloned().or_else(made);
    headers.remove(&REQUEST_ID);
    headers.extend(id.clone().map(|id| (REQUEST_ID, id)));
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_tells_nothing_private() {
        let longest = "x".repeat(REQUEST_ID_CHARS_MAX);
        let too_long = "x".repeat(REQUEST_ID_CHARS_MAX + 1);
        for (given, fit) in [
            ("r-1", true),
            (&longest, true),
            ("01890a5d-ac96-774b-bcce-b302099a8057", true),
            ("Root=1-67891233-abcdef012345678912345678", true),
            ("123456789012", true),
            (&too_long, false),
            ("", false),
            ("a b", false),
            ("ann@example.com", false),
            ("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln", false),
            ("4111111111111111", false),
            ("4111-1111-1111-1111", false),
        ] {
            let value = HeaderValue::from_str(given).expect("a header");
            let headers = HeaderMap::from_iter([(REQUEST_ID, value)]);
            assert_eq!(request_id(&headers).is_some(), fit, "{given}");
        }
        assert_eq!(request_id(&HeaderMap::new()), None);
    }
}
