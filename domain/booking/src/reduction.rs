//! Cancelling a part of a confirmed booking: the table. Only units that are all alike have parts.
//!
//! The booking stays CONFIRMED, with fewer units from the commit on that begins it and tells `BookingReduced`; the money
//! and the stock of the others follow. Both are asked for by what stays, not by what goes, so whoever is asked again, or
//! late, has nothing left to do. There is one reduction at a time.
//!
//! | money | ask | fact | next money |
//! | --- | --- | --- | --- |
//! | WAITING | `ReducePayment` | given back in all what is due | SETTLED |
//! | | | refund refused too often | STUCK: an operator looks |
//! | | | less than that, no answer | WAITING, asked later |
//! | STUCK | `ReducePayment` | given back in all what is due | SETTLED |
//!
//! | stock | ask | fact | next stock |
//! | --- | --- | --- | --- |
//! | WAITING | `ReduceHold`, once the hold is sold | reduced | RETURNED |
//! | | | no answer | WAITING, asked later |
//!
//! SETTLED and RETURNED: it is over. What cancels all of the booking meanwhile takes its place (`cancellation.rs`): what
//! it has not given back goes with the rest.

use kernel::{Invalid, Money, Quantity, Timestamp, Violation};

use crate::cancellation::take_refunded;
use crate::limits::EVENTS_MAX;
use crate::{
    Ask, Booked, Booking, BookingStatus, Fact, Happening, MoneyBack, State, StockBack, Transition,
};

/// A part of a confirmed booking on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reduction {
    /// What is to have been given back of the booking in all when it is over.
    pub refund_due: Money,
    /// How far giving the money back has come.
    pub money: MoneyBack,
    /// How far giving the stock back has come.
    pub stock: StockBack,
}

/// Why no part of a booking is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReduced {
    /// It has no such part.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It is not paid, or not any more.
    #[error("only of a confirmed booking a part can be cancelled; this one is {0:?}")]
    NotConfirmed(BookingStatus),
    /// By the terms that it was made under it is too late.
    #[error("it could be cancelled until {0}")]
    TooLate(Timestamp),
    /// Another part of it is on its way back.
    #[error("a part of it is being cancelled; try again")]
    UnderWay,
}

impl Booking {
    /// Cancels so many of its units for its buyer, each at its share of what the booking costs still, and by its terms.
    ///
    /// # Errors
    /// [`NotReduced`], and nothing has changed.
    pub fn reduce(&mut self, by: Quantity, now: Timestamp) -> Result<Happening, NotReduced> {
        let stays = self.stays_without(by)?;
        let State::Confirmed { .. } = self.state else {
            return Err(NotReduced::NotConfirmed(self.status()));
        };
        if self.reduction.is_some() {
            return Err(NotReduced::UnderWay);
        }
        if self.event_version >= EVENTS_MAX {
            return Err(wrong(
                "changed too often for another part; all that is left can be cancelled",
            )
            .into());
        }
        let price = share(self.left(), by, self.booked.quantity());
        let fee = self.cancel_terms.fee(price, now).map_err(NotReduced::TooLate)?;
        let due = self.refunded.minor() + price.minor() - fee.minor();
        let refund_due = Money::from_minor(due, self.total.currency());
        let all_back = refund_due == self.refunded;
        self.booked = Booked::Units(stays);
        self.keep(fee);
        self.reduction = Some(Reduction {
            refund_due,
            money: if all_back { MoneyBack::Settled } else { MoneyBack::Waiting },
            stock: StockBack::Waiting,
        });
        self.updated_at = now;
        Ok(Happening::Reduced)
    }

    /// What of its price is neither given back nor to be for a part.
    #[must_use]
    pub fn stays_paid(&self) -> Money {
        let due = self.reduction.map_or(0, |part| part.refund_due.minor());
        let back = self.refunded.minor().max(due);
        Money::from_minor(self.total.minor().saturating_sub(back).max(0), self.total.currency())
    }

    /// The same but for what is kept of what was cancelled.
    #[must_use]
    pub fn left(&self) -> Money {
        let left = self.stays_paid().minor().saturating_sub(self.cancel_fee.minor()).max(0);
        Money::from_minor(left, self.total.currency())
    }

    /// Keeps a fee beside those of parts before.
    pub(crate) fn keep(&mut self, fee: Money) {
        self.cancel_fee = Money::from_minor(self.cancel_fee.minor() + fee.minor(), fee.currency());
    }

    fn stays_without(&self, by: Quantity) -> Result<Quantity, Invalid> {
        let Booked::Units(all) = self.booked else {
            return Err(wrong("seats and nights are cancelled all together"));
        };
        let stays = Quantity::new(i64::from(all.get()) - i64::from(by.get()));
        stays.map_err(|_| wrong(&format!("must be at most the {all} of this booking")))
    }
}

fn wrong(description: &str) -> Invalid {
    Invalid(vec![Violation::new("quantity", description)])
}

/// The price of so many of all units, which cost the same each: rounded down where they do not.
fn share(price: Money, of: Quantity, all: Quantity) -> Money {
    let each = price.minor() / i64::from(all.get());
    Money::from_minor(each * i64::from(of.get()), price.currency())
}

impl Reduction {
    pub(crate) fn next_asks(&self) -> Vec<Ask> {
        let money = match self.money {
            MoneyBack::Waiting | MoneyBack::Stuck => Some(Ask::ReducePayment),
            MoneyBack::NotTaken | MoneyBack::Settled => None,
        };
        let stock = match self.stock {
            StockBack::Waiting => Some(Ask::ReduceHold),
            StockBack::Returned => None,
        };
        money.into_iter().chain(stock).collect()
    }

    fn is_over(&self) -> bool {
        self.next_asks().is_empty()
    }
}

/// Takes a fact about it; `None` where the fact is about something else, or nothing is under way.
pub(crate) fn on(booking: &mut Booking, fact: &Fact) -> Option<Transition> {
    let State::Confirmed { .. } = booking.state else { return None };
    let before = booking.reduction?;
    let (mut after, refunded_before) = (before, booking.refunded);
    if let Fact::Refund { refunded, .. } = fact {
        take_refunded(booking, *refunded);
        if booking.refunded.minor() >= after.refund_due.minor() {
            after.money = MoneyBack::Settled;
        }
    } else if matches!(fact, Fact::RefundFailed) {
        if after.money == MoneyBack::Waiting {
            after.money = MoneyBack::Stuck;
        }
    } else if matches!(fact, Fact::HoldReduced) {
        after.stock = StockBack::Returned;
    } else {
        return None;
    }
    booking.reduction = Some(after).filter(|after| !after.is_over());
    Some(if after != before || booking.refunded != refunded_before {
        Transition::Changed(None)
    } else if matches!(fact, Fact::HoldReduced) {
        Transition::Ignored
    } else {
        Transition::AskLater
    })
}
