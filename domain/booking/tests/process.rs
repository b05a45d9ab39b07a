//! The two process tables under every order and repetition of facts (traps R03 to R08, R12, R13).

#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod reduction;
#[cfg(test)]
mod world;

use booking::{
    Ask, AwaitReason, Booked, BookedFields, Booking, BookingStatus, CancelReason, CommitDenied,
    ExpiryReason, Fact, Happening, Hold, MoneyBack, Refusal, RejectReason, Release, Sale, Stage,
    State, StockBack, Transition, Wake,
};
use proptest::prelude::*;
use world::{
    HALFWAY, LATER, NOW, booking, booking_in, every_fact, every_state, held, money, payment,
    permutations, with_terms,
};

/// What a run has heard so far, and what must therefore not have happened.
struct Witness {
    charged: bool,
    told: Vec<Happening>,
}

impl Witness {
    fn new(start: &Booking) -> Self {
        let charged = matches!(
            start.state,
            State::Confirmed { .. }
                | State::Pending { stage: Stage::Committing { .. } | Stage::Allocating { .. }, .. }
                | State::Cancelling { .. }
                | State::Cancelled { .. }
        );
        Self { charged, told: Vec::new() }
    }

    fn step(&mut self, booking: &mut Booking, fact: &Fact) {
        let before = booking.clone();
        self.charged |= matches!(fact, Fact::Charged { .. });
        let transition = booking.on(fact, LATER);
        self.told.extend(told(transition));
        assert!(self.charged || booking.status() != BookingStatus::Confirmed, "N01: {before:?}");
        if let (State::Cancelling { money, stock, .. }, State::Cancelled { .. }) =
            (&before.state, &booking.state)
        {
            let money_done = matches!(money, MoneyBack::NotTaken | MoneyBack::Settled)
                || matches!(fact, Fact::PaymentVoided | Fact::Refund { settled: true, .. });
            let stock_done = *stock == StockBack::Returned || matches!(fact, Fact::StockReturned);
            assert!(money_done && stock_done, "{before:?} on {fact:?}");
        }
        if before.state != booking.state && !matches!(transition, Transition::AskLater) {
            assert_ne!(transition, Transition::Ignored, "{before:?} on {fact:?}");
        }
        assert!(may_follow(before.status(), booking.status()), "{before:?} on {fact:?}");
        let (refunded, fee) = (booking.refunded.minor(), booking.cancel_fee.minor());
        assert!(0 <= fee && refunded + fee <= booking.total.minor(), "{before:?} on {fact:?}");
    }

    fn end(&self) {
        for once in [Happening::Rejected, Happening::CancellationRequested, Happening::Cancelled] {
            let times = self.told.iter().filter(|what| **what == once).count();
            assert!(times <= 1, "{once:?} told {times} times");
        }
    }
}

fn told(transition: Transition) -> Option<Happening> {
    match transition {
        Transition::Changed(told) => told,
        Transition::Ignored | Transition::GoOn | Transition::AskLater => None,
    }
}

fn may_follow(before: BookingStatus, after: BookingStatus) -> bool {
    use BookingStatus::{
        AwaitingPayment, Cancelled, Cancelling, Confirmed, Expired, Pending, Rejected,
    };
    before == after
        || match before {
            Pending => {
                matches!(after, AwaitingPayment | Confirmed | Cancelling | Rejected | Expired)
            }
            AwaitingPayment => matches!(after, Pending | Cancelling | Expired),
            Confirmed | Rejected | Expired => after == Cancelling,
            Cancelling => after == Cancelled,
            Cancelled => false,
        }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Any facts in any order, with any repeats, from any state.
    #[test]
    fn n01_no_schedule_confirms_without_a_charge_or_cancels_unsettled(
        start in 0..every_state().len(),
        order in prop::collection::vec(0..every_fact().len(), 0..24),
    ) {
        let mut at = booking_in(every_state().swap_remove(start));
        let mut witness = Witness::new(&at);
        for index in order {
            witness.step(&mut at, &every_fact()[index]);
        }
        witness.end();
    }

    /// From wherever a shuffle has led, answered asks lead to rest (I5), and nothing is left behind.
    #[test]
    fn i5_answered_asks_lead_every_state_to_rest(
        start in 0..every_state().len(),
        order in prop::collection::vec(0..every_fact().len(), 0..8),
    ) {
        let mut at = booking_in(every_state().swap_remove(start));
        for index in order {
            let _ = at.on(&every_fact()[index], LATER);
        }
        for _ in 0..16 {
            for ask in at.next_asks() {
                let _ = at.on(&good_answer(&at, ask), LATER);
            }
        }
        prop_assert!(at.next_asks().is_empty(), "{at:?}");
        prop_assert!(!at.is_pending() && at.status() != BookingStatus::Cancelling, "{at:?}");
    }
}

fn good_answer(booking: &Booking, ask: Ask) -> Fact {
    match ask {
        Ask::CheckStock | Ask::HoldStock => held(),
        Ask::PinHold => Fact::Pinned { expires_at: LATER },
        Ask::UnpinHold => Fact::Unpinned,
        Ask::Charge => Fact::Charged { attempt: booking.attempt, payment_id: payment(1) },
        Ask::CommitHold => Fact::HoldCommitted,
        Ask::ReleaseHold => Fact::HoldReleased,
        Ask::ReturnStock => Fact::StockReturned,
        Ask::RefundPayment => Fact::Refund { refunded: booking.total, settled: true },
        Ask::ReduceHold => Fact::HoldReduced,
        Ask::ReducePayment => {
            let due = booking.reduction.map_or(booking.refunded, |part| part.refund_due);
            Fact::Refund { refunded: due, settled: false }
        }
    }
}

#[test]
fn a_fact_twice_is_a_fact_once() {
    for state in every_state() {
        for fact in every_fact() {
            let mut once = booking_in(state.clone());
            let _ = once.on(&fact, LATER);
            let mut twice = once.clone();
            let again = twice.on(&fact, LATER);
            assert_eq!(once, twice, "{state:?} on {fact:?}");
            assert_eq!(told(again), None, "{state:?} on {fact:?} told again");
        }
    }
}

#[test]
fn every_order_of_the_facts_of_a_checkout_is_consistent() {
    let facts = [
        held(),
        Fact::Charged { attempt: 1, payment_id: payment(1) },
        Fact::HoldCommitted,
        Fact::Unanswered,
        Fact::HoldExpired,
        Fact::CancelRequested(CancelReason::BuyerCancelled),
        Fact::StockReturned,
    ];
    every_order(booking, &facts);
}

#[test]
fn every_order_of_the_facts_of_a_declined_and_repeated_payment_is_consistent() {
    let facts = [
        Fact::Declined { attempt: 1, payment_id: payment(1) },
        Fact::Unpinned,
        Fact::PaySubmitted { payment_method: "ok".into() },
        Fact::Pinned { expires_at: LATER },
        Fact::Charged { attempt: 2, payment_id: payment(2) },
        Fact::HoldCommitted,
        Fact::PayByPassed,
    ];
    let charging =
        State::Pending { stage: Stage::Charging { pay_by: NOW, fresh: true }, unclear: false };
    every_order(|| booking_in(charging.clone()), &facts);
}

#[test]
fn every_order_of_the_facts_of_a_cancellation_ends_the_same() {
    let facts = [
        Fact::StockReturned,
        Fact::Refund { refunded: money(1000), settled: false },
        Fact::RefundFailed,
        Fact::Refund { refunded: money(3000), settled: true },
        Fact::Unanswered,
        Fact::CancelRequested(CancelReason::TicketDeleted),
        Fact::HoldExpired,
    ];
    for order in permutations(&facts) {
        let mut at = booking_in(State::Cancelling {
            reason: CancelReason::BuyerCancelled,
            money: MoneyBack::Waiting,
            stock: StockBack::Waiting,
        });
        let mut witness = Witness::new(&at);
        for fact in &order {
            witness.step(&mut at, fact);
        }
        witness.end();
        assert_eq!(at.state, State::Cancelled { reason: CancelReason::BuyerCancelled });
        assert_eq!(at.refunded, money(3000));
        assert_eq!(witness.told, [Happening::Cancelled]);
    }
}

fn every_order(start: impl Fn() -> Booking, facts: &[Fact]) {
    for order in permutations(facts) {
        let mut at = start();
        let mut witness = Witness::new(&at);
        for fact in order.iter().flat_map(|fact| [fact, fact]) {
            witness.step(&mut at, fact);
        }
        witness.end();
    }
}

#[test]
fn the_happy_path_writes_once_after_the_insert() {
    let mut at = booking();
    assert_eq!(at.on(&held(), NOW), Transition::GoOn);
    let charged = Fact::Charged { attempt: 1, payment_id: payment(1) };
    assert_eq!(at.on(&charged, NOW), Transition::Changed(Some(Happening::Confirmed)));
    let confirmed = State::Confirmed { payment_id: payment(1), sale: Sale::CommitDue };
    assert_eq!(at.state, confirmed);
}

#[test]
fn r03_where_the_pin_may_have_lapsed_the_hold_is_sold_first() {
    let charged = Fact::Charged { attempt: 1, payment_id: payment(1) };
    for (fresh, unclear) in [(true, true), (false, false), (false, true)] {
        let stage = Stage::Charging { pay_by: NOW, fresh };
        let mut at = booking_in(State::Pending { stage, unclear });
        assert_eq!(at.on(&charged, NOW), Transition::GoOn);
        assert_eq!(at.next_asks(), [Ask::CommitHold]);
        let gone = Fact::CommitRefused(CommitDenied::Gone);
        let told = at.on(&gone, NOW);
        assert_eq!(told, Transition::Changed(Some(Happening::CancellationRequested)));
        assert_eq!(at.status_reason(), "STOCK_GONE");
    }
}

#[test]
fn r04_r05_an_unknown_outcome_never_makes_a_new_attempt_and_a_decline_does() {
    let stage = Stage::Charging { pay_by: NOW, fresh: true };
    let mut at = booking_in(State::Pending { stage, unclear: false });
    let unknown = Fact::ChargeUnknown { payment_id: None };
    assert_eq!(at.on(&unknown, NOW), Transition::AskLater);
    assert_eq!((at.attempt, at.status_reason()), (1, "PAYMENT_UNKNOWN"));
    assert_eq!(
        at.on(&Fact::ChargeNotTried, NOW),
        Transition::AskLater,
        "it may have been sent before"
    );
    assert_eq!(at.next_asks(), [Ask::Charge]);
    let declined = Fact::Declined { attempt: 1, payment_id: payment(1) };
    assert_eq!(at.on(&declined, NOW), Transition::Changed(Some(Happening::AwaitingPayment)));
    assert_eq!((at.attempt, at.status_reason()), (2, "PAYMENT_DECLINED"));
    let late = Fact::Charged { attempt: 1, payment_id: payment(1) };
    assert_eq!(at.on(&late, NOW), Transition::Ignored);
}

/// A booking whose payment was not tried or was declined, and that is to be paid again.
fn paid_again(hold: Hold, reason: AwaitReason) -> Booking {
    let mut at = booking_in(State::AwaitingPayment { pay_by: LATER, reason, hold });
    let submitted = Fact::PaySubmitted { payment_method: "ok".into() };
    assert_eq!(at.on(&submitted, NOW), Transition::Changed(None));
    at
}

#[test]
fn r04_what_ends_after_a_charge_that_was_said_not_to_have_been_tried_asks_for_the_money_back() {
    let refused = Fact::HoldRefused { refusal: RejectReason::SoldOut.into(), total: None };
    for (hold, ask, refused, ended) in [
        (Hold::Unpinned, Ask::PinHold, Fact::PinRefused, Happening::Expired),
        (Hold::NotTaken, Ask::CheckStock, refused, Happening::Rejected),
    ] {
        let mut at = paid_again(hold, AwaitReason::PaymentDeclined);
        assert_eq!(at.next_asks(), [ask]);
        assert_eq!(at.on(&refused, NOW), Transition::Changed(Some(ended)), "nothing was taken");
        let mut at = paid_again(hold, AwaitReason::PaymentUnavailable);
        let told = at.on(&refused, NOW);
        assert_eq!(told, Transition::Changed(Some(Happening::CancellationRequested)));
        assert_eq!(at.next_asks(), [Ask::RefundPayment, Ask::ReturnStock]);
    }
}

#[test]
fn a_booking_that_nobody_pays_after_a_charge_that_was_not_tried_expires() {
    let reason = AwaitReason::PaymentUnavailable;
    let mut at = booking_in(State::AwaitingPayment { pay_by: NOW, reason, hold: Hold::Unpinned });
    assert_eq!(at.on(&Fact::PayByPassed, NOW), Transition::Changed(Some(Happening::Expired)));
}

#[test]
fn a04_who_pays_first_is_charged_what_the_check_said_and_only_then() {
    let mut at = booking_in(State::Pending {
        stage: Stage::Checking { pay_by: LATER, price_agreed: false, after: None },
        unclear: true,
    });
    at.total = money(0);
    assert_eq!(at.next_asks(), [Ask::CheckStock]);
    let charged = Fact::Charged { attempt: 1, payment_id: payment(1) };
    assert_eq!(at.on(&charged, NOW), Transition::Ignored, "nobody asked for it");
    assert_eq!(at.on(&held(), NOW), Transition::Changed(None), "written before it is charged");
    assert_eq!((at.total, at.next_asks()), (money(3000), vec![Ask::Charge]));
    assert_eq!(at.on(&charged, NOW), Transition::Changed(None));
    assert_eq!(at.next_asks(), [Ask::HoldStock]);
    let refusal = Refusal::passed_on("STAY_NOT_ALLOWED", b"words").expect("a name");
    let refused = Fact::HoldRefused { refusal, total: None };
    let told = at.on(&refused, NOW);
    assert_eq!(told, Transition::Changed(Some(Happening::CancellationRequested)));
    assert_eq!(at.status_reason(), "STOCK_GONE");
    let named = Refusal::passed_on("STAY_NOT_ALLOWED", b"");
    assert_eq!(at.stock_refusal, named, "by its own name");
}

#[test]
fn r08_a_pending_booking_is_cancelled_as_one_that_was_charged() {
    let mut at = booking();
    let _ = at.on(&Fact::CancelRequested(CancelReason::TicketDeleted), NOW);
    assert_eq!(at.next_asks(), [Ask::RefundPayment, Ask::ReturnStock]);
    assert_eq!(at.first_wake(), Wake::After(std::time::Duration::from_secs(5)));
}

#[test]
fn an_unpaid_booking_expires_by_either_clock_once() {
    let waiting = State::AwaitingPayment {
        pay_by: LATER,
        reason: AwaitReason::PaymentDeclined,
        hold: Hold::Unpinned,
    };
    let mut at = booking_in(waiting);
    assert_eq!(at.overdue(NOW), None);
    assert_eq!(at.on(&Fact::PayByPassed, NOW), Transition::Ignored, "not yet");
    assert_eq!(at.overdue(LATER), Some(Fact::PayByPassed));
    assert_eq!(at.on(&Fact::HoldExpired, NOW), Transition::Ignored, "of a hold before this one");
    assert_eq!(at.on(&Fact::HoldExpired, LATER), Transition::Changed(Some(Happening::Expired)));
    let expired = State::Expired { reason: ExpiryReason::PayByPassed, stock: Release::Due };
    assert_eq!(at.state, expired);
    assert_eq!(at.on(&Fact::PayByPassed, LATER), Transition::Ignored);
}

#[test]
fn r31_the_seats_that_the_hold_chose_are_the_bookings_and_its_price_is_charged() {
    let seats = |names: &[&str]| {
        let seats = names.iter().map(|name| (*name).to_owned()).collect();
        Booked::read(BookedFields { seats, ..BookedFields::default() }).expect("two seats")
    };
    let chosen = seats(&["B7", "B8"]);
    let mut at = booking();
    let held = Fact::Held { booked: Some(chosen.clone()), total: money(7000), expires_at: LATER };
    assert_eq!(at.on(&held, NOW), Transition::GoOn);
    assert_eq!((&at.booked, at.total), (&chosen, money(7000)));
    let again =
        Fact::Held { booked: Some(seats(&["C1", "C2"])), total: money(1), expires_at: LATER };
    assert_eq!(at.on(&again, NOW), Transition::Ignored);
    assert_eq!((at.booked, at.total), (chosen, money(7000)));
}

#[test]
fn t09_its_terms_bind_its_buyer_once_it_is_paid_and_nobody_else() {
    let buyer = CancelReason::BuyerCancelled;
    let others = [CancelReason::TicketDeleted, CancelReason::OperatorCancelled];
    for state in every_state() {
        let is_paid = matches!(state, State::Confirmed { .. });
        for (now, fee, is_closed) in [(NOW, 0, false), (HALFWAY, 1_500, false), (LATER, 0, true)] {
            let cancelled = |reason| {
                let mut at = with_terms(state.clone());
                let heard = at.on(&Fact::CancelRequested(reason), now);
                (at, heard)
            };
            let (by_buyer, heard) = cancelled(buyer);
            let kept = if is_paid { fee } else { 0 };
            assert_eq!(by_buyer.cancel_fee, money(kept), "{state:?} at {now}");
            let was_open = booking_in(state.clone()).is_open();
            let is_cancelled = matches!(heard, Transition::Changed(_));
            assert_eq!(is_cancelled, was_open && !(is_paid && is_closed), "{state:?} at {now}");
            for reason in others {
                let (by_others, heard) = cancelled(reason);
                assert_eq!(by_others.cancel_fee, money(0), "{state:?} by {reason:?}");
                assert_eq!(matches!(heard, Transition::Changed(_)), was_open, "{state:?}");
            }
        }
    }
}

#[test]
fn t10_what_is_kept_is_what_does_not_come_back() {
    let cancelling = || {
        let mut at = with_terms(State::Confirmed { payment_id: payment(1), sale: Sale::Committed });
        let told = at.on(&Fact::CancelRequested(CancelReason::BuyerCancelled), HALFWAY);
        assert_eq!(told, Transition::Changed(Some(Happening::CancellationRequested)));
        let _ = at.on(&Fact::StockReturned, LATER);
        at
    };
    for (heard, refunded, fee) in [
        (Fact::Refund { refunded: money(1_500), settled: true }, 1_500, 1_500),
        // An older payment context gives all of it back.
        (Fact::Refund { refunded: money(3_000), settled: true }, 3_000, 0),
    ] {
        let mut at = cancelling();
        assert_eq!(at.on(&heard, LATER), Transition::Changed(Some(Happening::Cancelled)));
        assert_eq!(
            (at.total, at.refunded, at.cancel_fee),
            (money(3_000), money(refunded), money(fee))
        );
    }
}

#[test]
fn i4_a_booking_cancelled_before_it_heard_its_price_hears_it_from_the_refund() {
    let mut at = Booking { total: money(0), ..booking() };
    let _ = at.on(&Fact::CancelRequested(CancelReason::BuyerCancelled), NOW);
    let _ = at.on(&Fact::StockReturned, NOW);
    let refund = Fact::Refund { refunded: money(7000), settled: true };
    assert_eq!(at.on(&refund, NOW), Transition::Changed(Some(Happening::Cancelled)));
    assert_eq!((at.total, at.refunded), (money(7000), money(7000)));
}
