//! Conditions on requests: tags of answers, `If-None-Match` and `If-Match` (RFC 9110, 8.8.3 and 13).
//!
//! A tag is the resource's own etag and a mark of the answer's very bytes, because an answer holds more
//! than what its etag stands for: `"7.0f1e2d3c4b5a6978"`. Without an etag it is the mark alone. What a
//! change is conditional on is the etag: `If-Match` takes the tag as well as the bare etag in quotes,
//! fills the request's `etag` field with it, and the service decides.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value};
use sha2::{Digest, Sha256};
use tonic::{Code, Status};

use crate::bind::FieldPath;
use crate::error::refusal;
use crate::routes::{BodyRule, Route};
use crate::violations::Violations;

/// The name of the field that says which state of a resource is meant.
const FIELD: &str = "etag";
/// The letters of a mark.
const MARK_CHARS: usize = 16;

/// The tag of an answer, if it is one that a tag can stand for.
pub(crate) fn tag(resource: Option<&DynamicMessage>, json: &[u8]) -> Option<HeaderValue> {
    let etag = resource.and_then(|resource| {
        let etag = resource.get_field_by_name(FIELD)?;
        etag.as_str().filter(|etag| !etag.is_empty()).map(str::to_owned)
    });
    let digest = Sha256::digest(json);
    let mark: String = digest.iter().take(MARK_CHARS / 2).map(|b| format!("{b:02x}")).collect();
    let tag = etag.map_or_else(|| format!("\"{mark}\""), |etag| format!("\"{etag}.{mark}\""));
    let fine = tag.trim_matches('"').bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    HeaderValue::try_from(tag).ok().filter(|_| fine)
}

/// Whether the client has this answer already: GET and HEAD compare weakly.
pub(crate) fn is_known(method: &Method, headers: &HeaderMap, response: &Response) -> bool {
    let reads = [Method::GET, Method::HEAD].contains(method) && response.status() == StatusCode::OK;
    let tag = response.headers().get(ETAG).filter(|_| reads).and_then(|tag| tag.to_str().ok());
    tag.is_some_and(|tag| {
        let known = listed(headers, &IF_NONE_MATCH);
        known.iter().any(|known| known == "*" || opaque(known) == opaque(tag))
    })
}

/// Refuses an answer that is not the one the client asks for by `If-Match`, where the request only reads: nothing but its
/// tag says which it is. Tags compare strongly; the resource's etag in quotes will do, as for a change.
pub(crate) fn meant(parts: &Parts, response: Response) -> Result<Response, Status> {
    let reads = [Method::GET, Method::HEAD].contains(&parts.method);
    if !reads || response.status() != StatusCode::OK || !parts.headers.contains_key(IF_MATCH) {
        return Ok(response);
    }
    let tag = response.headers().get(ETAG).and_then(|tag| opaque(tag.to_str().ok()?));
    let same = |asked: &String| {
        let fits = tag.filter(|_| !asked.starts_with("W/"));
        let fits = fits.is_some_and(|tag| [Some(tag), Some(etag_of(tag))].contains(&opaque(asked)));
        asked == "*" || fits
    };
    if listed(&parts.headers, &IF_MATCH).iter().any(same) {
        return Ok(response);
    }
    let message = "the answer is another by now than if-match names";
    Err(refusal(Code::Aborted, "ETAG_MISMATCH", message))
}

/// The answer without what the client has: 304, with all headers that 200 would have but those of a body.
pub(crate) fn not_modified(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING] {
        response.headers_mut().remove(name);
    }
    *response.body_mut() = no_body();
    response
}

/// The body of an answer that may have none: not even its length is said, which an empty one's would be.
pub(crate) fn no_body() -> Body {
    Body::from_stream(futures::stream::empty::<Result<Bytes, Infallible>>())
}

/// Puts the condition of a request that changes something into its `etag` field. One that has no such
/// field cannot be conditional: to do it regardless would be what the client wanted to rule out.
pub(crate) fn bind(
    route: &Route,
    parts: &Parts,
    message: &mut DynamicMessage,
) -> Result<(), Status> {
    if [Method::GET, Method::HEAD].contains(&parts.method) {
        return Ok(());
    }
    if parts.headers.contains_key(IF_NONE_MATCH) {
        return Err(Violations::one(IF_NONE_MATCH.as_str(), "is only for GET and HEAD"));
    }
    let tags = listed(&parts.headers, &IF_MATCH);
    let [tag] = tags.as_slice() else {
        if parts.headers.contains_key(IF_MATCH) {
            return Err(Violations::one(IF_MATCH.as_str(), "must be one tag in quotes"));
        }
        return Ok(());
    };
    let Some(field) = place(route) else {
        return Err(Violations::one(IF_MATCH.as_str(), "is nothing that this call can look at"));
    };
    if tag == "*" {
        return Ok(());
    }
    if tag.starts_with("W/") {
        let message = "if-match compares strongly, so a weak tag matches nothing; \
                       put the resource's etag into quotes";
        return Err(refusal(Code::Aborted, "ETAG_MISMATCH", message));
    }
    // A field that is empty is no condition, so an empty tag would be passed over.
    let Some(etag) = opaque(tag).map(etag_of).filter(|etag| !etag.is_empty()) else {
        return Err(Violations::one(IF_MATCH.as_str(), "must be one tag in quotes"));
    };
    let etag = Value::String(etag.to_owned());
    match field.get(message) {
        Some(said) if said != etag => Err(Violations::one(&field.name(), "differs from if-match")),
        Some(_) => Ok(()),
        None => field.set(message, etag).map_err(|wrong| Violations::one(&field.name(), &wrong)),
    }
}

/// The field of the request that a condition goes to: its own `etag`, or that of the resource that is
/// its body. A new resource has none yet.
pub(crate) fn place(route: &Route) -> Option<FieldPath> {
    let input = route.rpc.input();
    let path = match &route.rule.body {
        BodyRule::Field(field) if route.rule.method != Method::POST => {
            let within = field.kind().as_message().is_some_and(has_etag) && !field.is_list();
            within.then(|| format!("{}.{FIELD}", field.name()))
        }
        BodyRule::None | BodyRule::Whole | BodyRule::Field(_) => None,
    };
    let path = if has_etag(&input) { Some(FIELD.to_owned()) } else { path };
    FieldPath::resolve(&input, &path?)
}

fn has_etag(message: &MessageDescriptor) -> bool {
    let field = message.get_field_by_name(FIELD);
    field.is_some_and(|field| field.kind() == Kind::String && !field.is_list())
}

/// The resource's etag in a tag of ours, or in one that a client made of it.
fn etag_of(opaque: &str) -> &str {
    let marked = opaque.rsplit_once('.').filter(|(_, mark)| {
        mark.len() == MARK_CHARS && mark.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    marked.map_or(opaque, |(etag, _)| etag)
}

/// What stands in the quotes of a tag, weak or strong.
fn opaque(tag: &str) -> Option<&str> {
    tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')
}

/// The tags of a header, quotes and all. A comma may stand inside quotes.
fn listed(headers: &HeaderMap, name: &http::HeaderName) -> Vec<String> {
    let mut tags = Vec::new();
    for line in headers.get_all(name).iter().filter_map(|line| line.to_str().ok()) {
        let (mut tag, mut quoted) = (String::new(), false);
        for c in line.chars() {
            quoted ^= c == '"';
            if c == ',' && !quoted {
                tags.push(std::mem::take(&mut tag));
            } else {
                tag.push(c);
            }
        }
        tags.push(tag);
    }
    tags.iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::IF_NONE_MATCH;

    use super::{etag_of, listed, opaque, tag};

    #[test]
    fn a_tag_follows_the_bytes() {
        let [first, same, other] =
            [b"{}", b"{}", b"[]"].map(|json| tag(None, json).unwrap().to_str().unwrap().to_owned());
        assert_eq!(first, same);
        assert_ne!(first, other);
        assert_eq!(first.len(), 18, "{first}");
    }

    #[test]
    fn the_etag_is_found_again() {
        for (opaque, etag) in [
            ("7.0f1e2d3c4b5a6978", "7"),
            ("a.b.0f1e2d3c4b5a6978", "a.b"),
            ("7", "7"),
            ("7.0f1e", "7.0f1e"),
            ("7.0f1e2d3c4b5a697g", "7.0f1e2d3c4b5a697g"),
            ("", ""),
        ] {
            assert_eq!(etag_of(opaque), etag, "{opaque}");
        }
        assert_eq!(
            ["\"7\"", "W/\"7\"", "7", "\"7"].map(opaque),
            [Some("7"), Some("7"), None, None]
        );
    }

    #[test]
    fn lists_may_have_commas_in_quotes_and_several_lines() {
        let mut headers = HeaderMap::new();
        for line in ["\"a,b\", W/\"c\"", " , *"] {
            headers.append(IF_NONE_MATCH, line.parse().unwrap());
        }
        assert_eq!(listed(&headers, &IF_NONE_MATCH), ["\"a,b\"", "W/\"c\"", "*"]);
    }
}
