//! The stream and its consumers: made where they are missing, and never changed where somebody else
//! set them otherwise. What is set weaker than here is told to the log.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{
    self, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{Context, ErrorCode};
use kernel::EventHandler;

use crate::NatsSettings;

/// Longer than any outage of a consumer that its owner would sleep through; the outboxes keep published
/// rows as long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Within it a message that is published again is stored once.
const DUPLICATES_KNOWN: Duration = Duration::from_secs(10 * 60);
const MESSAGE_BYTES_MAX: i32 = 256 << 10;
/// Messages out to all replicas of a consumer together.
const PENDING_MAX: i64 = 2_048;
/// For ever: the bus counts and parks by itself, a message that is only left out would be lost.
const DELIVERIES_UNLIMITED: i64 = -1;

/// The stream as it is made.
fn stream_config(settings: &NatsSettings) -> stream::Config {
    stream::Config {
        name: settings.stream.clone(),
        subjects: vec![format!("{}.>", settings.root())],
        storage: StorageType::File,
        // Each consumer reads for itself, and a terminated message stays to be looked at.
        retention: RetentionPolicy::Limits,
        num_replicas: settings.replicas,
        max_age: KEPT,
        max_bytes: i64::try_from(settings.max_bytes).unwrap_or(i64::MAX),
        // Full means that publishers are refused and keep their messages, never that old ones go.
        discard: DiscardPolicy::New,
        max_message_size: MESSAGE_BYTES_MAX,
        duplicate_window: DUPLICATES_KNOWN,
        allow_atomic_publish: true,
        allow_direct: true,
        deny_delete: true,
        deny_purge: true,
        description: Some("the facts of all contexts of the box office".to_owned()),
        ..stream::Config::default()
    }
}

/// The consumer as it is made.
fn consumer_config(settings: &NatsSettings, handler: &dyn EventHandler) -> pull::Config {
    let wanted = handler.event_names().iter();
    pull::Config {
        durable_name: Some(consumer_name(handler)),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.delivery.ack_wait,
        max_deliver: DELIVERIES_UNLIMITED,
        max_ack_pending: PENDING_MAX,
        // <root>.<context>.<aggregate>.<event>
        filter_subjects: wanted.map(|name| format!("{}.*.*.{name}", settings.root())).collect(),
        ..pull::Config::default()
    }
}

/// Names of consumers have no dots.
pub(crate) fn consumer_name(handler: &dyn EventHandler) -> String {
    handler.name().replace('.', "-")
}

/// Finds the stream or makes it, and says what is set weaker than it should be.
pub(crate) async fn ensure_stream(
    js: &Context,
    settings: &NatsSettings,
) -> Result<Vec<String>, String> {
    let wanted = stream_config(settings);
    match js.get_stream(&wanted.name).await {
        Ok(found) => return Ok(weaker_stream(&found.cached_info().config, &wanted)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
            GetStreamErrorKind::EmptyName
            | GetStreamErrorKind::Request
            | GetStreamErrorKind::InvalidStreamName
            | GetStreamErrorKind::JetStream(_) => return Err(error.to_string()),
        },
    }
    let made = js.create_stream(&wanted).await;
    made.map_err(|error| format!("the stream {} cannot be made: {error}", wanted.name))?;
    tracing::info!(stream = wanted.name, "made the stream");
    Ok(Vec::new())
}

fn weaker_stream(found: &stream::Config, wanted: &stream::Config) -> Vec<String> {
    let mut weaker = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            weaker.push(format!("the stream {}: {what}", found.name));
        }
    };
    let covers = wanted.subjects.iter().all(|subject| found.subjects.contains(subject));
    expect(covers, format!("its subjects {:?} should be {:?}", found.subjects, wanted.subjects));
    expect(found.storage == wanted.storage, "its messages are only in memory".to_owned());
    expect(found.retention == wanted.retention, "its retention should be limits".to_owned());
    expect(
        found.discard == wanted.discard,
        "a full stream drops old messages; discard should be new".to_owned(),
    );
    let kept_long = found.max_age.is_zero() || found.max_age >= wanted.max_age;
    expect(kept_long, format!("max_age {:?} should be {:?}", found.max_age, wanted.max_age));
    expect(
        found.duplicate_window >= wanted.duplicate_window,
        format!(
            "duplicate_window {:?} should be {:?}",
            found.duplicate_window, wanted.duplicate_window
        ),
    );
    let largest = found.max_message_size;
    expect(
        largest <= 0 || largest >= wanted.max_message_size,
        format!("max_msg_size {largest} should be {}", wanted.max_message_size),
    );
    expect(
        found.num_replicas >= wanted.num_replicas,
        format!("it has {} replicas and should have {}", found.num_replicas, wanted.num_replicas),
    );
    expect(
        found.allow_atomic_publish,
        "allow_atomic is off: messages are sent one by one".to_owned(),
    );
    weaker
}

/// Finds the consumer or makes it, and says what is set weaker than it should be. The filter alone is
/// ours to change: it follows from what the handler wants.
pub(crate) async fn ensure_consumer(
    js: &Context,
    settings: &NatsSettings,
    handler: &dyn EventHandler,
) -> Result<(PullConsumer, Vec<String>), String> {
    let wanted = consumer_config(settings, handler);
    let name = consumer_name(handler);
    let found: Result<PullConsumer, _> = js.get_consumer_from_stream(&name, &settings.stream).await;
    let found = match found {
        Ok(found) => found,
        Err(error) if is_missing(&error.kind()) => {
            let made = js.create_consumer_strict_on_stream(wanted, &settings.stream).await;
            let made =
                made.map_err(|error| format!("the consumer {name} cannot be made: {error}"))?;
            tracing::info!(consumer = name, "made the consumer");
            return Ok((made, Vec::new()));
        }
        Err(error) => return Err(format!("the consumer {name}: {error}")),
    };
    let config = found.cached_info().config.clone();
    let weaker = weaker_consumer(&config, &wanted);
    if filters(&config) == wanted.filter_subjects.iter().cloned().collect() {
        return Ok((found, weaker));
    }
    let changed = pull::Config {
        filter_subject: String::new(),
        filter_subjects: wanted.filter_subjects,
        ..consumer::FromConsumer::try_from_consumer_config(config)
            .map_err(|error| format!("the consumer {name} is not a pull consumer: {error}"))?
    };
    let changed = js.update_consumer_on_stream(changed, &settings.stream).await;
    let changed = changed.map_err(|error| format!("the filter of the consumer {name}: {error}"))?;
    tracing::info!(consumer = name, "the consumer now takes what this version wants");
    Ok((changed, weaker))
}

fn is_missing(error: &ConsumerErrorKind) -> bool {
    matches!(error, ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}

fn filters(config: &consumer::Config) -> BTreeSet<String> {
    let one = Some(&config.filter_subject).filter(|filter| !filter.is_empty());
    config.filter_subjects.iter().chain(one).cloned().collect()
}

fn weaker_consumer(found: &consumer::Config, wanted: &pull::Config) -> Vec<String> {
    let mut weaker = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            weaker.push(format!(
                "the consumer {}: {what}",
                found.durable_name.as_deref().unwrap_or_default()
            ));
        }
    };
    expect(found.ack_policy == wanted.ack_policy, "its ack policy should be explicit".to_owned());
    let pending = found.max_ack_pending;
    expect(
        pending < 0 || pending >= wanted.max_ack_pending,
        format!("max_ack_pending {pending} should be {}", wanted.max_ack_pending),
    );
    expect(
        found.max_deliver <= 0,
        format!(
            "messages are left out after {} deliveries; max_deliver should be -1",
            found.max_deliver
        ),
    );
    expect(
        found.ack_wait >= wanted.ack_wait,
        format!("ack_wait {:?} should be {:?}", found.ack_wait, wanted.ack_wait),
    );
    expect(!found.memory_storage, "its state is only in memory".to_owned());
    weaker
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weaker_stream_is_found_out() {
        let wanted = stream_config(&NatsSettings::named("x"));
        assert_eq!(weaker_stream(&wanted, &wanted), Vec::<String>::new());
        let weak = [
            ("subjects", stream::Config { subjects: vec!["other.>".to_owned()], ..wanted.clone() }),
            ("memory", stream::Config { storage: StorageType::Memory, ..wanted.clone() }),
            (
                "retention",
                stream::Config { retention: RetentionPolicy::WorkQueue, ..wanted.clone() },
            ),
            ("discard", stream::Config { discard: DiscardPolicy::Old, ..wanted.clone() }),
            ("max_age", stream::Config { max_age: Duration::from_secs(60), ..wanted.clone() }),
            (
                "duplicate",
                stream::Config { duplicate_window: Duration::from_secs(1), ..wanted.clone() },
            ),
            ("max_msg_size", stream::Config { max_message_size: 1024, ..wanted.clone() }),
            ("replicas", stream::Config { num_replicas: 0, ..wanted.clone() }),
            ("allow_atomic", stream::Config { allow_atomic_publish: false, ..wanted.clone() }),
        ];
        for (word, found) in weak {
            let said = weaker_stream(&found, &wanted);
            assert!(said.len() == 1 && said[0].contains(word), "{word}: {said:?}");
        }
        let unlimited = stream::Config { max_age: Duration::ZERO, ..wanted.clone() };
        assert_eq!(weaker_stream(&unlimited, &wanted), Vec::<String>::new());
    }
}
