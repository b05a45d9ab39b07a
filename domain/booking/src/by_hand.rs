//! What an operator may have done to a booking by hand, and when it is refused.
//!
//! | the booking | retry | compensate |
//! | --- | --- | --- |
//! | has something to ask | its process goes on at once, as if nothing had been asked in vain | |
//! | is driven at the moment | refused: it goes on by itself | |
//! | waits for its buyer, or for nothing | refused | |
//! | PENDING, AWAITING_PAYMENT, CONFIRMED | | cancelled as by its buyer (`cancellation.rs`), at any time and without a fee |
//! | CANCELLING | | refused: it is under way, and only a retry can help |
//! | CANCELLED, REJECTED, EXPIRED | | refused: there is nothing to give back |

use std::time::Duration;

use kernel::Timestamp;

use crate::{
    Booking, BookingStatus, CancelReason, Fact, Happening, Process, Timer, Transition, Wake,
};

/// Why a booking's process cannot be had to go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRetried {
    /// There is nothing to ask.
    #[error("it is at rest: {0:?}")]
    AtRest(BookingStatus),
    /// Only its buyer can go on with it.
    #[error("it waits for its buyer, who may pay until {0}")]
    WaitsForBuyer(Timestamp),
    /// It is being gone on with.
    #[error("a server is at work on it just now, until {0} at the latest")]
    Driven(Timestamp),
}

/// Why a booking cannot be cancelled by an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCompensated {
    /// It has come to nothing, and keeps neither money nor stock.
    #[error("there is nothing to compensate: it is {0:?}")]
    NothingLeft(BookingStatus),
    /// It is being cancelled for sure.
    #[error("it is being cancelled already; to have that tried at once, retry it")]
    UnderWay,
}

impl Booking {
    /// The timer with which its process goes on at once, as if it had asked nothing in vain.
    ///
    /// # Errors
    /// [`NotRetried`]
    pub fn retry_timer(&self, process: &Process, now: Timestamp) -> Result<Timer, NotRetried> {
        let driven_until = process.lease_until.filter(|until| now < *until);
        if let Some(until) = driven_until {
            return Err(NotRetried::Driven(until));
        }
        if self.next_asks().is_empty() && self.overdue(now).is_none() {
            let at_rest = NotRetried::AtRest(self.status());
            return Err(self.pay_by().map_or(at_rest, NotRetried::WaitsForBuyer));
        }
        Ok(Timer { wake: Wake::After(Duration::ZERO), tries: 0, lease: None })
    }

    /// Cancels it for an operator: money and stock follow as they do for its buyer, but all of it and at any time.
    ///
    /// # Errors
    /// [`NotCompensated`], and nothing has changed.
    pub fn compensate(&mut self, now: Timestamp) -> Result<Option<Happening>, NotCompensated> {
        match self.on(&Fact::CancelRequested(CancelReason::OperatorCancelled), now) {
            Transition::Changed(told) => Ok(told),
            Transition::Ignored | Transition::GoOn | Transition::AskLater => {
                Err(match self.status() {
                    BookingStatus::Cancelling => NotCompensated::UnderWay,
                    status @ (BookingStatus::Pending
                    | BookingStatus::AwaitingPayment
                    | BookingStatus::Confirmed
                    | BookingStatus::Cancelled
                    | BookingStatus::Rejected
                    | BookingStatus::Expired) => NotCompensated::NothingLeft(status),
                })
            }
        }
    }
}
