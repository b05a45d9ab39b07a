//! A booking in every state, and every fact it may hear.

use booking::{
    AwaitReason, Booked, Booking, CancelReason, CancelTerms, CommitDenied, ExpiryReason, Fact,
    Hold, MoneyBack, NewBooking, RejectReason, Release, Sale, Stage, State, StockBack,
    TicketSnapshot,
};
use kernel::{
    BookingId, BuyerId, Currency, Locale, Money, OrganizerId, PaymentId, Percent, Quantity,
    TicketId, Timestamp, Uuid,
};

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_000_000);
pub(crate) const HALFWAY: Timestamp = Timestamp::from_micros(1_500_000);
pub(crate) const LATER: Timestamp = Timestamp::from_micros(2_000_000);

pub(crate) fn money(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").expect("known"))
}

pub(crate) fn payment(number: u128) -> PaymentId {
    PaymentId::new(Uuid::from_u128(number))
}

pub(crate) fn booking() -> Booking {
    let new = NewBooking {
        id: BookingId::new(Uuid::from_u128(1)),
        ticket: TicketSnapshot {
            id: TicketId::new(Uuid::from_u128(2)),
            name: "Recital".into(),
            organizer_id: OrganizerId::new("acme").expect("a name"),
        },
        buyer_id: BuyerId::new("alice").expect("a name"),
        buyer_locale: Locale::En,
        booked: Booked::Units(Quantity::new(3).expect("few")),
        quote: money(3000),
        price_agreed: false,
        payment_method: "ok".into(),
        cancel_terms: CancelTerms::default(),
        pay_first: None,
    };
    Booking::place(new, NOW)
}

/// The hold's answer, which says no more than what was asked for.
pub(crate) fn held() -> Fact {
    Fact::Held { booked: None, total: money(3000), expires_at: LATER }
}

pub(crate) fn booking_in(state: State) -> Booking {
    Booking { state, ..booking() }
}

/// Half of it is kept from 1.5 s on, and from 2 s on it is too late: now it is free, later it is not possible.
pub(crate) fn with_terms(state: State) -> Booking {
    let cancel_terms = CancelTerms {
        free_until: Some(HALFWAY),
        fee_percent: Percent::new(50).expect("a part"),
        not_after: Some(LATER),
    };
    Booking { cancel_terms, ..booking_in(state) }
}

fn checking_again(after: AwaitReason) -> Stage {
    Stage::Checking { pay_by: LATER, price_agreed: true, after: Some(after) }
}

pub(crate) fn every_state() -> Vec<State> {
    let mut states = Vec::new();
    for unclear in [false, true] {
        let stages = [
            Stage::Holding { price_agreed: true },
            Stage::Pinning { pay_by: LATER, after: AwaitReason::PaymentDeclined },
            Stage::Pinning { pay_by: LATER, after: AwaitReason::PaymentUnavailable },
            Stage::Checking { pay_by: LATER, price_agreed: false, after: None },
            checking_again(AwaitReason::PaymentDeclined),
            checking_again(AwaitReason::PaymentUnavailable),
            Stage::Charging { pay_by: LATER, fresh: true },
            Stage::Charging { pay_by: LATER, fresh: false },
            Stage::Committing { payment_id: payment(1) },
            Stage::ChargingFirst { pay_by: LATER },
            Stage::Allocating { payment_id: payment(1) },
        ];
        states.extend(stages.map(|stage| State::Pending { stage, unclear }));
    }
    for hold in [Hold::UnpinDue, Hold::Unpinned, Hold::NotTaken] {
        for reason in AwaitReason::ALL {
            states.push(State::AwaitingPayment { pay_by: LATER, reason: *reason, hold });
        }
    }
    for sale in [Sale::CommitDue, Sale::Committed] {
        states.push(State::Confirmed { payment_id: payment(1), sale });
    }
    for money in [MoneyBack::NotTaken, MoneyBack::Waiting, MoneyBack::Stuck, MoneyBack::Settled] {
        let reason = CancelReason::BuyerCancelled;
        states.push(State::Cancelling { reason, money, stock: StockBack::Waiting });
    }
    for money in [MoneyBack::Waiting, MoneyBack::Stuck] {
        let reason = CancelReason::TicketDeleted;
        states.push(State::Cancelling { reason, money, stock: StockBack::Returned });
    }
    for stock in [Release::Due, Release::Done] {
        states.push(State::Rejected { refusal: RejectReason::SoldOut.into(), stock });
        states.extend(
            ExpiryReason::ALL.iter().map(|reason| State::Expired { reason: *reason, stock }),
        );
    }
    states.push(State::Cancelled { reason: CancelReason::StockGone });
    states
}

pub(crate) fn every_fact() -> Vec<Fact> {
    let mut facts = vec![
        held(),
        Fact::HoldRefused { refusal: RejectReason::SoldOut.into(), total: None },
        Fact::HoldClosed,
        Fact::Pinned { expires_at: LATER },
        Fact::PinRefused,
        Fact::Unpinned,
        Fact::HoldCommitted,
        Fact::CommitRefused(CommitDenied::Retiring),
        Fact::CommitRefused(CommitDenied::Gone),
        Fact::HoldReleased,
        Fact::HoldExpired,
        Fact::StockReturned,
        Fact::HoldReduced,
        Fact::ChargeNotTried,
        Fact::ChargeUnknown { payment_id: Some(payment(1)) },
        Fact::ChargeVoided,
        Fact::PaymentVoided,
        Fact::Refund { refunded: money(1000), settled: false },
        Fact::Refund { refunded: money(3000), settled: true },
        Fact::RefundFailed,
        Fact::Unanswered,
        Fact::PaySubmitted { payment_method: "ok".into() },
        Fact::PayByPassed,
        Fact::CancelRequested(CancelReason::BuyerCancelled),
        Fact::CancelRequested(CancelReason::OperatorCancelled),
    ];
    for attempt in [1, 2] {
        facts.push(Fact::Charged { attempt, payment_id: payment(u128::from(attempt)) });
        facts.push(Fact::Declined { attempt, payment_id: payment(u128::from(attempt)) });
    }
    facts
}

/// All orders of a few things.
pub(crate) fn permutations<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = things.split_first() else { return vec![Vec::new()] };
    let mut orders = Vec::new();
    for order in permutations(rest) {
        for place in 0..=order.len() {
            let mut longer = order.clone();
            longer.insert(place, first.clone());
            orders.push(longer);
        }
    }
    orders
}
