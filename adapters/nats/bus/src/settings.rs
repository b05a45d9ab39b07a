//! How a process uses the bus.

use std::time::Duration;

/// How a process uses the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsSettings {
    /// The process's name, as the server's operators see it: `booking`.
    pub name: String,
    /// The stream's name, `A-Z 0-9 _`. Its subjects begin with the same name in small letters, so that
    /// several streams do not share messages.
    pub stream: String,
    /// Copies of the stream that the cluster keeps, for a stream that is made now: 1, 3 or 5.
    pub replicas: usize,
    /// Bytes a stream that is made now may hold; the server sets so many aside. What comes when it is
    /// full waits in the outboxes.
    pub max_bytes: u64,
    /// Where the server's monitoring listens, `http://nats:8222`, to ask how it writes to its disk.
    pub monitor_url: Option<String>,
    /// Whether messages that gather go as one atomic batch, where the server knows batches; else one by one, which
    /// is what batches are measured against.
    pub batches: bool,
    /// How messages are tried.
    pub delivery: DeliverySettings,
}

impl NatsSettings {
    /// The settings of a real deployment with one server of NATS.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            stream: "BOXOFFICE".to_owned(),
            replicas: 1,
            max_bytes: 1 << 30,
            monitor_url: None,
            batches: true,
            delivery: DeliverySettings::default(),
        }
    }

    /// The first word of every subject.
    pub(crate) fn root(&self) -> String {
        self.stream.to_ascii_lowercase()
    }

    pub(crate) fn has_good_stream_name(&self) -> bool {
        const LENGTH_MAX: usize = 64;
        (1..=LENGTH_MAX).contains(&self.stream.len())
            && self
                .stream
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    }
}

/// How often and how fast a message is tried, and how many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliverySettings {
    /// How long the server waits for a sign of life before it gives a message to another replica, for
    /// a consumer that is made now.
    pub ack_wait: Duration,
    /// Deliveries of one message to one consumer, redeliveries after crashes among them, before a
    /// further failure parks it.
    pub tries_max: u32,
    /// The pause after the first failed try; it doubles with every further one.
    pub backoff_first: Duration,
    /// The longest pause between two tries.
    pub backoff_max: Duration,
    /// Messages that one consumer handles in this process at the same time.
    pub handlings_max: usize,
    /// No message for so long while some wait: the pulls do not work, whatever the server says, and begin
    /// anew.
    pub stuck_after: Duration,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            ack_wait: Duration::from_secs(30),
            // About two minutes: what a restarting database refuses must not become a dead letter.
            tries_max: 20,
            backoff_first: Duration::from_millis(200),
            backoff_max: Duration::from_secs(10),
            // What shares a commit: a consumer's effects are commits of one database. With 128 it kept up with 430
            // bookings a second at most; of many more, those that read would overrun the connections for reading.
            handlings_max: 256,
            stuck_after: Duration::from_secs(30),
        }
    }
}

impl DeliverySettings {
    /// The pause after the given number of failed tries: at least half of the full one, the rest by
    /// chance, so that messages that failed together do not come again together.
    pub(crate) fn backoff(&self, failed_tries: u32) -> Duration {
        let doublings = failed_tries.saturating_sub(1);
        let full = self.backoff_first.saturating_mul(2_u32.saturating_pow(doublings));
        full.min(self.backoff_max).mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let delivery = DeliverySettings::default();
        for (tries, full_ms) in [(1, 200), (2, 400), (6, 6400), (7, 10_000), (u32::MAX, 10_000)] {
            let (pause, full) = (delivery.backoff(tries), Duration::from_millis(full_ms));
            assert!(pause >= full / 2 && pause <= full, "{tries}: {pause:?}");
        }
    }

    #[test]
    fn a_stream_is_named_so_that_its_subjects_can_be() {
        let named =
            |stream: &str| NatsSettings { stream: stream.to_owned(), ..NatsSettings::named("x") };
        assert_eq!(named("BOXOFFICE_2").root(), "boxoffice_2");
        assert!(named("BOXOFFICE_2").has_good_stream_name());
        for bad in ["", "boxoffice", "A.B", "A B", "A>", &"A".repeat(65)] {
            assert!(!named(bad).has_good_stream_name(), "{bad}");
        }
    }
}
