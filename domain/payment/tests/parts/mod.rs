//! Money that goes back in part: some of it is kept, or only a part of the booking is cancelled (rows T09, T10).

use kernel::{Currency, Money};
use payment::{ChargeRefused, PaymentStatus};

use crate::{Books, approved, returned, won};

#[test]
fn t10_what_is_kept_does_not_go_back() {
    let dollars = Money::from_minor(9, Currency::from_code("USD").expect("known"));
    for (keep, back) in [
        (None, 55_000),
        (Some(won(0)), 55_000),
        (Some(won(-1)), 55_000),
        (Some(dollars), 55_000),
        (Some(won(1)), 54_999),
        (Some(won(54_999)), 1),
    ] {
        let mut books = Books::new();
        assert_eq!(books.charge(1), Ok(true));
        assert!(books.answer(1, &approved()));
        assert!(books.void_but(keep));
        assert!(!books.void_but(None), "what is kept is said once");
        assert!(books.refund_answer(&returned()), "{keep:?}");
        assert_eq!(books.settlement.payments[0].refunded(), won(back), "{keep:?}");
        assert_eq!(books.names(), ["approved", "refunded, settled"]);
    }
    for all in [won(55_000), won(99_999)] {
        let mut books = Books::new();
        assert_eq!(books.charge(1), Ok(true));
        assert!(books.answer(1, &approved()));
        assert!(books.void_but(Some(all)));
        assert_eq!(books.names(), ["approved", "voided"], "nobody is told that nothing came back");
        assert_eq!((books.settlement.next_ask(), books.settlement.is_settled()), (None, true));
        assert_eq!(books.charge(2), Err(ChargeRefused::Voided));
    }
}

#[test]
fn r04_what_is_taken_after_the_void_goes_back_whole() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert!(books.void_but(Some(won(5_000))));
    assert!(books.answer(1, &approved()) && books.refund_answer(&returned()));
    assert_eq!(books.status(), PaymentStatus::Refunded);
}

#[test]
fn t09_parts_go_back_each_as_a_refund_of_its_own_and_then_the_rest() {
    let mut books = Books::new();
    assert!(!books.reduce(0), "nothing was taken");
    assert_eq!(books.charge(1), Ok(true));
    assert!(!books.reduce(0), "nothing is certain");
    assert!(books.answer(1, &approved()));
    assert!(!books.reduce(55_000) && !books.reduce(60_000), "all of it stays");
    for keep in [40_000, 30_000] {
        assert!(books.reduce(keep) && !books.reduce(keep) && !books.reduce(keep + 1));
        assert!(books.refund_all());
        let left = 55_000 - books.settlement.payments[0].refunded().minor();
        assert_eq!((left, books.status()), (keep, PaymentStatus::PartiallyRefunded));
        assert!(!books.reduce(keep), "it is back already");
    }
    assert!(!books.settlement.is_settled() && books.settlement.next_ask().is_none());
    assert!(books.void_but(Some(won(5_000))));
    assert!(!books.reduce(0), "all that goes back was asked for");
    assert!(books.refund_all());
    let amounts: Vec<_> =
        books.settlement.payments[0].refunds.iter().map(|refund| refund.amount.minor()).collect();
    assert_eq!(amounts, [15_000, 10_000, 25_000]);
    assert_eq!(books.names(), ["approved", "refunded", "refunded", "refunded, settled"]);
}

#[test]
fn t09_a_part_that_is_on_its_way_is_not_asked_for_again_with_the_rest() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert!(books.answer(1, &approved()));
    assert!(books.reduce(40_000) && books.void());
    let amounts: Vec<_> =
        books.settlement.payments[0].refunds.iter().map(|refund| refund.amount.minor()).collect();
    assert_eq!(amounts, [15_000, 40_000]);
    assert!(books.refund_all());
    assert_eq!(books.names(), ["approved", "refunded", "refunded, settled"]);
    // Where the parts have left no more than what is kept, nobody waits for another refund.
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert!(books.answer(1, &approved()));
    assert!(books.reduce(5_000) && books.refund_all() && books.void_but(Some(won(5_000))));
    assert_eq!(books.names(), ["approved", "refunded", "voided"]);
}

#[test]
fn r11_of_two_refunds_under_way_none_waits_for_the_others_end() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert!(books.answer(1, &approved()));
    assert!(books.reduce(40_000) && books.begin_refund());
    assert_eq!(books.asked(), Some(won(15_000)));
    assert!(books.void_but(None) && books.begin_refund());
    // Whoever began it asks for it.
    let mut asked = vec![books.asked()];
    assert_eq!(asked, [Some(won(40_000))]);
    for _ in 0..3 {
        books.unanswered();
        asked.push(books.asked());
    }
    let of_the_part = asked.iter().filter(|amount| **amount == Some(won(15_000))).count();
    assert!((1..=3).contains(&of_the_part), "each has its turn: {asked:?}");
    assert!(books.refund_all());
    assert!(books.settlement.is_settled());
}
