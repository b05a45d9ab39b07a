//! When a provider is left alone: a breaker, and how many calls it is sent at once (row N03, trap R33).
//!
//! A call of whose answer nothing is known has failed, and so has one that takes long, whatever it decides: buyers wait
//! for it. That a charge is declined is an answer like any other, and so is that its result comes later. What was refused
//! here has begun nothing, so it may be tried again with the same attempt.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kernel::{Fault, FaultClass, Timestamp};

use crate::limits::{
    BREAKER_CALLS_MIN, BREAKER_FAILED_PERCENT, BREAKER_PROBES, BREAKER_REST, BREAKER_WINDOW,
    RETRY_AFTER_MAX, SATURATED_RETRY,
};

/// How a provider is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardRules {
    /// Whether it is left alone when its calls fail.
    pub breaks: bool,
    /// The most charges under way at once.
    pub at_once_max: usize,
    /// A call that takes longer has failed.
    pub slow_after: Duration,
}

/// What the breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Every call.
    Closed,
    /// A few, to find out.
    HalfOpen,
    /// None.
    Open,
}

/// Why a charge was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderAway {
    /// Its calls fail, and it is left alone.
    #[error("the provider of payments does not answer as it should; it is asked again in a while")]
    Broken {
        /// When trying again may help.
        retry_after: Duration,
    },
    /// As many charges are under way as may be, by our own count or by the provider's.
    #[error("the provider of payments has as much to do as it may have")]
    Saturated {
        /// When trying again may help.
        retry_after: Duration,
    },
}

/// A call that was let through, as the breaker knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallNumber(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Calls before the first one say nothing of how it is now.
    Closed {
        first: CallNumber,
    },
    Open {
        since: Timestamp,
        rest: Duration,
    },
    /// Probes are the calls from the first one on.
    HalfOpen {
        first: CallNumber,
        sent: u32,
        good: u32,
    },
}

/// What ended in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Second {
    number: i64,
    ended: usize,
    failed: usize,
}

/// A breaker, as a function of the calls it has seen and of the time it is told.
#[derive(Debug, Clone)]
pub struct Breaker {
    rules: GuardRules,
    phase: Phase,
    next: CallNumber,
    /// Since when; nothing of one that has not been sent yet.
    under_way: BTreeMap<CallNumber, Option<Timestamp>>,
    window: VecDeque<Second>,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub const fn new(rules: GuardRules) -> Self {
        Self {
            rules,
            phase: Phase::Closed { first: CallNumber(0) },
            next: CallNumber(0),
            under_way: BTreeMap::new(),
            window: VecDeque::new(),
        }
    }

    /// What it lets through.
    #[must_use]
    pub const fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Asks to make a call. Whoever gets one MUST say how it ended.
    ///
    /// # Errors
    /// [`ProviderAway`]: nothing is to be sent.
    pub fn enter(&mut self, now: Timestamp) -> Result<CallNumber, ProviderAway> {
        if self.under_way.len() >= self.rules.at_once_max {
            return Err(ProviderAway::Saturated { retry_after: SATURATED_RETRY });
        }
        if matches!(self.phase, Phase::Closed { .. }) && self.is_failing(now) {
            self.open(now, BREAKER_REST);
        }
        if let Phase::Open { .. } = self.phase {
            let retry_after = self.rest_left(now);
            if !retry_after.is_zero() {
                return Err(ProviderAway::Broken { retry_after });
            }
            self.phase = Phase::HalfOpen { first: self.next, sent: 1, good: 0 };
            return Ok(self.begin());
        }
        if let Phase::HalfOpen { sent, .. } = &mut self.phase {
            if *sent >= BREAKER_PROBES {
                return Err(ProviderAway::Broken { retry_after: self.rules.slow_after });
            }
            *sent += 1;
        }
        Ok(self.begin())
    }

    /// The provider is called now: how long we took before says nothing of it.
    pub fn sent(&mut self, call: CallNumber, now: Timestamp) {
        if let Some(since) = self.under_way.get_mut(&call) {
            *since = Some(now);
        }
    }

    /// A call has ended, with something definite or not.
    pub fn ended(&mut self, call: CallNumber, definite: bool, now: Timestamp) {
        let Some(sent) = self.under_way.remove(&call) else { return };
        let is_slow = sent.is_some_and(|sent| now.since(sent) > self.rules.slow_after);
        let failed = !definite || is_slow;
        match &mut self.phase {
            Phase::Closed { first } if call < *first => {}
            Phase::Closed { .. } => {
                self.note(failed, now);
                if self.is_failing(now) {
                    self.open(now, BREAKER_REST);
                }
            }
            Phase::HalfOpen { first, good, .. } if call >= *first => {
                *good += u32::from(!failed);
                if failed {
                    self.open(now, BREAKER_REST);
                } else if *good >= BREAKER_PROBES {
                    self.phase = Phase::Closed { first: self.next };
                }
            }
            // What was sent before says nothing of how it is now.
            Phase::HalfOpen { .. } | Phase::Open { .. } => {}
        }
    }

    /// The provider had no room for a call. What it says of when to come again it says of now, whenever the call was sent.
    pub fn turned_away(&mut self, call: CallNumber, retry_after: Option<Duration>, now: Timestamp) {
        self.ended(call, false, now);
        let rest = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        // Nobody is sent there earlier for it than without it.
        if rest > self.rest_left(now) {
            self.open(now, rest);
        }
    }

    /// A call was not made after all.
    pub fn returned(&mut self, call: CallNumber) {
        self.under_way.remove(&call);
        if let Phase::HalfOpen { first, sent, .. } = &mut self.phase
            && call >= *first
        {
            *sent = sent.saturating_sub(1);
        }
    }

    /// How long it stays open.
    fn rest_left(&self, now: Timestamp) -> Duration {
        let Phase::Open { since, rest } = self.phase else { return Duration::ZERO };
        // A clock that was set back must not lengthen the rest.
        let rested = if now < since { rest } else { now.since(since) };
        rest.saturating_sub(rested)
    }

    fn begin(&mut self) -> CallNumber {
        let call = self.next;
        self.next = CallNumber(call.0.wrapping_add(1));
        self.under_way.insert(call, None);
        call
    }

    fn open(&mut self, now: Timestamp, rest: Duration) {
        if self.rules.breaks {
            self.phase = Phase::Open { since: now, rest };
        }
        self.window.clear();
    }

    fn note(&mut self, failed: bool, now: Timestamp) {
        let number = second(now);
        if self.window.back().is_none_or(|last| last.number != number) {
            self.window.push_back(Second { number, ended: 0, failed: 0 });
        }
        if let Some(last) = self.window.back_mut() {
            last.ended += 1;
            last.failed += usize::from(failed);
        }
    }

    /// Calls that are slow already count before they have ended.
    fn is_failing(&mut self, now: Timestamp) -> bool {
        let oldest = second(now).saturating_sub_unsigned(BREAKER_WINDOW.as_secs());
        // Whatever is not of the window goes, also what a clock that was set back has left in the future.
        self.window.retain(|each| each.number > oldest && each.number <= second(now));
        let first = if let Phase::Closed { first } = self.phase { first } else { self.next };
        let sent = self.under_way.range(first..).filter_map(|(_, sent)| *sent);
        let slow = sent.filter(|sent| now.since(*sent) > self.rules.slow_after).count();
        let ended: usize = self.window.iter().map(|each| each.ended).sum();
        let failed: usize = self.window.iter().map(|each| each.failed).sum();
        let (all, failed) = (ended + slow, failed + slow);
        all >= BREAKER_CALLS_MIN && failed * 100 >= all * BREAKER_FAILED_PERCENT
    }
}

const fn second(now: Timestamp) -> i64 {
    now.as_micros().div_euclid(1_000_000)
}

impl ProviderAway {
    /// The provider had no room, and this is what it says of when to come again.
    pub(crate) fn saturated(retry_after: Option<Duration>) -> Self {
        let retry_after = retry_after.unwrap_or(SATURATED_RETRY);
        Self::Saturated { retry_after: retry_after.clamp(SATURATED_RETRY, RETRY_AFTER_MAX) }
    }
}

impl Fault for ProviderAway {
    fn class(&self) -> FaultClass {
        FaultClass::Exhausted
    }

    fn reason(&self) -> &'static str {
        "PROVIDER_AWAY"
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Broken { retry_after } | Self::Saturated { retry_after } => Some(*retry_after),
        }
    }
}

#[cfg(test)]
mod tests;
