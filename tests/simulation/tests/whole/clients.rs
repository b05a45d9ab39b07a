//! What clients were answered, and what should never have happened and was seen at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use kernel::{Fault, ReplyKey};

use crate::world::is_bug;

/// What one key led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyHistory {
    /// A booking, or a refusal that is kept: one of them at most, if all is well.
    pub(crate) led_to: BTreeSet<String>,
    /// The answers that were given again.
    pub(crate) replays: BTreeSet<Vec<u8>>,
}

#[derive(Default)]
struct Heard {
    keys: BTreeMap<Key, KeyHistory>,
    complaints: Vec<String>,
}

/// Scope and key, whatever request it came with.
pub(crate) type Key = (String, String);

/// All clients together.
#[derive(Default)]
pub(crate) struct Clients(Mutex<Heard>);

impl Clients {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap()
    }

    /// Something that is wrong whatever else happens.
    pub(crate) fn complain(&self, what: String) {
        self.heard().complaints.push(what);
    }

    /// An error that only our own mistake can lead to.
    pub(crate) fn judge(&self, doing: &str, error: &(impl Fault + ?Sized)) {
        if is_bug(error) {
            self.complain(format!("{doing}: {error}"));
        }
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.heard().complaints.clone()
    }

    /// The first call with the key was answered.
    pub(crate) fn led_to(&self, key: Option<&ReplyKey>, what: impl ToString) {
        let Some(key) = key else { return };
        let key = (key.scope.clone(), key.key.clone());
        self.heard().keys.entry(key).or_default().led_to.insert(what.to_string());
    }

    /// A call got the first answer again: a booking's identifier and its status, or a refusal.
    pub(crate) fn replayed(&self, key: Option<&ReplyKey>, body: Vec<u8>) {
        let text = String::from_utf8_lossy(&body).into_owned();
        self.led_to(key, text.split(' ').next().unwrap_or_default());
        let Some(key) = key else { return };
        let key = (key.scope.clone(), key.key.clone());
        self.heard().keys.entry(key).or_default().replays.insert(body);
    }

    pub(crate) fn keys(&self) -> BTreeMap<Key, KeyHistory> {
        self.heard().keys.clone()
    }
}
