//! The words in which the processes speak: what a booking asks of others, the facts it hears, and
//! what a fact leads to. The tables stand in `checkout.rs`, `cancellation.rs` and `reduction.rs`.

use std::time::Duration;

use kernel::{Money, PaymentId, Timestamp};

use crate::limits::EVENTS_FIRST;
use crate::{
    Booked, Booking, CancelReason, Happening, Hold, Refusal, Release, Sale, State, cancellation,
    checkout, reduction,
};

/// What a booking asks of the ticket or the payment context. Each is idempotent by the booking's id,
/// and a charge by its attempt too (reliability.md 7.5, R2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Find out whether stock could be set aside, and what for; none is.
    CheckStock,
    /// Set stock aside, pinned.
    HoldStock,
    /// Keep the hold from expiring.
    PinHold,
    /// Let it expire again.
    UnpinHold,
    /// Take the money.
    Charge,
    /// Sell the hold.
    CommitHold,
    /// Give the unsold hold up.
    ReleaseHold,
    /// Take the stock back, sold or not.
    ReturnStock,
    /// Void or refund, all but the fee.
    RefundPayment,
    /// Take a part of the stock back.
    ReduceHold,
    /// Refund a part.
    ReducePayment,
}

/// What a booking hears: an answer to an ask, an event, a wish, or the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Stock is set aside, or where it was only checked could be.
    Held {
        /// What it is: the seats that were chosen, where the buyer named none. `None` where the answer does not say.
        booked: Option<Booked>,
        /// What it costs.
        total: Money,
        /// Until when it would be kept unpinned.
        expires_at: Timestamp,
    },
    /// No stock was set aside, or where it was only checked could be.
    HoldRefused {
        /// Why.
        refusal: Refusal,
        /// What it would cost, where that is why.
        total: Option<Money>,
    },
    /// The hold of this booking was given up before it was taken, or since.
    HoldClosed,
    /// The hold does not expire.
    Pinned {
        /// Until when it would be kept unpinned.
        expires_at: Timestamp,
    },
    /// The hold has expired and its stock is gone.
    PinRefused,
    /// The hold may expire.
    Unpinned,
    /// The hold is sold.
    HoldCommitted,
    /// The hold cannot be sold.
    CommitRefused(CommitDenied),
    /// The hold is given up.
    HoldReleased,
    /// The ticket context let the hold expire.
    HoldExpired,
    /// The stock is back, or never was taken and cannot be any more.
    StockReturned,
    /// The hold has no more than what is left of the booking.
    HoldReduced,
    /// The money was taken.
    Charged {
        /// Which attempt.
        attempt: u32,
        /// As this payment.
        payment_id: PaymentId,
    },
    /// The attempt took no money and never will.
    Declined {
        /// Which attempt.
        attempt: u32,
        /// As this payment.
        payment_id: PaymentId,
    },
    /// The charge has provably begun nothing: it was not sent, or the provider had no room for it.
    ChargeNotTried,
    /// Whether the attempt took money is not known.
    ChargeUnknown {
        /// As this payment, if that much is known.
        payment_id: Option<PaymentId>,
    },
    /// The charge was refused, because the booking was voided or refunded before.
    ChargeVoided,
    /// Nothing was taken and nothing can be taken any more.
    PaymentVoided,
    /// How far giving the money back has come.
    Refund {
        /// What is back so far.
        refunded: Money,
        /// All that goes back is back, and nothing can be taken any more.
        settled: bool,
    },
    /// The provider refused the refund too often.
    RefundFailed,
    /// Whoever was asked did not answer.
    Unanswered,
    /// The buyer pays again.
    PaySubmitted {
        /// With this.
        payment_method: String,
    },
    /// The time to pay is over.
    PayByPassed,
    /// The booking is to be cancelled.
    CancelRequested(CancelReason),
}

/// Why a hold cannot be sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommitDenied {
    /// The ticket was deleted.
    Retiring,
    /// The hold was given up, or has expired and its stock is gone.
    Gone,
}

/// What a fact led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Transition {
    /// Nothing: it is a repeat, or came too late to matter.
    Ignored,
    /// The booking has moved, and what it asks next is harmless to repeat: nothing need be written yet.
    GoOn,
    /// The booking has moved and must be written before anything else is asked (rule R1).
    Changed(Option<Happening>),
    /// The ask decided nothing and is to be made again later.
    AskLater,
}

/// When a booking's process is to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// It waits for nothing.
    Never,
    /// So much later, by the store's own time.
    After(Duration),
    /// At a moment the ticket context named.
    At(Timestamp),
}

impl Booking {
    /// What to ask now. It follows from the state alone, so resuming a booking is loading it.
    /// Several asks do not wait for one another.
    #[must_use]
    pub fn next_asks(&self) -> Vec<Ask> {
        match self.state {
            State::Cancelling { money, stock, .. } => cancellation::next_asks(money, stock),
            State::Confirmed { sale: Sale::Committed, .. } => {
                self.reduction.map(|part| part.next_asks()).unwrap_or_default()
            }
            State::Pending { .. }
            | State::AwaitingPayment { .. }
            | State::Confirmed { sale: Sale::CommitDue, .. }
            | State::Rejected { .. }
            | State::Expired { .. } => checkout::next_ask(&self.state).into_iter().collect(),
            State::Cancelled { .. } => Vec::new(),
        }
    }

    /// What the time itself says.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Option<Fact> {
        self.pay_by().filter(|pay_by| *pay_by <= now).map(|_| Fact::PayByPassed)
    }

    /// Takes a fact. Late and repeated ones change nothing.
    pub fn on(&mut self, fact: &Fact, now: Timestamp) -> Transition {
        let transition = match self.state {
            State::Cancelling { .. } | State::Cancelled { .. } => cancellation::on(self, fact),
            State::Pending { .. }
            | State::AwaitingPayment { .. }
            | State::Confirmed { .. }
            | State::Rejected { .. }
            | State::Expired { .. } => {
                reduction::on(self, fact).unwrap_or_else(|| checkout::on(self, fact, now))
            }
        };
        match transition {
            Transition::Changed(_) => self.updated_at = now,
            Transition::Ignored | Transition::GoOn | Transition::AskLater => {}
        }
        transition
    }

    /// When to look at it again, having just come into this state.
    #[must_use]
    pub const fn first_wake(&self) -> Wake {
        match self.state {
            State::Confirmed { sale: Sale::Committed, .. } if self.reduction.is_some() => {
                Wake::After(Duration::ZERO)
            }
            State::Pending { .. }
            | State::AwaitingPayment { hold: Hold::UnpinDue, .. }
            | State::Confirmed { sale: Sale::CommitDue, .. }
            | State::Rejected { stock: Release::Due, .. }
            | State::Expired { stock: Release::Due, .. } => Wake::After(Duration::ZERO),
            State::AwaitingPayment { hold: Hold::Unpinned | Hold::NotTaken, pay_by, .. } => {
                Wake::At(pay_by)
            }
            State::Cancelling { .. } => Wake::After(EVENTS_FIRST),
            State::Confirmed { sale: Sale::Committed, .. }
            | State::Rejected { stock: Release::Done, .. }
            | State::Expired { stock: Release::Done, .. }
            | State::Cancelled { .. } => Wake::Never,
        }
    }
}
