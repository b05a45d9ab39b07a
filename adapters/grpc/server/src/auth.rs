//! Who is calling: from the `authorization` header to the [`Caller`] that handlers read.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use kernel::Caller;
use tonic::Request;

use crate::verifier::{Bearer, InvalidToken, Verifier};

/// Who is calling, as the shell found out; nobody for a call without a token.
pub fn caller_of<T>(request: &Request<T>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_default()
}

/// Reads and verifies the header. A call without one is nobody's, a call with a bad one is
/// refused even where no token is needed. One whose key is being fetched waits for it.
pub(crate) async fn authenticate(
    verifier: &Verifier,
    headers: &HeaderMap,
) -> Result<Option<Bearer>, InvalidToken> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(header), None) => {
            let text = header.to_str().map_err(|_| InvalidToken::NotBearer)?;
            verifier.verify_in_time(bearer(text).ok_or(InvalidToken::NotBearer)?).await.map(Some)
        }
        (Some(_), Some(_)) => Err(InvalidToken::NotBearer),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
