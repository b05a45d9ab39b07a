//! Page tokens: where a page ended, bound to the conditions of its list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Cursor, Uuid};
use sha2::{Digest, Sha256};

/// The layout of the bytes below; another layout gets another number.
const LAYOUT: u8 = 1;
const CONDITIONS_BYTES: usize = 8;

/// A `page_token` that continues another list, or is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the next_page_token of a call with the same conditions, or empty")]
pub(super) struct InvalidPageToken;

/// The `next_page_token` after a page that ended at this row; empty after the last page.
#[must_use]
pub fn page_token(cursor: Option<Cursor>, conditions: &[u8]) -> String {
    let Some(cursor) = cursor else { return String::new() };
    let mut bytes = vec![LAYOUT];
    bytes.extend_from_slice(&cursor.sort.to_be_bytes());
    bytes.extend_from_slice(cursor.id.as_bytes());
    bytes.extend_from_slice(&digest(conditions));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where the page begins; `None` for the first page.
pub(super) fn read_token(
    text: &str,
    conditions: &[u8],
) -> Result<Option<Cursor>, InvalidPageToken> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPageToken)?;
    let (layout, rest) = bytes.split_first().ok_or(InvalidPageToken)?;
    let (sort, rest) = rest.split_first_chunk::<8>().ok_or(InvalidPageToken)?;
    let (id, bound_to) = rest.split_first_chunk::<16>().ok_or(InvalidPageToken)?;
    if *layout != LAYOUT || bound_to != digest(conditions) {
        return Err(InvalidPageToken);
    }
    Ok(Some(Cursor { sort: i64::from_be_bytes(*sort), id: Uuid::from_bytes(*id) }))
}

fn digest(conditions: &[u8]) -> Vec<u8> {
    Sha256::digest(conditions).iter().copied().take(CONDITIONS_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_continues_only_its_own_list() {
        let cursor = Cursor { sort: -7, id: Uuid::from_u128(42) };
        let token = page_token(Some(cursor), b"category=music");
        assert_eq!(read_token(&token, b"category=music"), Ok(Some(cursor)));
        assert_eq!(read_token(&token, b"category=sport"), Err(InvalidPageToken));
        assert_eq!(page_token(None, b""), "");
        assert_eq!(read_token("", b"anything"), Ok(None));
        let shorter = token.get(1..).expect("ascii");
        for bad in [shorter, "!", "AA", "AQ", &format!("{token}AA")] {
            assert_eq!(read_token(bad, b"category=music"), Err(InvalidPageToken), "{bad}");
        }
    }
}
