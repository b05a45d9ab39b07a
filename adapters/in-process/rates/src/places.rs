//! How much of what lasts one caller has at once.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::{Fault, FaultClass};

type Held<K> = Arc<Mutex<HashMap<K, usize>>>;

/// So many places for each caller. Who has none is forgotten. Clones share them.
pub struct Places<K> {
    each_max: usize,
    held: Held<K>,
}

/// One of a caller's places, until it is dropped.
pub struct OwnPlace<K: Hash + Eq> {
    key: K,
    held: Held<K>,
}

/// The caller has all its places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many streams at once by you; end one, and try again when you are told to")]
pub struct TooManyAtOnce;

/// Nobody knows when the caller ends one: often enough to find out, and seldom enough to cost nothing.
const AFTER: Duration = Duration::from_secs(5);

impl<K: Hash + Eq + Clone> Places<K> {
    /// So many for each.
    #[must_use]
    pub fn new(each_max: usize) -> Self {
        Self { each_max, held: Held::default() }
    }

    /// A place for this caller; nobody waits for one.
    ///
    /// # Errors
    /// [`TooManyAtOnce`].
    pub fn enter(&self, key: K) -> Result<OwnPlace<K>, TooManyAtOnce> {
        let mut held = lock(&self.held);
        let of_theirs = held.get(&key).copied().unwrap_or_default();
        if of_theirs >= self.each_max {
            return Err(TooManyAtOnce);
        }
        held.insert(key.clone(), of_theirs + 1);
        drop(held);
        Ok(OwnPlace { key, held: Arc::clone(&self.held) })
    }
}

impl<K: Hash + Eq> Drop for OwnPlace<K> {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        if let Some(of_theirs) = held.get_mut(&self.key) {
            *of_theirs -= 1;
            if *of_theirs == 0 {
                held.remove(&self.key);
            }
        }
    }
}

fn lock<K>(held: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self { each_max: self.each_max, held: Arc::clone(&self.held) }
    }
}

impl<K> fmt::Debug for Places<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let callers = lock(&self.held).len();
        f.debug_struct("Places").field("callers", &callers).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq> fmt::Debug for OwnPlace<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnPlace").finish_non_exhaustive()
    }
}

impl Fault for TooManyAtOnce {
    fn class(&self) -> FaultClass {
        FaultClass::Exhausted
    }

    fn reason(&self) -> &'static str {
        "RATE_LIMITED"
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_many_and_gets_them_back() {
        let places = Places::new(2);
        let mut alices: Vec<_> = (0..2).map(|_| places.enter("alice").expect("room")).collect();
        let refused = places.clone().enter("alice").expect_err("she has all of hers");
        assert!(refused.retry_after().is_some());
        let bobs = places.enter("bob").expect("his own");
        alices.pop();
        alices.push(places.enter("alice").expect("one came back"));
        drop((alices, bobs));
        assert!(lock(&places.held).is_empty(), "nobody is remembered");
    }
}
