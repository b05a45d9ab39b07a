//! What became of messages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::names::{MESSAGE_LAG, MESSAGES_PROCESSED};

/// A consumer has handled a message, or will be given it again.
pub fn handled(consumer: &'static str, subject: &str, handled: bool) {
    count(consumer, subject, if handled { "handled" } else { "retried" });
}

/// A consumer has set a message aside.
pub fn parked(consumer: &'static str, subject: &str) {
    count(consumer, subject, "parked");
}

/// A consumer is done with a message of an event that happened then, in microseconds since 1970.
pub fn lag(consumer: &'static str, occurred_at_us: i64) {
    #[expect(clippy::disallowed_methods, reason = "how late it is for a dashboard decides nothing")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let then = Duration::from_micros(u64::try_from(occurred_at_us).unwrap_or_default());
    MESSAGE_LAG.observe([consumer], now.saturating_sub(then));
}

fn count(consumer: &'static str, subject: &str, status: &'static str) {
    MESSAGES_PROCESSED.add([consumer.to_owned(), subject.to_owned(), status.to_owned()]);
}
