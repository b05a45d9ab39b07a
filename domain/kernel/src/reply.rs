//! What a repeated idempotency key gets (api.md, "Idempotency").

use crate::{Fault, FaultClass, KeyedReply, ReplyKey};

/// The answer to a command that may carry an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered<T> {
    /// The command ran now.
    Fresh(T),
    /// The key was used before: the first answer, as the inbound adapter encoded it.
    Replayed(Vec<u8>),
}

/// The key cannot be used for this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// The key belongs to another request.
    #[error("this idempotency key was used with another request; use a new key")]
    Reused,
    /// The first call with the key has not ended.
    #[error("the first call with this idempotency key is still running; try again for its outcome")]
    InUse,
}

impl<T> Answered<T> {
    /// The same answer in another form.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Answered<U> {
        match self {
            Self::Fresh(answer) => Answered::Fresh(form(answer)),
            Self::Replayed(body) => Answered::Replayed(body),
        }
    }
}

/// Decides what a call with this key gets, given what is recorded of the key: the first answer,
/// or `None` when the command is to run.
///
/// # Errors
/// [`KeyRefused`] when the key is another request's, or its first call is still running.
pub fn judge_key(key: &ReplyKey, found: Option<KeyedReply>) -> Result<Option<Vec<u8>>, KeyRefused> {
    match found {
        None => Ok(None),
        Some(reply) if reply.fingerprint != key.fingerprint => Err(KeyRefused::Reused),
        Some(KeyedReply { body: Some(body), .. }) => Ok(Some(body)),
        Some(KeyedReply { body: None, .. }) => Err(KeyRefused::InUse),
    }
}

impl Fault for KeyRefused {
    fn class(&self) -> FaultClass {
        match self {
            Self::Reused => FaultClass::Invalid,
            Self::InUse => FaultClass::Contended,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Reused => "IDEMPOTENCY_KEY_REUSED",
            Self::InUse => "IDEMPOTENCY_KEY_IN_USE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i6_one_key_one_outcome() {
        let key = ReplyKey { scope: "s".into(), key: "k".into(), fingerprint: vec![1] };
        let found = |fingerprint: u8, body: Option<Vec<u8>>| {
            Some(KeyedReply { fingerprint: vec![fingerprint], resource_id: String::new(), body })
        };
        assert_eq!(judge_key(&key, None), Ok(None));
        assert_eq!(judge_key(&key, found(1, Some(vec![9]))), Ok(Some(vec![9])));
        assert_eq!(judge_key(&key, found(1, None)), Err(KeyRefused::InUse));
        assert_eq!(judge_key(&key, found(2, Some(vec![9]))), Err(KeyRefused::Reused));
    }
}
