//! An event as far as it is read: what it is about. What it says of it is not read at all.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use kernel::{EventId, Uuid};
use payment::ChargeKey;
use serde::Deserialize;

use crate::intent::charge_key;

/// Something happened to an object.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Event {
    id: String,
    #[serde(default, rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Debug, Clone, Deserialize)]
struct Data {
    object: Object,
}

#[derive(Debug, Clone, Deserialize)]
struct Object {
    #[serde(default)]
    object: String,
    #[serde(default)]
    id: Option<String>,
    /// Of anything, since objects of other kinds are other people's.
    #[serde(default)]
    metadata: serde_json::Value,
}

impl Event {
    pub(crate) fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// The charge that it is about, by our own words at the object: an intent or a refund of ours.
    pub(crate) fn charge(&self) -> Option<ChargeKey> {
        let object = &self.data.object;
        if !["payment_intent", "refund"].contains(&object.object.as_str()) {
            return None;
        }
        let words: HashMap<String, String> = HashMap::deserialize(&object.metadata).ok()?;
        charge_key(&words)
    }

    /// Whether it may be news. An intent that is made, or goes on, is no reason to ask: whoever made it is being answered,
    /// and who asks meanwhile might give it up.
    pub(crate) fn may_be_news(&self) -> bool {
        match self.kind.strip_prefix("payment_intent.") {
            Some(what) => ["succeeded", "payment_failed", "canceled"].contains(&what),
            None => true,
        }
    }

    /// Whether money that was given back has not arrived: also long after Stripe said that it had.
    pub(crate) fn tells_of_a_failed_refund(&self) -> bool {
        self.kind == "refund.failed"
    }

    /// The name of the intent that it is about, if it is about one.
    pub(crate) fn intent_id(&self) -> Option<&str> {
        let object = &self.data.object;
        object.id.as_deref().filter(|_| object.object == "payment_intent")
    }

    /// Its identity as ours are: the same for the same event, in the form for names that follow from others.
    pub(crate) fn id(&self) -> EventId {
        let digest = digest(&SHA256, self.id.as_bytes());
        let mut bytes = [0_u8; 16];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(byte, of_it)| *byte = *of_it);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        EventId::new(Uuid::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str) -> Option<Event> {
        Event::read(
            format!(r#"{{"id":"evt_1","type":"x","data":{{"object":{object}}}}}"#).as_bytes(),
        )
        .ok()
    }

    #[test]
    fn r16_an_event_is_about_one_of_our_charges_or_of_no_concern() {
        let ours =
            r#""metadata":{"booking_id":"00000000-0000-0000-0000-000000000007","attempt":"2"}"#;
        for (object, intent) in [
            (format!(r#"{{"object":"payment_intent","id":"pi_1",{ours}}}"#), Some("pi_1")),
            (format!(r#"{{"object":"refund","id":"re_1",{ours}}}"#), None),
        ] {
            let event = event(&object).expect("sound");
            assert_eq!(event.charge().map(|key| key.attempt), Some(2));
            assert_eq!(event.intent_id(), intent);
        }
        for object in [
            format!(r#"{{"object":"customer","id":"cus_1",{ours}}}"#),
            r#"{"object":"payment_intent","id":"pi_1","metadata":{}}"#.to_owned(),
            r#"{"object":"payment_intent","metadata":{"booking_id":"7","attempt":"1"}}"#.to_owned(),
            r#"{"object":"refund","metadata":null}"#.to_owned(),
            r#"{"object":"balance","metadata":[1]}"#.to_owned(),
            "{}".to_owned(),
        ] {
            assert_eq!(event(&object).expect("an event").charge(), None, "{object}");
        }
        assert!(event("7").is_none());
    }

    #[test]
    fn r16_what_an_intent_goes_through_before_its_end_is_no_news() {
        for (kind, may_be_news, failed) in [
            ("payment_intent.created", false, false),
            ("payment_intent.processing", false, false),
            ("payment_intent.requires_action", false, false),
            ("payment_intent.succeeded", true, false),
            ("payment_intent.payment_failed", true, false),
            ("payment_intent.canceled", true, false),
            ("refund.created", true, false),
            ("refund.failed", true, true),
        ] {
            let text = format!(r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{{}}}}}}"#);
            let event = Event::read(text.as_bytes()).expect("sound");
            let is = (event.may_be_news(), event.tells_of_a_failed_refund());
            assert_eq!(is, (may_be_news, failed), "{kind}");
        }
    }

    #[test]
    fn an_events_identity_follows_from_its_name() {
        let of = |id: &str| {
            Event::read(format!(r#"{{"id":"{id}","data":{{"object":{{}}}}}}"#).as_bytes())
                .expect("sound")
                .id()
        };
        assert_eq!(of("evt_1"), of("evt_1"));
        assert_ne!(of("evt_1"), of("evt_2"));
        assert_eq!(of("evt_1").as_uuid().get_version_num(), 8);
    }
}
