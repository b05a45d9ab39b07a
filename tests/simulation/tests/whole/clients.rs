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

    /// What somebody complained of first.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.heard().complaints.first().cloned()
    }

    /// The first call with the key was answered.
    pub(crate) fn led_to(&self, key: Option<&ReplyKey>, what: impl ToString) {
        self.add(key, |history| {
            history.led_to.insert(what.to_string());
        });
    }

    /// I6: one client key, one outcome.
    fn add(&self, key: Option<&ReplyKey>, what: impl FnOnce(&mut KeyHistory)) {
        let Some(key) = key else { return };
        let mut heard = self.heard();
        let history = heard.keys.entry((key.scope.clone(), key.key.clone())).or_default();
        what(history);
        if history.led_to.len() > 1 || history.replays.len() > 1 {
            let complaint = format!("I6: {key:?} has more than one outcome: {history:?}");
            heard.complaints.push(complaint);
        }
    }

    /// A call got the first answer again: a booking's identifier and its status, or a refusal.
    pub(crate) fn replayed(&self, key: Option<&ReplyKey>, body: Vec<u8>) {
        let text = String::from_utf8_lossy(&body).into_owned();
        self.led_to(key, text.split(' ').next().unwrap_or_default());
        self.add(key, |history| {
            history.replays.insert(body);
        });
    }

    pub(crate) fn keys(&self) -> BTreeMap<Key, KeyHistory> {
        self.heard().keys.clone()
    }
}
