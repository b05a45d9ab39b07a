//! Giving a booking's money and stock back: the table. The two go independently; CANCELLED is only when
//! both are done, and neither step has a final failure: it is asked again for ever (reliability.md 7.5).
//!
//! Entering CANCELLING tells `BookingCancellationRequested`: payment and ticket hear it and tell what
//! they did. The asks below go out only if that takes longer than 5 seconds.
//!
//! | money | ask | fact | next money |
//! | --- | --- | --- | --- |
//! | NOT_TAKEN | - | charged after all | WAITING |
//! | WAITING | `RefundPayment` | refund settled, or voided | SETTLED |
//! | | | refund refused too often | STUCK: an operator looks |
//! | | | not settled yet, no answer | WAITING, asked later |
//! | STUCK | `RefundPayment` | refund settled, or voided | SETTLED |
//! | SETTLED | - | - | |
//!
//! | stock | ask | fact | next stock |
//! | --- | --- | --- | --- |
//! | WAITING | `ReturnStock` | stock returned (also for a tombstone) | RETURNED |
//! | | | no answer | WAITING, asked later |
//! | RETURNED | - | - | |
//!
//! NOT_TAKEN or SETTLED, with RETURNED: CANCELLED, tells `BookingCancelled`.
//!
//! What is kept, the fee, is decided before it begins and told with it; of a booking that was not confirmed, or that
//! somebody else than its buyer cancels, it is nothing, and what was kept of parts before goes back as well. What went
//! back is what the payment context says.

use kernel::Money;

use crate::{Ask, Booking, CancelReason, Fact, Happening, MoneyBack, State, StockBack, Transition};

/// Starts it. From PENDING and CONFIRMED money may have been taken (rule R5).
pub(crate) fn begin(booking: &mut Booking, reason: CancelReason, money: MoneyBack) -> Transition {
    booking.payment_method.clear();
    booking.reduction = None;
    if reason != CancelReason::BuyerCancelled {
        booking.cancel_fee = Money::zero(booking.total.currency());
    }
    booking.state = State::Cancelling { reason, money, stock: StockBack::Waiting };
    Transition::Changed(Some(Happening::CancellationRequested))
}

pub(crate) fn next_asks(money: MoneyBack, stock: StockBack) -> Vec<Ask> {
    let refund = match money {
        MoneyBack::Waiting | MoneyBack::Stuck => Some(Ask::RefundPayment),
        MoneyBack::NotTaken | MoneyBack::Settled => None,
    };
    let back = match stock {
        StockBack::Waiting => Some(Ask::ReturnStock),
        StockBack::Returned => None,
    };
    refund.into_iter().chain(back).collect()
}

pub(crate) fn on(booking: &mut Booking, fact: &Fact) -> Transition {
    let refunded_before = booking.refunded;
    if let Fact::Refund { refunded, .. } = fact {
        take_refunded(booking, *refunded);
    }
    let more_refunded = booking.refunded != refunded_before;
    let State::Cancelling { reason, money, stock } = booking.state else {
        return if more_refunded { Transition::Changed(None) } else { Transition::Ignored };
    };
    let (next_money, next_stock) = (money_after(money, fact), stock_after(stock, fact));
    booking.state = State::Cancelling { reason, money: next_money, stock: next_stock };
    match (next_money, next_stock) {
        (MoneyBack::NotTaken | MoneyBack::Settled, StockBack::Returned) => {
            booking.state = State::Cancelled { reason };
            Transition::Changed(Some(Happening::Cancelled))
        }
        _ if (money, stock) != (next_money, next_stock) || more_refunded => {
            Transition::Changed(None)
        }
        _ if decides_nothing(fact) => Transition::AskLater,
        _ => Transition::Ignored,
    }
}

fn money_after(money: MoneyBack, fact: &Fact) -> MoneyBack {
    let done = matches!(fact, Fact::PaymentVoided | Fact::Refund { settled: true, .. });
    match money {
        MoneyBack::NotTaken if matches!(fact, Fact::Charged { .. }) => MoneyBack::Waiting,
        MoneyBack::Waiting | MoneyBack::Stuck if done => MoneyBack::Settled,
        MoneyBack::Waiting if matches!(fact, Fact::RefundFailed) => MoneyBack::Stuck,
        MoneyBack::NotTaken | MoneyBack::Waiting | MoneyBack::Stuck | MoneyBack::Settled => money,
    }
}

fn stock_after(stock: StockBack, fact: &Fact) -> StockBack {
    if matches!(fact, Fact::StockReturned) { StockBack::Returned } else { stock }
}

fn decides_nothing(fact: &Fact) -> bool {
    matches!(fact, Fact::Unanswered | Fact::RefundFailed | Fact::Refund { settled: false, .. })
}

/// What the payment context says is back.
pub(crate) fn take_refunded(booking: &mut Booking, refunded: Money) {
    booking.refunded = larger(booking.refunded, refunded);
    // One that was cancelled before it heard what its hold costs hears from the refund what was charged.
    booking.total = larger(booking.total, booking.refunded);
    keep_no_more_than_is_left(booking);
}

/// An older payment context knows no fee and gives all of it back.
fn keep_no_more_than_is_left(booking: &mut Booking) {
    if let Ok(left) = booking.total.checked_sub(booking.refunded)
        && left.minor() < booking.cancel_fee.minor()
    {
        booking.cancel_fee = left;
    }
}

fn larger(one: Money, other: Money) -> Money {
    if other.currency() == one.currency() && other.minor() > one.minor() { other } else { one }
}
