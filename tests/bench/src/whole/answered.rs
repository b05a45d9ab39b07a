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
    /// Booked and paid, so long before the answer came.
    Confirmed { booking: String, version: i64, age: Duration },
    /// Booked, and to be paid later.
    PayLater,
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
            Answer::PayLater | Answer::SoldOut | Answer::Shed | Answer::Unclear => None,
        })
    }

    pub(crate) fn count(&self, answer: &Answer) -> usize {
        self.0.iter().filter(|call| call.answer == *answer).count()
    }

    /// Of buyers who each wait for their answer: those that were confirmed within the window, whenever they began.
    pub(crate) fn measured(&self, window: Window, used: &Used) -> Measurement {
        let (waits, failed) = waits(self.0.iter().filter(|call| window.holds(call.answered)));
        Measurement::of(waits, failed, window.time(), used)
    }

    /// The same with those that are to be paid later.
    pub(crate) fn booked(&self, window: Window, used: &Used) -> Measurement {
        let in_time = self.0.iter().filter(|call| window.holds(call.answered));
        let (booked, others): (Vec<_>, Vec<_>) =
            in_time.partition(|call| call.is_confirmed() || call.answer == Answer::PayLater);
        let waits = booked.into_iter().map(Call::took).collect();
        Measurement::of(waits, others.len(), window.time(), used)
    }

    /// Of buyers who come whether others are answered or not: the rate is of what was confirmed within the window, the
    /// waits are of the wishes that were due in it, however late: who waits longest is not left out.
    pub(crate) fn offered(&self, window: Window, used: &Used) -> Measurement {
        let in_time = |call: &&Call| call.is_confirmed() && window.holds(call.answered);
        let answered = self.0.iter().filter(in_time).count();
        let (waits, failed) = waits(self.0.iter().filter(|call| window.holds(call.due)));
        Measurement::offered(waits, answered, failed, window.time(), used)
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

/// How long those took that were confirmed, and how many were not.
fn waits<'a>(calls: impl Iterator<Item = &'a Call>) -> (Vec<Duration>, usize) {
    let (confirmed, others): (Vec<_>, Vec<_>) = calls.partition(|call| call.is_confirmed());
    (confirmed.into_iter().map(Call::took).collect(), others.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Confirmed, from one second to another of a window from 10 to 20.
    fn calls(from_to: &[(u64, u64)]) -> (Calls, Window) {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let answer = Answer::Confirmed { booking: String::new(), version: 1, age: Duration::ZERO };
        let call = |(from, to): &(u64, u64)| Call {
            due: at(*from),
            answered: at(*to),
            answer: answer.clone(),
        };
        (Calls(from_to.iter().map(call).collect()), Window { from: at(10), until: at(20) })
    }

    #[test]
    fn answers_count_by_when_they_come() {
        let (calls, window) = calls(&[(2, 9), (8, 11), (12, 14), (19, 21), (9, 20)]);
        let found = calls.measured(window, &Used::default());
        assert_eq!((found.per_second, found.p50_ms, found.p99_ms), (0.2, 2_000.0, 3_000.0));
    }

    #[test]
    fn of_those_who_come_by_chance_nobody_who_was_due_is_left_out() {
        let (calls, window) = calls(&[(8, 11), (12, 14), (19, 59)]);
        let found = calls.offered(window, &Used::default());
        assert_eq!((found.per_second, found.p50_ms, found.p99_ms), (0.2, 2_000.0, 40_000.0));
    }

    #[test]
    fn who_is_not_confirmed_has_no_wait() {
        let (mut calls, window) = calls(&[(12, 14), (12, 15)]);
        calls.0.iter_mut().for_each(|call| call.answer = Answer::Shed);
        let found = calls.measured(window, &Used::default());
        assert!(found.p99_ms.is_nan() && found.per_second.is_nan());
        assert_eq!(found.failed, 2);
    }
}
