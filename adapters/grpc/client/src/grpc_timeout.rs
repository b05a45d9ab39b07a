//! The time that a client gives a call, as its headers say.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;

/// The header that says it.
pub const GRPC_TIMEOUT: &str = "grpc-timeout";

/// What is there says no time, or more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTime;

/// In words, for whoever has sent it.
impl fmt::Display for NoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be at most eight digits and one of H, M, S, m, u and n, once: `15S`")
    }
}

/// What `grpc-timeout` says, if it is there.
///
/// # Errors
/// [`NoTime`] where it cannot be read: who is not waited for is not guessed.
pub fn grpc_timeout(headers: &HeaderMap) -> Result<Option<Duration>, NoTime> {
    let mut given = headers.get_all(GRPC_TIMEOUT).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(once), None) => once.to_str().ok().and_then(parse).map(Some).ok_or(NoTime),
        (Some(_), Some(_)) => Err(NoTime),
    }
}

/// Reads at most eight digits and a unit: `15S`, `250m`.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let fits = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let count = digits.parse::<u64>().ok().filter(|_| fits)?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_digits_and_a_unit() {
        assert_eq!(parse("15S"), Some(Duration::from_secs(15)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parse("99999999M"), Some(Duration::from_secs(99_999_999 * 60)));
        for bad in ["", "S", "15", "15s", "-1S", "+1S", "123456789S", "1.5S", "1é", "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn it_is_there_once_or_not_at_all() {
        let mut headers = HeaderMap::new();
        assert_eq!(grpc_timeout(&headers), Ok(None));
        headers.append(GRPC_TIMEOUT, "15S".parse().unwrap());
        assert_eq!(grpc_timeout(&headers), Ok(Some(Duration::from_secs(15))));
        headers.append(GRPC_TIMEOUT, "15S".parse().unwrap());
        assert_eq!(grpc_timeout(&headers), Err(NoTime));
        headers.insert(GRPC_TIMEOUT, "soon".parse().unwrap());
        assert_eq!(grpc_timeout(&headers), Err(NoTime));
    }
}
