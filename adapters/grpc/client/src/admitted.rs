//! Which requests a door looks at in the first place.

use http::{Extensions, HeaderMap};
use tonic::{Code, Status};

use crate::limits::HEADERS_BYTES_MAX;
use crate::refusals::refusal;

/// What each header counts beside its name and its value (RFC 9113, 6.5.2).
const BYTES_EACH: usize = 32;

/// In a request's extensions: whoever stands before the door refuses it, and the door is to say and to count so.
#[derive(Debug, Clone)]
pub struct TurnedAway(pub Status);

/// Whether the door may look at a request: nobody before it has turned it away, and its headers fit through the doors of
/// our servers. Those would not even say what is wrong.
///
/// # Errors
/// Why not.
pub fn admitted(headers: &HeaderMap, extensions: &Extensions) -> Result<(), Status> {
    if let Some(TurnedAway(status)) = extensions.get() {
        return Err(status.clone());
    }
    let bytes = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name.as_str().len() + value.len() + BYTES_EACH
    };
    if headers.iter().map(bytes).sum::<usize>() > HEADERS_BYTES_MAX {
        let message = format!("the headers are larger than {HEADERS_BYTES_MAX} bytes");
        return Err(refusal(Code::ResourceExhausted, "HEADERS_TOO_LARGE", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;

    use super::*;

    #[test]
    fn headers_count_as_http_2_counts_them() {
        let rest = HEADERS_BYTES_MAX - "x-long".len() - BYTES_EACH;
        let of = |length: usize| {
            let mut headers = HeaderMap::new();
            headers.insert("x-long", "v".repeat(length).parse().unwrap());
            admitted(&headers, &Extensions::new())
        };
        assert!(of(rest).is_ok());
        let refused = of(rest + 1).unwrap_err();
        assert_eq!(refused.get_details_error_info().unwrap().reason, "HEADERS_TOO_LARGE");
        assert!(refused.get_details_retry_info().is_none(), "coming again is no help");
    }
}
