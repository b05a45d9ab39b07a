//! What buyers were answered, and when.

use std::time::Duration;

use tokio::time::Instant;

use crate::measurement::Measurement;
use crate::processor::Used;

/// The span of time that is measured, after a warm-up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

/// How a buyer's wish was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Booked and paid.
    Confirmed { booking: String, version: i64 },
    /// There is nothing left.
    SoldOut,
    /// Refused because the server has enough to do.
    Shed,
    /// No definite answer: not in time, or from nobody.
    Unclear,
}

/// One wish.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// When it was to be sent, whether its sender was in time or not.
    pub(crate) due: Instant,
    pub(crate) answered: Instant,
    pub(crate) answer: Answer,
}

/// All wishes of a load.
#[derive(Debug, Default)]
pub(crate) struct Calls(pub(crate) Vec<Call>);

impl Window {
    /// It begins after this warm-up.
    pub(crate) fn after(warm_up: Duration, time: Duration) -> Self {
        let from = Instant::now() + warm_up;
        Self { from, until: from + time }
    }

    pub(crate) fn time(self) -> Duration {
        self.until.saturating_duration_since(self.from)
    }

    pub(crate) fn holds(self, moment: Instant) -> bool {
        self.from <= moment && moment < self.until
    }
}

impl Call {
    pub(crate) fn took(&self) -> Duration {
        self.answered.saturating_duration_since(self.due)
    }

    pub(crate) const fn is_confirmed(&self) -> bool {
        matches!(self.answer, Answer::Confirmed { .. })
    }
}

impl Calls {
    /// The ids of the bookings that were told to be confirmed.
    pub(crate) fn bookings(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|call| match &call.answer {
            Answer::Confirmed { booking, .. } => Some(booking.as_str()),
            Answer::SoldOut | Answer::Shed | Answer::Unclear => None,
        })
    }

    pub(crate) fn count(&self, answer: &Answer) -> usize {
        self.0.iter().filter(|call| call.answer == *answer).count()
    }

    /// Those that were confirmed, however late, of the wishes that were due within the window.
    pub(crate) fn measured(&self, window: Window, used: &Used) -> Measurement {
        let due = self.0.iter().filter(|call| window.holds(call.due));
        let (confirmed, others): (Vec<_>, Vec<_>) = due.partition(|call| call.is_confirmed());
        let waits = confirmed.iter().map(|call| call.took()).collect();
        Measurement::of(waits, others.len(), window.time(), used)
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

/// The wait that so many in a hundred do not exceed, in milliseconds; 0 of none.
pub(crate) fn percentile_ms(waits: impl Iterator<Item = Duration>, percent: usize) -> f64 {
    let mut waits: Vec<_> = waits.collect();
    waits.sort_unstable();
    let place = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
    waits.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
}
