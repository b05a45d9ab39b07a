//! Parts of a booking that are cancelled (row T09): what goes back, what is kept, and that it all adds up.

use booking::{
    Ask, Booked, BookedFields, Booking, BookingStatus, CancelReason, CancelTerms, Fact, Happening,
    MoneyBack, NotReduced, Reduction, Sale, State, StockBack, Transition, Wake,
};
use kernel::{Money, Percent, Quantity, Timestamp};
use proptest::option;
use proptest::prelude::*;

use crate::world::{HALFWAY, LATER, NOW, booking_in, every_state, money, payment, with_terms};

fn units(count: i64) -> Quantity {
    Quantity::new(count).expect("in range")
}

/// Three at 1,000 each.
fn confirmed(sale: Sale) -> Booking {
    booking_in(State::Confirmed { payment_id: payment(1), sale })
}

/// Whoever is asked does it.
fn answered(at: &mut Booking) {
    for ask in at.next_asks() {
        let fact = match ask {
            Ask::CommitHold => Fact::HoldCommitted,
            Ask::ReduceHold => Fact::HoldReduced,
            Ask::ReducePayment => {
                let due = at.reduction.map_or(at.refunded, |part| part.refund_due);
                Fact::Refund { refunded: due, settled: false }
            }
            Ask::ReturnStock => Fact::StockReturned,
            Ask::RefundPayment => Fact::Refund {
                refunded: at.total.checked_sub(at.cancel_fee).expect("of one currency"),
                settled: true,
            },
            Ask::CheckStock
            | Ask::HoldStock
            | Ask::PinHold
            | Ask::UnpinHold
            | Ask::Charge
            | Ask::ReleaseHold => panic!("{ask:?} of a confirmed booking"),
        };
        let _ = at.on(&fact, LATER);
    }
}

#[test]
fn t09_a_part_goes_back_and_the_rest_stays_booked() {
    let mut at = confirmed(Sale::Committed);
    assert_eq!(at.reduce(units(1), NOW), Ok(Happening::Reduced));
    let part = Reduction {
        refund_due: money(1_000),
        money: MoneyBack::Waiting,
        stock: StockBack::Waiting,
    };
    assert_eq!((at.booked.quantity(), at.reduction), (units(2), Some(part)));
    assert_eq!(at.status(), BookingStatus::Confirmed);
    assert_eq!(at.next_asks(), [Ask::ReducePayment, Ask::ReduceHold]);
    assert_eq!(at.first_wake(), Wake::After(std::time::Duration::ZERO));
    assert_eq!(at.reduce(units(1), NOW), Err(NotReduced::UnderWay));

    assert_eq!(at.on(&Fact::Unanswered, NOW), Transition::AskLater);
    assert_eq!(at.on(&Fact::HoldReduced, NOW), Transition::Changed(None));
    assert_eq!(at.on(&Fact::HoldReduced, NOW), Transition::Ignored);
    assert_eq!(at.on(&Fact::RefundFailed, NOW), Transition::Changed(None));
    assert_eq!(at.status_reason(), "REFUND_STUCK");
    let less = Fact::Refund { refunded: money(999), settled: false };
    assert_eq!(at.on(&less, NOW), Transition::Changed(None));
    assert_eq!(at.next_asks(), [Ask::ReducePayment]);
    let due = Fact::Refund { refunded: money(1_000), settled: false };
    assert_eq!(at.on(&due, NOW), Transition::Changed(None));
    assert_eq!((at.reduction, at.refunded, at.total), (None, money(1_000), money(3_000)));
    assert_eq!((at.next_asks(), at.first_wake()), (Vec::new(), Wake::Never));
    assert_eq!(at.on(&due, NOW), Transition::Ignored, "told by message as well");
}

#[test]
fn r03_a_hold_is_sold_before_a_part_of_it_goes_back() {
    let mut at = confirmed(Sale::CommitDue);
    assert_eq!(at.reduce(units(2), NOW), Ok(Happening::Reduced));
    assert_eq!(at.next_asks(), [Ask::CommitHold]);
    let _ = at.on(&Fact::HoldCommitted, NOW);
    assert_eq!(at.next_asks(), [Ask::ReducePayment, Ask::ReduceHold]);
}

#[test]
fn t12_what_cancels_all_of_it_takes_the_place_of_a_part() {
    // Half of it is kept of its buyer, of the part as of the rest.
    for (reason, kept) in [
        (CancelReason::BuyerCancelled, 1_500),
        (CancelReason::TicketDeleted, 0),
        (CancelReason::OperatorCancelled, 0),
    ] {
        let mut at = with_terms(State::Confirmed { payment_id: payment(1), sale: Sale::Committed });
        assert_eq!(at.reduce(units(1), HALFWAY), Ok(Happening::Reduced));
        assert_eq!((at.cancel_fee, at.left()), (money(500), money(2_000)));
        let told = at.on(&Fact::CancelRequested(reason), HALFWAY);
        assert_eq!(told, Transition::Changed(Some(Happening::CancellationRequested)));
        assert_eq!((at.reduction, at.cancel_fee), (None, money(kept)), "{reason:?}");
        answered(&mut at);
        let is = (at.status(), at.refunded);
        assert_eq!(is, (BookingStatus::Cancelled, money(3_000 - kept)), "{reason:?}");
    }
}

#[test]
fn t09_only_parts_that_there_are_are_cancelled() {
    let mut at = confirmed(Sale::Committed);
    for too_many in [3, 4, 10_000] {
        assert!(matches!(at.reduce(units(too_many), NOW), Err(NotReduced::Invalid(_))));
    }
    let seats = vec!["A1".to_owned(), "A2".to_owned()];
    let seats = Booked::read(BookedFields { seats, ..BookedFields::default() }).expect("two");
    let mut seated = Booking { booked: seats, ..confirmed(Sale::Committed) };
    assert!(matches!(seated.reduce(units(1), NOW), Err(NotReduced::Invalid(_))));
    let not_after = Some(LATER);
    let terms = CancelTerms { not_after, ..CancelTerms::default() };
    let mut bound = Booking { cancel_terms: terms, ..confirmed(Sale::Committed) };
    assert_eq!(bound.reduce(units(1), LATER), Err(NotReduced::TooLate(LATER)));
    assert_eq!(bound.reduce(units(1), NOW), Ok(Happening::Reduced));
    for state in every_state() {
        if matches!(state, State::Confirmed { .. }) {
            continue;
        }
        let mut at = booking_in(state);
        let before = at.clone();
        assert_eq!(at.reduce(units(1), NOW), Err(NotReduced::NotConfirmed(at.status())));
        assert_eq!(at, before, "nothing has changed");
    }
}

#[test]
fn t09_where_nothing_goes_back_nobody_waits_for_money() {
    let fee_percent = Percent::new(100).expect("a part");
    let all_is_kept = CancelTerms { fee_percent, ..CancelTerms::default() };
    let dear = Booking { cancel_terms: all_is_kept, ..confirmed(Sale::Committed) };
    let free = Booking { total: money(0), ..confirmed(Sale::Committed) };
    for (mut at, fee) in [(dear, 1_000), (free, 0)] {
        assert_eq!(at.reduce(units(1), NOW), Ok(Happening::Reduced));
        assert_eq!((at.cancel_fee, at.next_asks()), (money(fee), vec![Ask::ReduceHold]));
        answered(&mut at);
        assert_eq!(at.reduction, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Parts at any time, in any order of answers, then all of the rest: each unit is paid back or kept by the terms of
    /// its moment, to the minor unit, and never more than was taken.
    #[test]
    fn i4_the_parts_add_up_to_the_price(
        each in 0..1_000_000_i64, all in 1..40_i64, percent in 0..=100_i64,
        free_until in option::of(0..100_i64),
        parts in prop::collection::vec((1..9_i64, 0..100_i64, any::<bool>()), 0..12),
        last in 0..100_i64,
    ) {
        let at = Timestamp::from_micros;
        let cancel_terms = CancelTerms {
            free_until: free_until.map(at),
            fee_percent: Percent::new(percent).expect("a part"),
            not_after: None,
        };
        let fee = |price: Money, now: i64| cancel_terms.fee(price, at(now)).expect("open").minor();
        let mut is = Booking {
            booked: Booked::Units(units(all)),
            total: money(each * all),
            cancel_terms,
            ..confirmed(Sale::Committed)
        };
        let (mut left, mut kept) = (all, 0);
        for (by, now, stock_first) in parts {
            if is.reduce(units(by), at(now)).is_err() {
                prop_assert!(by >= left);
                continue;
            }
            left -= by;
            kept += fee(money(each * by), now);
            if stock_first {
                let _ = is.on(&Fact::HoldReduced, at(now));
            }
            answered(&mut is);
            prop_assert_eq!(is.reduction, None);
            prop_assert_eq!(i64::from(is.booked.quantity().get()), left);
            prop_assert_eq!(is.left(), money(each * left));
            prop_assert_eq!(is.refunded.minor() + is.cancel_fee.minor(), each * (all - left));
            prop_assert_eq!(is.cancel_fee, money(kept));
        }
        kept += fee(money(each * left), last);
        let _ = is.on(&Fact::CancelRequested(CancelReason::BuyerCancelled), at(last));
        answered(&mut is);
        prop_assert_eq!(is.status(), BookingStatus::Cancelled);
        prop_assert_eq!((is.total, is.cancel_fee), (money(each * all), money(kept)));
        prop_assert_eq!(is.refunded, money(each * all - kept));
    }
}
