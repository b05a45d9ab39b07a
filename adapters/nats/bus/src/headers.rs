//! An envelope as a message: CloudEvents in binary mode, the payload as it is.

use std::str::FromStr;

use async_nats::HeaderMap;
use async_nats::header::HeaderValue;
use bytes::Bytes;
use kernel::{Envelope, EventId, Timestamp};
use telemetry_traces::TRACE_PARENT;

/// The server drops a second message with the same value within the stream's duplicate window.
const MESSAGE_ID: &str = "Nats-Msg-Id";
const SPEC_VERSION: &str = "ce-specversion";
const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const SOURCE: &str = "ce-source";
/// The aggregate's id.
const SUBJECT: &str = "ce-subject";
const TIME: &str = "ce-time";
const AGGREGATE_TYPE: &str = "ce-aggregatetype";
const AGGREGATE_VERSION: &str = "ce-aggregateversion";
const CORRELATION: &str = "ce-correlationid";
const CAUSATION: &str = "ce-causationid";
const CONTENT_TYPE: &str = "content-type";
const PROTOBUF: &str = "application/protobuf";
const SPEC: &str = "1.0";
/// The longest texts that a database of ours keeps beside a payload.
const TEXT_CHARS_MAX: usize = 191;
const WORD_CHARS_MAX: usize = 64;

/// A message as it goes out.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// A message that no consumer of ours can read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) reason: String,
    /// What can be read of it, if that includes its identity: then it can be set aside.
    pub(crate) remains: Option<Box<Envelope>>,
}

/// Whether the server may take a message for one that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    First,
    Again,
}

/// The message under `root`. The error says what keeps this message from ever being sent.
pub(crate) fn write(message: &Envelope, root: &str, telling: Telling) -> Result<Outgoing, String> {
    let words = [message.source.as_str(), message.aggregate_type.as_str(), message.name()];
    if let Some(bad) = words.into_iter().find(|word| !is_subject_word(word)) {
        return Err(format!("{bad:?} cannot be a word of a subject"));
    }
    let id = message.id.to_string();
    let message_id = match telling {
        Telling::First => id.clone(),
        Telling::Again => format!("{id}.{:016x}", rand::random::<u64>()),
    };
    let version = message.aggregate_version.to_string();
    let time = message.occurred_at.to_string();
    // The span in which it is sent, which goes on from what told it.
    let trace = telemetry_traces::traceparent().or_else(|| message.traceparent.clone());
    let given = [
        (MESSAGE_ID, Some(message_id.as_str())),
        (SPEC_VERSION, Some(SPEC)),
        (ID, Some(id.as_str())),
        (TYPE, Some(message.event_type.as_str())),
        (SOURCE, Some(message.source.as_str())),
        (SUBJECT, Some(message.aggregate_id.as_str())),
        (TIME, Some(time.as_str())),
        (AGGREGATE_TYPE, Some(message.aggregate_type.as_str())),
        (AGGREGATE_VERSION, Some(version.as_str())),
        (CORRELATION, Some(message.correlation_id.as_str())),
        (CAUSATION, message.causation_id.as_deref()),
        (TRACE_PARENT, trace.as_deref()),
        (CONTENT_TYPE, Some(PROTOBUF)),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let Some(value) = value else { continue };
        headers.insert(name, header_value(name, value)?);
    }
    let subject = format!("{root}.{}", words.join("."));
    Ok(Outgoing { subject, headers, payload: message.payload.clone().into() })
}

fn is_subject_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Spaces at the ends would be cut off on the way.
fn header_value(name: &str, value: &str) -> Result<HeaderValue, String> {
    let is_plain = value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if !is_plain || value != value.trim() {
        return Err(format!("{value:?} cannot be the header {name}"));
    }
    HeaderValue::from_str(value).map_err(|error| format!("{name}: {error}"))
}

/// The envelope that a message carries.
pub(crate) fn read(message: &async_nats::Message) -> Result<Envelope, Unreadable> {
    let empty = HeaderMap::new();
    let mut headers = Reading { headers: message.headers.as_ref().unwrap_or(&empty), reason: None };
    let spec = headers.text(SPEC_VERSION);
    if spec != SPEC {
        headers.complain(format!("{SPEC_VERSION} {spec:?} is not {SPEC}"));
    }
    let id = headers.parsed::<EventId>(ID);
    let occurred_at = headers.parsed::<jiff::Timestamp>(TIME).map(jiff::Timestamp::as_microsecond);
    let envelope = id.map(|id| Envelope {
        id,
        event_type: headers.text(TYPE),
        source: headers.word(SOURCE),
        occurred_at: Timestamp::from_micros(occurred_at.unwrap_or_default()),
        aggregate_type: headers.word(AGGREGATE_TYPE),
        aggregate_id: headers.text(SUBJECT),
        aggregate_version: headers.parsed(AGGREGATE_VERSION).unwrap_or_default(),
        correlation_id: headers.text(CORRELATION),
        causation_id: headers.optional(CAUSATION),
        traceparent: headers.optional(TRACE_PARENT),
        payload: message.payload.to_vec(),
    });
    match (envelope, headers.reason) {
        (Some(envelope), None) => Ok(envelope),
        (remains, reason) => {
            Err(Unreadable { reason: reason.unwrap_or_default(), remains: remains.map(Box::new) })
        }
    }
}

/// Reads headers and remembers the first one that could not be read.
struct Reading<'a> {
    headers: &'a HeaderMap,
    reason: Option<String>,
}

impl Reading<'_> {
    /// What is not fit to be kept is cut to what is: it must be possible to set the message aside.
    fn optional(&mut self, name: &'static str) -> Option<String> {
        let given = self.headers.get(name)?.as_str();
        if given.len() <= TEXT_CHARS_MAX && given.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Some(given.to_owned());
        }
        let kept: String = given.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect();
        if kept != given {
            let rule = format!("of more than {TEXT_CHARS_MAX} characters or not of text");
            self.complain(format!("its header {name} is {rule}"));
        }
        Some(kept)
    }

    fn text(&mut self, name: &'static str) -> String {
        let text = self.optional(name);
        if text.is_none() {
            self.complain(format!("it has no header {name}"));
        }
        text.unwrap_or_default()
    }

    /// A word of a subject is as short.
    fn word(&mut self, name: &'static str) -> String {
        let mut word = self.text(name);
        if word.chars().count() > WORD_CHARS_MAX {
            self.complain(format!("its header {name} is of more than {WORD_CHARS_MAX} characters"));
            word = word.chars().take(WORD_CHARS_MAX).collect();
        }
        word
    }

    fn parsed<T: FromStr>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name);
        let value = text.parse().ok();
        if value.is_none() {
            self.complain(format!("its header {name} cannot be read: {text:?}"));
        }
        value
    }

    fn complain(&mut self, reason: String) {
        self.reason.get_or_insert(reason);
    }
}

#[cfg(test)]
mod tests {
    use kernel::Uuid;

    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            id: EventId::new(Uuid::from_u128(7)),
            event_type: "boxoffice.booking.v1.BookingPlaced".to_owned(),
            source: "booking".to_owned(),
            occurred_at: Timestamp::from_micros(1_700_000_000_123_456),
            aggregate_type: "booking".to_owned(),
            aggregate_id: "b-1".to_owned(),
            aggregate_version: 3,
            correlation_id: "b-1".to_owned(),
            causation_id: Some("command 9".to_owned()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            payload: vec![0, 255, 10, 13],
        }
    }

    fn message(outgoing: &Outgoing) -> async_nats::Message {
        async_nats::Message {
            subject: outgoing.subject.as_str().into(),
            reply: None,
            payload: outgoing.payload.clone(),
            headers: Some(outgoing.headers.clone()),
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn an_envelope_round_trips_with_and_without_its_optional_parts() {
        let full = envelope();
        let bare =
            Envelope { causation_id: None, traceparent: None, payload: vec![], ..full.clone() };
        for one in [full, bare] {
            let outgoing = write(&one, "boxoffice", Telling::First).unwrap();
            assert_eq!(outgoing.subject, "boxoffice.booking.booking.BookingPlaced");
            assert_eq!(read(&message(&outgoing)).unwrap(), one);
        }
    }

    #[test]
    fn what_cannot_travel_is_refused_and_not_bent() {
        let good = envelope();
        for bad in [
            Envelope { source: "a.b".to_owned(), ..good.clone() },
            Envelope { event_type: String::new(), ..good.clone() },
            Envelope { aggregate_type: ">".to_owned(), ..good.clone() },
            Envelope { correlation_id: "a\r\nce-id: 1".to_owned(), ..good.clone() },
            Envelope { aggregate_id: " b".to_owned(), ..good.clone() },
            Envelope { causation_id: Some("김".to_owned()), ..good.clone() },
        ] {
            assert!(write(&bad, "boxoffice", Telling::First).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn r18_a_broken_message_keeps_what_can_be_read_of_it() {
        let good = write(&envelope(), "boxoffice", Telling::First).unwrap();
        for broken in [SPEC_VERSION, TYPE, SOURCE, SUBJECT, TIME, AGGREGATE_VERSION, CORRELATION] {
            let mut other = message(&good);
            let mut headers = HeaderMap::new();
            for (name, values) in good.headers.iter() {
                for value in values.iter().filter(|_| name.to_string() != broken) {
                    headers.append(name.clone(), value.clone());
                }
            }
            other.headers = Some(headers);
            let unreadable = read(&other).unwrap_err();
            assert!(unreadable.reason.contains(broken), "{broken}: {}", unreadable.reason);
            assert_eq!(unreadable.remains.unwrap().id, envelope().id);
        }
        for (header, value) in
            [(SUBJECT, "b".repeat(5000)), (TYPE, "a\0b".to_owned()), (SOURCE, "s".repeat(65))]
        {
            let mut other = message(&good);
            let mut headers = good.headers.clone();
            headers.insert(header, HeaderValue::from_str(&value).unwrap());
            other.headers = Some(headers);
            let unreadable = read(&other).unwrap_err();
            assert!(unreadable.reason.contains(header), "{header}: {}", unreadable.reason);
            let remains = unreadable.remains.unwrap();
            for text in [remains.aggregate_id, remains.event_type, remains.source] {
                assert!(text.len() <= TEXT_CHARS_MAX && !text.contains('\0'), "{text:?}");
            }
        }
        let mut nameless = message(&good);
        nameless.headers = None;
        assert!(read(&nameless).unwrap_err().remains.is_none());
    }
}
