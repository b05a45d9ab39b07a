//! The breaker of this process, shared by all who call the provider.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::Timestamp;

use crate::{Breaker, BreakerState, CallNumber, GuardRules, ProviderAway};

/// What keeps calls from a provider that does not answer. One for each process: what it has seen itself is what it knows.
#[derive(Debug)]
pub struct Guard(Mutex<Guarded>);

#[derive(Debug)]
struct Guarded {
    breaker: Breaker,
    refused: Refused,
}

/// Charges that were not sent, or found no room, since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// For the breaker was open.
    pub broken: u64,
    /// For as many were under way as may be, by our own count or by the provider's.
    pub saturated: u64,
}

/// One call that may be made. Dropped without a word it has failed: whoever made it is gone.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    guard: &'a Guard,
    call: Option<CallNumber>,
    begun: Timestamp,
}

impl Guard {
    /// By these rules.
    #[must_use]
    pub fn new(rules: GuardRules) -> Self {
        let breaker = Breaker::new(rules);
        Self(Mutex::new(Guarded { breaker, refused: Refused::default() }))
    }

    /// What the breaker lets through.
    pub fn state(&self) -> BreakerState {
        self.guarded().breaker.state()
    }

    /// What was not sent.
    pub fn refused(&self) -> Refused {
        self.guarded().refused
    }

    pub(crate) fn enter(&self, now: Timestamp) -> Result<Pass<'_>, ProviderAway> {
        let mut guarded = self.guarded();
        let entered = guarded.breaker.enter(now);
        match entered {
            Ok(_) => {}
            Err(ProviderAway::Broken { .. }) => guarded.refused.broken += 1,
            Err(ProviderAway::Saturated { .. }) => guarded.refused.saturated += 1,
        }
        entered.map(|call| Pass { guard: self, call: Some(call), begun: now })
    }

    fn guarded(&self) -> MutexGuard<'_, Guarded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The provider is called now.
    pub(crate) fn sent(&self, now: Timestamp) {
        if let Some(call) = self.call {
            self.guard.guarded().breaker.sent(call, now);
        }
    }

    /// The provider has answered, or nothing definite came.
    pub(crate) fn ended(mut self, definite: bool, now: Timestamp) {
        if let Some(call) = self.call.take() {
            self.guard.guarded().breaker.ended(call, definite, now);
        }
    }

    /// The provider had no room.
    pub(crate) fn turned_away(mut self, retry_after: Option<Duration>, now: Timestamp) {
        if let Some(call) = self.call.take() {
            let mut guarded = self.guard.guarded();
            guarded.breaker.turned_away(call, retry_after, now);
            guarded.refused.saturated += 1;
        }
    }

    /// The provider was not called.
    pub(crate) fn returned(mut self) {
        if let Some(call) = self.call.take() {
            self.guard.guarded().breaker.returned(call);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.guard.guarded().breaker.ended(call, false, self.begun);
        }
    }
}
