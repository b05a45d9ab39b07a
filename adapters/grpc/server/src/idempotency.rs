//! Idempotency keys on the wire: the metadata `idempotency-key` in, `idempotency-replayed` out.

use kernel::{Answered, Caller, Fault, FaultClass, Invalid, ReplyKey, Violation};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use crate::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use crate::status::refuse;

const KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";

/// The key that came with a call, scoped to the caller and the method. A call without a token has
/// no scope, so its key counts for nothing: the use case will refuse it.
///
/// # Errors
/// INVALID_ARGUMENT unless the key is one value of 1 to 255 visible ASCII characters.
pub fn reply_key<M: Message>(
    request: &Request<M>,
    caller: &Caller,
    method: &'static str,
) -> Result<Option<ReplyKey>, Status> {
    let mut sent = request.metadata().get_all(KEY).iter();
    let (Some(key), None) = (sent.next(), sent.next()) else {
        let several = request.metadata().contains_key(KEY);
        return if several { Err(refuse(&unusable())) } else { Ok(None) };
    };
    let key = key.to_str().ok().filter(|key| is_usable(key)).ok_or_else(|| refuse(&unusable()))?;
    Ok(caller.subject.as_deref().map(|subject| ReplyKey {
        scope: format!("{method} {subject}"),
        key: key.to_owned(),
        fingerprint: Sha256::digest(request.get_ref().encode_to_vec()).to_vec(),
    }))
}

/// The answer to a call that may carry a key: made now, or the first one again.
///
/// # Errors
/// INTERNAL when the recorded answer is not a message of this kind.
pub fn answer<M: Message + Default>(answered: Answered<M>) -> Result<Response<M>, Status> {
    match answered {
        Answered::Fresh(message) => Ok(Response::new(message)),
        Answered::Replayed(body) => {
            let message = M::decode(body.as_slice()).map_err(|e| refuse(&CorruptReply(e)))?;
            let mut response = Response::new(message);
            response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
            Ok(response)
        }
    }
}

/// A recorded answer that our own code cannot have written.
#[derive(Debug, thiserror::Error)]
#[error("a recorded answer cannot be decoded: {0}")]
struct CorruptReply(prost::DecodeError);

fn is_usable(key: &str) -> bool {
    (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_graphic())
}

fn unusable() -> Invalid {
    let rule = "must be one value of 1 to 255 visible ASCII characters";
    Invalid(vec![Violation::new(KEY, rule)])
}

impl Fault for CorruptReply {
    fn class(&self) -> FaultClass {
        FaultClass::Bug
    }

    fn reason(&self) -> &'static str {
        "INTERNAL"
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic::metadata::AsciiMetadataValue;

    use super::*;

    fn request(keys: &[&str], seconds: i64) -> Request<prost_types::Timestamp> {
        let mut request = Request::new(prost_types::Timestamp { seconds, nanos: 0 });
        for key in keys {
            let value = AsciiMetadataValue::try_from(*key).expect("a header value");
            request.metadata_mut().append(KEY, value);
        }
        request
    }

    fn alice() -> Caller {
        Caller { subject: Some("alice".to_owned()), ..Caller::default() }
    }

    fn key_of(keys: &[&str], seconds: i64, caller: &Caller, method: &'static str) -> ReplyKey {
        reply_key(&request(keys, seconds), caller, method).expect("usable").expect("given")
    }

    #[test]
    fn r38_a_key_is_the_callers_and_the_methods_own() {
        let bob = Caller { subject: Some("bob".to_owned()), ..Caller::default() };
        let key = key_of(&["k"], 1, &alice(), "CreateBooking");
        assert_eq!(key, key_of(&["k"], 1, &alice(), "CreateBooking"));
        assert_ne!(key.scope, key_of(&["k"], 1, &bob, "CreateBooking").scope);
        assert_ne!(key.scope, key_of(&["k"], 1, &alice(), "CancelBooking").scope);
        assert_ne!(key.fingerprint, key_of(&["k"], 2, &alice(), "CreateBooking").fingerprint);
    }

    #[test]
    fn without_a_key_or_a_caller_nothing_is_deduplicated() {
        assert_eq!(reply_key(&request(&[], 1), &alice(), "m").expect("fine"), None);
        assert_eq!(reply_key(&request(&["k"], 1), &Caller::anonymous(), "m").expect("fine"), None);
    }

    #[test]
    fn an_unusable_key_is_an_invalid_field() {
        let long = "k".repeat(256);
        for keys in [&[""][..], &["a b"], &["a", "b"], &[long.as_str()]] {
            let refused = reply_key(&request(keys, 1), &alice(), "m").expect_err("unusable");
            assert_eq!(refused.code(), Code::InvalidArgument, "{keys:?}");
        }
        assert!(reply_key(&request(&["k".repeat(255).as_str()], 1), &alice(), "m").is_ok());
    }

    #[test]
    fn a_replay_says_that_it_is_one() {
        let message = prost_types::Timestamp { seconds: 7, nanos: 0 };
        let fresh = answer(Answered::Fresh(message)).expect("answered");
        assert!(fresh.metadata().get(REPLAYED).is_none());
        let again = answer::<prost_types::Timestamp>(Answered::Replayed(message.encode_to_vec()));
        let again = again.expect("answered");
        assert_eq!(again.metadata().get(REPLAYED).expect("said"), "true");
        assert_eq!(*again.get_ref(), message);
        let broken = answer::<prost_types::Timestamp>(Answered::Replayed(vec![0xff]));
        assert_eq!(broken.expect_err("broken").code(), Code::Internal);
    }
}
