//! Until when a booking of a ticket may be cancelled, and what of its price is kept: free until, fee after, not after.
//!
//! The bounds count back from the start: that of the event, or midnight of the first night at the place. The booking
//! context makes instants of them when a booking is placed, and those are the booking's own from then on.

use std::time::Duration;

use kernel::{Percent, Violation};

use crate::CANCEL_BEFORE_MAX;
use crate::ticket::TicketKind;

/// What an organizer says about cancelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelPolicy {
    /// So long before the start it is free until; never free if `None`.
    pub free_before: Option<Duration>,
    /// What of the price is kept after that.
    pub fee_percent: Percent,
    /// So long before the start it is possible until; always if `None`.
    pub closed_before: Option<Duration>,
}

const FREE_BEFORE: &str = "cancel_policy.free_before";
const CLOSED_BEFORE: &str = "cancel_policy.closed_before";

impl CancelPolicy {
    pub(crate) fn check(&self, found: &mut Vec<Violation>) {
        for (field, _) in self.bounds().into_iter().filter(|(_, at)| *at > CANCEL_BEFORE_MAX) {
            found.push(Violation::new(field, "must be at most 366 days"));
        }
        if matches!((self.free_before, self.closed_before), (Some(free), Some(closed)) if closed > free)
        {
            found.push(Violation::new(CLOSED_BEFORE, "must not be more than free_before"));
        }
    }

    /// A bound counts back from something: a night has a beginning, an event only where it is said.
    pub(crate) fn check_start(
        &self,
        kind: TicketKind,
        has_start: bool,
        found: &mut Vec<Violation>,
    ) {
        if kind == TicketKind::Nightly || has_start {
            return;
        }
        for (field, _) in self.bounds() {
            found.push(Violation::new(field, "needs a start_time"));
        }
    }

    fn bounds(&self) -> Vec<(&'static str, Duration)> {
        let bounds = [(FREE_BEFORE, self.free_before), (CLOSED_BEFORE, self.closed_before)];
        bounds.into_iter().filter_map(|(field, bound)| Some((field, bound?))).collect()
    }
}
