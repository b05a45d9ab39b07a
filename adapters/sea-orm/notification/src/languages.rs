//! The languages of recipients that were looked up a moment ago: an organizer whose tickets sell is asked for with each
//! of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kernel::Locale;
use notification::Recipient;

use crate::recipient_row::key;

/// Whoever changes the language may get letters in the old one for as long.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// Past it all are forgotten.
const RECIPIENTS_MAX: usize = 1_024;

/// Languages that were found. That none was found is not kept: the first letter after it was learned is in it.
#[derive(Debug, Default)]
pub(crate) struct Languages(Mutex<HashMap<(String, String), (Instant, Locale)>>);

impl Languages {
    pub(crate) fn of(&self, recipient: &Recipient) -> Option<Locale> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (found_at, locale) = known.get(&key(recipient))?;
        (found_at.elapsed() < KNOWN_FOR).then_some(*locale)
    }

    /// Something else may have been learned.
    pub(crate) fn forget(&self, recipient: &Recipient) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(recipient));
    }

    pub(crate) fn found(&self, recipient: &Recipient, locale: Locale) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= RECIPIENTS_MAX {
            known.clear();
        }
        known.insert(key(recipient), (Instant::now(), locale));
    }
}
