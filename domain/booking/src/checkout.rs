//! Making and paying a booking: the table.
//!
//! | state | ask | fact | next, and what is told |
//! | --- | --- | --- | --- |
//! | PENDING holding | `HoldStock`, pinned | held | charging, fresh |
//! | | | refused | REJECTED, release due, `BookingRejected` |
//! | | | closed | CANCELLING (stock gone) |
//! | PENDING pinning | `PinHold` | pinned | charging |
//! | | | refused | EXPIRED (sold out); if unclear or not tried before, CANCELLING (stock gone) |
//! | PENDING charging | `Charge`, attempt n | charged, fresh and clear | CONFIRMED, commit due, `BookingConfirmed` |
//! | | | charged otherwise | committing: the pin may have lapsed |
//! | | | declined | AWAITING_PAYMENT, n+1, unpin due, `BookingAwaitingPayment` |
//! | | | provably not begun, and clear | AWAITING_PAYMENT, n, unpin due, `BookingAwaitingPayment` |
//! | | | unknown, not sent but unclear | charging, unclear: the same attempt is asked again |
//! | | | voided | CANCELLING (payment voided) |
//! | PENDING committing | `CommitHold` | committed | CONFIRMED, committed, `BookingConfirmed` |
//! | | | refused | CANCELLING (ticket deleted, stock gone) |
//! | PENDING checking | `CheckStock` | could be held | charging first |
//! | | | refused | REJECTED, release due, `BookingRejected`; if not tried before, CANCELLING (stock gone) |
//! | | | closed | CANCELLING (stock gone) |
//! | PENDING charging first | `Charge`, attempt n | charged | allocating |
//! | | | declined | AWAITING_PAYMENT, n+1, no hold, `BookingAwaitingPayment` |
//! | | | provably not begun, and clear | AWAITING_PAYMENT, n, no hold, `BookingAwaitingPayment` |
//! | | | unknown, not sent but unclear | charging first, unclear |
//! | | | voided | CANCELLING (payment voided) |
//! | PENDING allocating | `HoldStock`, pinned | held | committing |
//! | | | refused, closed | CANCELLING (stock gone) |
//! | AWAITING_PAYMENT | `UnpinHold` if due | unpinned | AWAITING_PAYMENT until pay_by |
//! | | | pay submitted | PENDING pinning; without a hold checking |
//! | | | pay_by passed, whoever says so | EXPIRED, release due, `BookingExpired` |
//! | | | charged after all | PENDING committing; without a hold allocating |
//! | CONFIRMED | `CommitHold` if due | committed | CONFIRMED |
//! | | | refused | CANCELLING (ticket deleted, stock gone) |
//! | REJECTED, EXPIRED | `ReleaseHold` if due | released | the same, done |
//! | | | charged after all | CANCELLING (paid too late) |
//! | any | | no answer | the same, unclear, asked later: 1 s doubling to 60 s |
//!
//! A booking of a ticket that is paid before stock is set aside (PAY_FIRST, row A04) begins with checking: nobody is
//! charged for what its ticket would refuse now, be it sold out, a stay against the rules, or deleted since it was
//! placed. Whoever finds no stock after paying is refunded: placed, paid, cancelled, in that order. That a booking is
//! charging first is written before it is charged, so one that is checking, however often, was not charged.
//!
//! Cancelling is possible in PENDING, AWAITING_PAYMENT and CONFIRMED, in the last for its buyer as the booking's terms
//! have it (`cancel_terms.rs`); entering CANCELLING tells `BookingCancellationRequested`. Any other fact in a state
//! changes nothing.
//!
//! Held and pinned are not written by themselves: asking for them again is harmless. So a stored booking
//! that is holding may have been charged already, and is cancelled as one that was.
//!
//! What the hold says replaces what was asked for: its seats, which may have been chosen only then, and its total.
//! Until a booking is written after it, its events tell what the buyer asked for and the price as far as it was
//! known then; nothing is charged that the hold did not say. From holding nothing leads back to holding, so a
//! booking asks for one and the same hold, however often.
//!
//! "Unclear" is what a booking is once an answer stayed out or another took it over. It forbids two
//! conclusions: that the pin surely stands, and that a charge which could not be sent now was not sent
//! before.
//!
//! "Not tried before" is one whose attempt was told not to have been tried. Should that have been wrong, the message
//! about the charge may come while the booking is being paid again, and be left to that drive. So where it ends without
//! asking for the charge again, the money is asked for back.
//!
//! A rejected booking is released too, though it holds nothing: the release leaves a tombstone, so that a
//! second copy of the hold, still on its way, is refused when stock comes back meanwhile (rule R3).

use kernel::{Money, PaymentId, Timestamp};

use crate::cancellation::begin;
use crate::{
    Ask, AwaitReason, Booked, Booking, CancelReason, CommitDenied, ExpiryReason, Fact, Happening,
    Hold, MoneyBack, Refusal, Release, Sale, Stage, State, Transition,
};

pub(crate) const fn next_ask(state: &State) -> Option<Ask> {
    match state {
        State::Pending { stage, .. } => Some(match stage {
            Stage::Checking { .. } => Ask::CheckStock,
            Stage::Holding { .. } | Stage::Allocating { .. } => Ask::HoldStock,
            Stage::Pinning { .. } => Ask::PinHold,
            Stage::Charging { .. } | Stage::ChargingFirst { .. } => Ask::Charge,
            Stage::Committing { .. } => Ask::CommitHold,
        }),
        State::AwaitingPayment { hold: Hold::UnpinDue, .. } => Some(Ask::UnpinHold),
        State::Confirmed { sale: Sale::CommitDue, .. } => Some(Ask::CommitHold),
        State::Rejected { stock: Release::Due, .. }
        | State::Expired { stock: Release::Due, .. } => Some(Ask::ReleaseHold),
        State::AwaitingPayment { hold: Hold::Unpinned | Hold::NotTaken, .. }
        | State::Confirmed { sale: Sale::Committed, .. }
        | State::Rejected { stock: Release::Done, .. }
        | State::Expired { stock: Release::Done, .. }
        | State::Cancelling { .. }
        | State::Cancelled { .. } => None,
    }
}

pub(crate) fn on(booking: &mut Booking, fact: &Fact, now: Timestamp) -> Transition {
    match fact {
        Fact::Held { booked, total, expires_at } => {
            held(booking, booked.as_ref(), *total, *expires_at)
        }
        Fact::HoldRefused { refusal, total } => hold_refused(booking, refusal, *total),
        Fact::HoldClosed => hold_closed(booking),
        Fact::Pinned { expires_at } => pinned(booking, *expires_at),
        Fact::PinRefused => pin_refused(booking),
        Fact::Unpinned => unpinned(booking),
        Fact::Charged { attempt, payment_id } => charged(booking, *attempt, *payment_id),
        Fact::Declined { attempt, payment_id } => declined(booking, *attempt, *payment_id),
        Fact::ChargeNotTried => charge_not_tried(booking),
        Fact::ChargeUnknown { payment_id } => charge_unknown(booking, *payment_id),
        Fact::ChargeVoided => charge_voided(booking),
        Fact::HoldCommitted => hold_committed(booking),
        Fact::CommitRefused(denied) => commit_refused(booking, *denied),
        Fact::HoldReleased => hold_released(booking),
        Fact::HoldExpired | Fact::PayByPassed => expire(booking, now),
        Fact::PaySubmitted { payment_method } => pay_submitted(booking, payment_method),
        Fact::CancelRequested(reason) => cancel_requested(booking, *reason, now),
        Fact::Unanswered => unanswered(booking),
        // Only a booking that is cancelled, or a part of it, waits for these.
        Fact::StockReturned
        | Fact::HoldReduced
        | Fact::PaymentVoided
        | Fact::Refund { .. }
        | Fact::RefundFailed => Transition::Ignored,
    }
}

fn held(
    booking: &mut Booking,
    booked: Option<&Booked>,
    total: Money,
    expires_at: Timestamp,
) -> Transition {
    let State::Pending { stage, unclear } = booking.state else { return Transition::Ignored };
    let (state, transition) = match stage {
        Stage::Checking { pay_by, .. } => {
            booking.total = total;
            let stage = Stage::ChargingFirst { pay_by };
            (State::Pending { stage, unclear: false }, Transition::Changed(None))
        }
        Stage::Holding { .. } => {
            booking.total = total;
            is_held_as(booking, booked);
            let stage = Stage::Charging { pay_by: expires_at, fresh: true };
            (State::Pending { stage, unclear }, Transition::GoOn)
        }
        // It was asked for at the price that was paid.
        Stage::Allocating { payment_id } => {
            is_held_as(booking, booked);
            (State::Pending { stage: Stage::Committing { payment_id }, unclear }, Transition::GoOn)
        }
        Stage::Pinning { .. }
        | Stage::Charging { .. }
        | Stage::Committing { .. }
        | Stage::ChargingFirst { .. } => return Transition::Ignored,
    };
    booking.state = state;
    transition
}

fn is_held_as(booking: &mut Booking, booked: Option<&Booked>) {
    if let Some(booked) = booked {
        booking.booked.clone_from(booked);
    }
}

fn hold_refused(booking: &mut Booking, refusal: &Refusal, total: Option<Money>) -> Transition {
    let State::Pending { stage, .. } = booking.state else { return Transition::Ignored };
    match stage {
        Stage::Allocating { .. }
        | Stage::Checking { after: Some(AwaitReason::PaymentUnavailable), .. } => {
            booking.stock_refusal = Some(refusal.by_name());
            begin(booking, CancelReason::StockGone, MoneyBack::Waiting)
        }
        // A hold that was taken is given again, not refused: so none was, and nothing was charged.
        Stage::Holding { .. } | Stage::Checking { .. } => {
            booking.total = total.unwrap_or(booking.total);
            booking.state = State::Rejected { refusal: refusal.clone(), stock: Release::Due };
            Transition::Changed(Some(Happening::Rejected))
        }
        Stage::Pinning { .. }
        | Stage::Charging { .. }
        | Stage::Committing { .. }
        | Stage::ChargingFirst { .. } => Transition::Ignored,
    }
}

fn hold_closed(booking: &mut Booking) -> Transition {
    let State::Pending {
        stage: Stage::Holding { .. } | Stage::Checking { .. } | Stage::Allocating { .. },
        ..
    } = booking.state
    else {
        return Transition::Ignored;
    };
    begin(booking, CancelReason::StockGone, MoneyBack::Waiting)
}

fn pinned(booking: &mut Booking, expires_at: Timestamp) -> Transition {
    let State::Pending { stage: Stage::Pinning { .. }, unclear } = booking.state else {
        return Transition::Ignored;
    };
    let stage = Stage::Charging { pay_by: expires_at, fresh: false };
    booking.state = State::Pending { stage, unclear };
    Transition::GoOn
}

fn pin_refused(booking: &mut Booking) -> Transition {
    let State::Pending { stage: Stage::Pinning { after, .. }, unclear } = booking.state else {
        return Transition::Ignored;
    };
    if unclear || after == AwaitReason::PaymentUnavailable {
        // An earlier drive may have pinned and charged before the pin lapsed, or may have charged what it was told it
        // had not.
        return begin(booking, CancelReason::StockGone, MoneyBack::Waiting);
    }
    booking.state = State::Expired { reason: ExpiryReason::SoldOut, stock: Release::Due };
    Transition::Changed(Some(Happening::Expired))
}

fn unpinned(booking: &mut Booking) -> Transition {
    let State::AwaitingPayment { pay_by, reason, hold: Hold::UnpinDue } = booking.state else {
        return Transition::Ignored;
    };
    booking.state = State::AwaitingPayment { pay_by, reason, hold: Hold::Unpinned };
    Transition::Changed(None)
}

fn charged(booking: &mut Booking, attempt: u32, payment_id: PaymentId) -> Transition {
    if attempt != booking.attempt {
        return Transition::Ignored;
    }
    match booking.state {
        State::Pending { stage: Stage::Charging { fresh: true, .. }, unclear: false } => {
            booking.payment_id = Some(payment_id);
            booking.payment_method.clear();
            booking.state = State::Confirmed { payment_id, sale: Sale::CommitDue };
            Transition::Changed(Some(Happening::Confirmed))
        }
        State::Pending { stage: Stage::Charging { .. }, unclear } => {
            commit_first(booking, payment_id, unclear);
            Transition::GoOn
        }
        State::Pending { stage: Stage::ChargingFirst { .. }, unclear } => {
            allocate(booking, payment_id, unclear);
            Transition::Changed(None)
        }
        State::AwaitingPayment { hold: Hold::NotTaken, .. } => {
            allocate(booking, payment_id, true);
            Transition::Changed(None)
        }
        State::AwaitingPayment { hold: Hold::UnpinDue | Hold::Unpinned, .. } => {
            commit_first(booking, payment_id, true);
            Transition::Changed(None)
        }
        State::Rejected { .. } | State::Expired { .. } => {
            booking.payment_id = Some(payment_id);
            begin(booking, CancelReason::PaidTooLate, MoneyBack::Waiting)
        }
        // Holding, pinning and checking ask again and come to charging, whose answer this is.
        State::Pending { .. }
        | State::Confirmed { .. }
        | State::Cancelling { .. }
        | State::Cancelled { .. } => Transition::Ignored,
    }
}

fn commit_first(booking: &mut Booking, payment_id: PaymentId, unclear: bool) {
    paid(booking, payment_id, Stage::Committing { payment_id }, unclear);
}

fn allocate(booking: &mut Booking, payment_id: PaymentId, unclear: bool) {
    paid(booking, payment_id, Stage::Allocating { payment_id }, unclear);
}

fn paid(booking: &mut Booking, payment_id: PaymentId, stage: Stage, unclear: bool) {
    booking.payment_id = Some(payment_id);
    booking.payment_method.clear();
    booking.state = State::Pending { stage, unclear };
}

fn declined(booking: &mut Booking, attempt: u32, payment_id: PaymentId) -> Transition {
    if attempt != booking.attempt {
        return Transition::Ignored;
    }
    let (pay_by, hold, told) = match booking.state {
        State::Pending { stage: Stage::Charging { pay_by, .. }, .. } => {
            (pay_by, Hold::UnpinDue, Some(Happening::AwaitingPayment))
        }
        State::Pending { stage: Stage::ChargingFirst { pay_by }, .. } => {
            (pay_by, Hold::NotTaken, Some(Happening::AwaitingPayment))
        }
        State::AwaitingPayment { pay_by, hold, .. } => (pay_by, hold, None),
        State::Pending { .. }
        | State::Confirmed { .. }
        | State::Cancelling { .. }
        | State::Cancelled { .. }
        | State::Rejected { .. }
        | State::Expired { .. } => return Transition::Ignored,
    };
    booking.payment_id = Some(payment_id);
    booking.attempt = booking.attempt.saturating_add(1);
    await_payment(booking, pay_by, AwaitReason::PaymentDeclined, hold);
    Transition::Changed(told)
}

fn charge_not_tried(booking: &mut Booking) -> Transition {
    let State::Pending { stage, unclear } = booking.state else { return Transition::Ignored };
    let (pay_by, hold) = match stage {
        Stage::Charging { pay_by, .. } => (pay_by, Hold::UnpinDue),
        Stage::ChargingFirst { pay_by } => (pay_by, Hold::NotTaken),
        Stage::Holding { .. }
        | Stage::Pinning { .. }
        | Stage::Committing { .. }
        | Stage::Checking { .. }
        | Stage::Allocating { .. } => return Transition::Ignored,
    };
    if unclear {
        return Transition::AskLater;
    }
    await_payment(booking, pay_by, AwaitReason::PaymentUnavailable, hold);
    Transition::Changed(Some(Happening::AwaitingPayment))
}

fn await_payment(booking: &mut Booking, pay_by: Timestamp, reason: AwaitReason, hold: Hold) {
    booking.payment_method.clear();
    booking.state = State::AwaitingPayment { pay_by, reason, hold };
}

fn charge_unknown(booking: &mut Booking, payment_id: Option<PaymentId>) -> Transition {
    let State::Pending {
        stage: stage @ (Stage::Charging { .. } | Stage::ChargingFirst { .. }),
        ..
    } = booking.state
    else {
        return Transition::Ignored;
    };
    booking.payment_id = payment_id.or(booking.payment_id);
    booking.state = State::Pending { stage, unclear: true };
    Transition::AskLater
}

fn charge_voided(booking: &mut Booking) -> Transition {
    let State::Pending { stage: Stage::Charging { .. } | Stage::ChargingFirst { .. }, .. } =
        booking.state
    else {
        return Transition::Ignored;
    };
    begin(booking, CancelReason::PaymentVoided, MoneyBack::Waiting)
}

fn hold_committed(booking: &mut Booking) -> Transition {
    let (payment_id, told) = match booking.state {
        State::Pending { stage: Stage::Committing { payment_id }, .. } => {
            (payment_id, Some(Happening::Confirmed))
        }
        State::Confirmed { payment_id, sale: Sale::CommitDue } => (payment_id, None),
        State::Pending { .. }
        | State::AwaitingPayment { .. }
        | State::Confirmed { sale: Sale::Committed, .. }
        | State::Cancelling { .. }
        | State::Cancelled { .. }
        | State::Rejected { .. }
        | State::Expired { .. } => return Transition::Ignored,
    };
    booking.state = State::Confirmed { payment_id, sale: Sale::Committed };
    Transition::Changed(told)
}

fn commit_refused(booking: &mut Booking, denied: CommitDenied) -> Transition {
    match booking.state {
        State::Pending { stage: Stage::Committing { .. }, .. }
        | State::Confirmed { sale: Sale::CommitDue, .. } => {
            let reason = match denied {
                CommitDenied::Retiring => CancelReason::TicketDeleted,
                CommitDenied::Gone => CancelReason::StockGone,
            };
            begin(booking, reason, MoneyBack::Waiting)
        }
        State::Pending { .. }
        | State::AwaitingPayment { .. }
        | State::Confirmed { sale: Sale::Committed, .. }
        | State::Cancelling { .. }
        | State::Cancelled { .. }
        | State::Rejected { .. }
        | State::Expired { .. } => Transition::Ignored,
    }
}

fn hold_released(booking: &mut Booking) -> Transition {
    let (State::Rejected { stock, .. } | State::Expired { stock, .. }) = &mut booking.state else {
        return Transition::Ignored;
    };
    if *stock == Release::Done {
        return Transition::Ignored;
    }
    *stock = Release::Done;
    Transition::Changed(None)
}

/// Only once the time is over, also by the ticket context's word: that may be late, and of a hold that was taken again
/// since. What comes too early by our clock the booking's own timer makes up for.
fn expire(booking: &mut Booking, now: Timestamp) -> Transition {
    let State::AwaitingPayment { pay_by, .. } = booking.state else { return Transition::Ignored };
    if now < pay_by {
        return Transition::Ignored;
    }
    booking.state = State::Expired { reason: ExpiryReason::PayByPassed, stock: Release::Due };
    Transition::Changed(Some(Happening::Expired))
}

/// Also after `pay_by`, as long as nobody has let the booking expire: the pin finds out.
fn pay_submitted(booking: &mut Booking, payment_method: &str) -> Transition {
    let State::AwaitingPayment { pay_by, reason, hold } = booking.state else {
        return Transition::Ignored;
    };
    let stage = match hold {
        Hold::UnpinDue | Hold::Unpinned => Stage::Pinning { pay_by, after: reason },
        // Its price was told by now.
        Hold::NotTaken => Stage::Checking { pay_by, price_agreed: true, after: Some(reason) },
    };
    payment_method.clone_into(&mut booking.payment_method);
    booking.state = State::Pending { stage, unclear: false };
    Transition::Changed(None)
}

/// Its terms bind its buyer alone, and only once it is paid: an organizer who deletes the ticket, and an operator, give
/// all of it back at any time.
fn cancel_requested(booking: &mut Booking, reason: CancelReason, now: Timestamp) -> Transition {
    match booking.state {
        State::Confirmed { .. } if reason == CancelReason::BuyerCancelled => {
            let Ok(fee) = booking.cancel_terms.fee(booking.left(), now) else {
                return Transition::Ignored;
            };
            booking.keep(fee);
            begin(booking, reason, MoneyBack::Waiting)
        }
        State::Pending { .. } | State::Confirmed { .. } => {
            begin(booking, reason, MoneyBack::Waiting)
        }
        State::AwaitingPayment { .. } => begin(booking, reason, MoneyBack::NotTaken),
        State::Cancelling { .. }
        | State::Cancelled { .. }
        | State::Rejected { .. }
        | State::Expired { .. } => Transition::Ignored,
    }
}

fn unanswered(booking: &mut Booking) -> Transition {
    booking.resume();
    Transition::AskLater
}
