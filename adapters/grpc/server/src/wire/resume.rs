//! Resume tokens: how far a stream has come, bound to what it is a stream of.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The layout of the bytes below; another layout gets another number.
const LAYOUT: u8 = 1;
const BOUND_TO_BYTES: usize = 8;

/// Text that is no resume token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the resume_token of an answer, or empty")]
pub(super) struct InvalidResumeToken;

/// The `resume_token` of a stream of `what` that has come so far.
#[must_use]
pub fn resume_token(position: u64, what: &[u8]) -> String {
    let mut bytes = vec![LAYOUT];
    bytes.extend_from_slice(&position.to_be_bytes());
    bytes.extend_from_slice(&fingerprint(what).to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A number that tells two contents apart, the same at every server.
#[must_use]
pub fn fingerprint(content: &[u8]) -> u64 {
    let digest = Sha256::digest(content);
    digest.iter().take(BOUND_TO_BYTES).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// How far the stream of `what` had come; `None` where it is to begin from its beginning, as without a token and with
/// that of another stream.
pub(super) fn read_token(text: &str, what: &[u8]) -> Result<Option<u64>, InvalidResumeToken> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidResumeToken)?;
    let (layout, rest) = bytes.split_first().ok_or(InvalidResumeToken)?;
    let (position, bound_to) = rest.split_first_chunk::<8>().ok_or(InvalidResumeToken)?;
    if *layout != LAYOUT || bound_to.len() != BOUND_TO_BYTES {
        return Err(InvalidResumeToken);
    }
    let same = bound_to == fingerprint(what).to_be_bytes();
    Ok(same.then_some(u64::from_be_bytes(*position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_resumes_its_own_stream_and_begins_any_other() {
        let token = resume_token(7, b"alice");
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(read_token(&token, b"alice"), Ok(Some(7)));
        assert_eq!(read_token(&token, b"bob"), Ok(None));
        assert_eq!(read_token("", b"alice"), Ok(None));
        let shorter = token.get(1..).expect("ascii");
        for bad in [shorter, "!", "AA", "42", "\u{1}", &format!("{token}AA")] {
            assert_eq!(read_token(bad, b"alice"), Err(InvalidResumeToken), "{bad}");
        }
    }
}
