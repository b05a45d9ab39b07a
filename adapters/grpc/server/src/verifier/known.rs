//! Tokens that were verified before. A signature costs more than all else that the shell does for a call, and most
//! callers come more than once: our own servers with each call, buyers with each page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::get_current_timestamp;

use super::{Bearer, Keys};

/// Some megabytes. Past it all are forgotten, which costs each of them another look at its signature.
const TOKENS_MAX: usize = 4_096;

/// What good tokens said, for as long as they are good.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Box<str>, Verified>>);

/// What a good token said.
struct Verified {
    bearer: Bearer,
    /// The keys that were its issuer's then.
    keys: Arc<Keys>,
}

impl Known {
    /// The bearer of a token that was verified before, has not expired since, and whose issuer still has the keys it
    /// was verified with.
    pub(super) fn bearer(
        &self,
        token: &str,
        are_present: impl Fn(&Arc<Keys>) -> bool,
    ) -> Option<Bearer> {
        let tokens = self.tokens();
        let known = tokens.get(token)?;
        let is_good = known.bearer.until > get_current_timestamp();
        (is_good && are_present(&known.keys)).then(|| known.bearer.clone())
    }

    /// Keeps what a token said that was verified now.
    pub(super) fn remember(&self, token: &str, bearer: Bearer, keys: Arc<Keys>) {
        let mut tokens = self.tokens();
        if tokens.len() >= TOKENS_MAX {
            tokens.clear();
        }
        tokens.insert(token.into(), Verified { bearer, keys });
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<Box<str>, Verified>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Caller;

    use super::*;

    fn alice(until: u64) -> Bearer {
        let caller = Caller { subject: Some("alice".to_owned()), ..Caller::default() };
        Bearer { caller, until }
    }

    #[test]
    fn a_token_is_known_until_it_expires_or_its_keys_are_replaced() {
        let (known, keys, now) =
            (Known::default(), Arc::<Keys>::default(), get_current_timestamp());
        known.remember("good", alice(now + 60), Arc::clone(&keys));
        known.remember("expired", alice(now), Arc::clone(&keys));
        let present = |present: &Arc<Keys>| Arc::ptr_eq(present, &keys);
        assert_eq!(known.bearer("good", present), Some(alice(now + 60)));
        assert_eq!(known.bearer("expired", present), None);
        assert_eq!(known.bearer("other", present), None);
        assert_eq!(known.bearer("good", |_| false), None, "its keys are not its issuer's any more");
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let (known, keys, now) =
            (Known::default(), Arc::<Keys>::default(), get_current_timestamp());
        for number in 0..=TOKENS_MAX {
            known.remember(&number.to_string(), alice(now + 60), Arc::clone(&keys));
        }
        assert!(known.tokens().len() <= TOKENS_MAX);
        assert!(known.bearer(&TOKENS_MAX.to_string(), |_| true).is_some(), "the last one is");
    }
}
