//! What the client wants its answer to look like: decided before the call is made, since afterwards it
//! is too late to refuse.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};
use tonic::{Code, Status};

use crate::error::refusal;

/// The media type of messages.
pub(crate) const JSON: &str = "application/json";
/// The media type of problems (RFC 9457).
pub(crate) const PROBLEM: &str = "application/problem+json";
/// The media type of streams.
pub(crate) const EVENTS: &str = "text/event-stream";

/// A weight of one: weights count in thousandths.
const FULL: u16 = 1000;

/// What an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Whether errors are told as problems.
    pub(crate) problem: bool,
    /// Whether the answer may be compressed.
    pub(crate) gzip: bool,
    /// Whether it may come as it is.
    pub(crate) identity: bool,
}

impl Wanted {
    /// What the headers ask for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let types = weighted(headers, &ACCEPT);
        let named = |name: &str| types.iter().find(|(token, _)| token == name).map(|(_, q)| *q);
        let problem = named(PROBLEM).unwrap_or(0);
        let codings = weighted(headers, &ACCEPT_ENCODING);
        let coding = |name: &str| codings.iter().find(|(token, _)| token == name).map(|(_, q)| *q);
        let any = coding("*");
        let gzip = coding("gzip").or_else(|| coding("x-gzip")).or(any).unwrap_or(0);
        // Whoever does not mention it takes it, but prefers what is mentioned.
        let identity = coding("identity");
        let refused = identity.or(any) == Some(0);
        Self {
            problem: problem > 0 && problem >= named(JSON).unwrap_or(0),
            gzip: gzip > 0 && identity.is_none_or(|identity| gzip >= identity),
            identity: !refused,
        }
    }

    /// Refuses a request whose answer the client would not take, of this media type.
    pub(crate) fn check(self, headers: &HeaderMap, media_type: &str) -> Result<(), Status> {
        let types = weighted(headers, &ACCEPT);
        // Whoever asks for problems speaks JSON.
        let fits = accepts(&types, media_type) || (media_type == JSON && accepts_problem(&types));
        if headers.contains_key(ACCEPT) && !fits {
            return Err(not_acceptable(format!(
                "the answer is {media_type}, which accept excludes"
            )));
        }
        // Streams are never compressed: an event would wait for the next one.
        if !self.identity && (!self.gzip || media_type == EVENTS) {
            let has = if media_type == EVENTS { "identity" } else { "gzip and identity" };
            return Err(not_acceptable(format!("accept-encoding excludes what there is: {has}")));
        }
        Ok(())
    }
}

fn not_acceptable(message: String) -> Status {
    refusal(Code::InvalidArgument, "NOT_ACCEPTABLE", message)
}

/// Whether the most specific range that has the media type gives it a weight. `*/*` and an empty
/// header have them all.
fn accepts(types: &[(String, u16)], media_type: &str) -> bool {
    let family = media_type.split_once('/').map_or(media_type, |(family, _)| family);
    let ranges = [media_type.to_owned(), format!("{family}/*"), "*/*".to_owned()];
    let weight = ranges
        .iter()
        .find_map(|range| types.iter().filter(|(token, _)| token == range).map(|(_, q)| *q).max());
    types.is_empty() || weight.is_some_and(|weight| weight > 0)
}

fn accepts_problem(types: &[(String, u16)]) -> bool {
    types.iter().any(|(token, q)| token == PROBLEM && *q > 0)
}

/// The elements of a list header in lower case, with their weights in thousandths. What has no
/// readable weight is left out, as if it were not there.
fn weighted(headers: &HeaderMap, name: &HeaderName) -> Vec<(String, u16)> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let elements = lines.flat_map(|line| line.split(','));
    elements
        .filter_map(|element| {
            let mut parts = element.split(';').map(str::trim);
            let token = parts.next().filter(|token| !token.is_empty())?.to_ascii_lowercase();
            let q = parts.find_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
            });
            Some((token, q.map_or(Some(FULL), weight)?))
        })
        .collect()
}

/// `1`, `0.5`, `0.125`: from 0 to 1 with at most three digits (RFC 9110, 12.4.2).
fn weight(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{digits:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(FULL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

    use super::{EVENTS, JSON, Wanted};

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn weights_decide_what_is_compressed() {
        for (accept_encoding, gzip, identity) in [
            ("", false, true),
            ("gzip", true, true),
            ("GZIP;Q=0.001", true, true),
            ("x-gzip", true, true),
            ("br, zstd", false, true),
            ("*", true, true),
            ("gzip;q=0", false, true),
            ("gzip;q=0, *", false, true),
            ("gzip;q=0.5, identity", false, true),
            ("gzip;q=0.5, identity;q=0.5", true, true),
            ("identity;q=0", false, false),
            ("*;q=0", false, false),
            ("*;q=0, identity;q=0.1", false, true),
            ("gzip, identity;q=0", true, false),
            ("gzip, *;q=0", true, false),
            ("gzip;q=2, identity;q=0.1234", false, true),
            ("gzip;q=nan", false, true),
        ] {
            let wanted = Wanted::of(&headers(ACCEPT_ENCODING, accept_encoding));
            assert_eq!((wanted.gzip, wanted.identity), (gzip, identity), "{accept_encoding}");
            let served = wanted.check(&headers(ACCEPT_ENCODING, accept_encoding), JSON).is_ok();
            assert_eq!(served, gzip || identity, "{accept_encoding}");
            let streamed = wanted.check(&headers(ACCEPT_ENCODING, accept_encoding), EVENTS).is_ok();
            assert_eq!(streamed, identity, "{accept_encoding}");
        }
    }

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, json, events, problem) in [
            ("", true, true, false),
            ("*/*", true, true, false),
            ("application/*", true, false, false),
            ("text/*", false, true, false),
            ("text/event-stream", false, true, false),
            ("Application/JSON; charset=utf-8", true, false, false),
            ("application/json;q=0, */*", false, true, false),
            ("application/json;q=0.1, */*;q=0", true, false, false),
            ("application/problem+json", true, false, true),
            ("application/json, application/problem+json", true, false, true),
            ("application/json, application/problem+json;q=0.5", true, false, false),
            ("application/problem+json;q=0, */*", true, true, false),
            ("text/html", false, false, false),
            ("text/html, */*;q=0.1", true, true, false),
        ] {
            let headers = headers(ACCEPT, accept);
            let wanted = Wanted::of(&headers);
            let found = [JSON, EVENTS].map(|kind| wanted.check(&headers, kind).is_ok());
            assert_eq!((found, wanted.problem), ([json, events], problem), "{accept}");
        }
    }
}
