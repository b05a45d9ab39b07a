//! `boxoffice replay`: what was told since some moment is told again, after the message stream was lost.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use kernel::{Clock, Timestamp};
use runtime::{Settings, StartError, SystemClock};

use crate::databases::{DatabaseArguments, PUBLISHERS};

/// What to tell again.
#[derive(Debug, Clone, Args)]
pub struct ReplayArguments {
    /// From when on: a moment such as 2026-11-21T08:00:00Z, or a time ago: 90s, 90m, 2h, 7d
    #[arg(long, value_name = "MOMENT")]
    since: Since,

    /// Only what this context has told: ticket, booking or payment; may be given several times
    #[arg(long = "context", value_name = "NAME", value_parser = PUBLISHERS)]
    contexts: Vec<String>,

    #[command(flatten)]
    databases: DatabaseArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Moment(Timestamp),
    Ago(Duration),
}

/// What a moment looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a moment such as 2026-11-21T08:00:00Z or a time ago such as 90s, 90m, 2h, 7d")]
struct InvalidSince;

/// Asks each context's relay to publish again what it published since then, and says how many messages that is.
/// The servers do it as soon as they run; whoever has handled a message already passes over it.
///
/// # Errors
/// [`StartError`] that names the database that could not be used.
pub async fn replay(
    settings: &Settings,
    arguments: &ReplayArguments,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), StartError> {
    let since = arguments.since.moment(SystemClock.now());
    for context in PUBLISHERS {
        if !arguments.contexts.is_empty() && !arguments.contexts.iter().any(|name| name == context)
        {
            continue;
        }
        let database = arguments.databases.open(settings, context).await?;
        let asked = database.replay_since(since).await;
        database.close().await;
        let messages = asked.map_err(|error| StartError::Other(format!("{context}: {error}")))?;
        say(&format!("{context}: {messages} messages since {since} will be told again"));
    }
    Ok(())
}

impl Since {
    fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Moment(moment) => moment,
            Self::Ago(time) => {
                let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.as_micros().saturating_sub(micros))
            }
        }
    }
}

impl FromStr for Since {
    type Err = InvalidSince;

    fn from_str(text: &str) -> Result<Self, InvalidSince> {
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::Moment(Timestamp::from_micros(moment.as_microsecond())));
        }
        let seconds_each = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 60 * 60,
            Some('d') => 24 * 60 * 60,
            _ => return Err(InvalidSince),
        };
        let number = text.get(..text.len() - 1).and_then(|number| number.parse::<u32>().ok());
        let seconds = number.map(|number| u64::from(number) * seconds_each);
        seconds.map(|seconds| Self::Ago(Duration::from_secs(seconds))).ok_or(InvalidSince)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_one_or_a_time_ago() {
        let now = Timestamp::from_micros(1_000_000_000_000_000);
        for (text, micros) in [
            ("1970-01-01T00:00:01Z", 1_000_000),
            ("1970-01-01T09:00:01+09:00", 1_000_000),
            ("90s", 999_999_910_000_000),
            ("90m", 999_994_600_000_000),
            ("2h", 999_992_800_000_000),
            ("7d", 999_395_200_000_000),
        ] {
            let since: Since = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(since.moment(now).as_micros(), micros, "{text}");
        }
        for wrong in ["", "m", "-5m", "1.5h", "yesterday", "2026-11-21", "5", "5é", "5w"] {
            assert_eq!(wrong.parse::<Since>(), Err(InvalidSince), "{wrong}");
        }
    }
}
