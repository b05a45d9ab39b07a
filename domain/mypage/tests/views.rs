//! The views are folds: the same for every order and repetition of the same events.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use kernel::{
    BookingId, BuyerId, Currency, Money, OrganizerId, Quantity, TicketId, Timestamp, Uuid,
};
use mypage::{
    BookingSnapshot, BookingStatus, BookingView, Fact, MyBooking, PaymentSnapshot, PaymentStatus,
    SalesSummary, Tally,
};

fn booking_id() -> BookingId {
    BookingId::new(Uuid::from_u128(1))
}

fn krw(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

fn snapshot(status: BookingStatus, refunded: Money, minute: i64) -> BookingSnapshot {
    BookingSnapshot {
        ticket_id: TicketId::new(Uuid::from_u128(2)),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: OrganizerId::new("acme").unwrap(),
        buyer_id: BuyerId::new("alice").unwrap(),
        quantity: Quantity::new(3).unwrap(),
        seats: Vec::new(),
        check_in: None,
        check_out: None,
        total: Money::from_minor(165_000, refunded.currency()),
        refunded,
        status,
        status_reason: String::new(),
        pay_by: None,
        create_time: Timestamp::from_micros(0),
        update_time: Timestamp::from_micros(minute * 60_000_000),
    }
}

fn booking(version: i64, status: BookingStatus, refunded: i64) -> Fact {
    let booking = snapshot(status, krw(refunded), version);
    Fact::Booking { booking_id: booking_id(), version, booking }
}

fn payment(version: i64, status: PaymentStatus, refunded: i64) -> Fact {
    let update_time = Timestamp::from_micros(version * 90_000_000);
    let payment = PaymentSnapshot { status, refunded: krw(refunded), update_time };
    Fact::Payment { booking_id: booking_id(), version, payment }
}

/// Placed, declined, paid at the second try, cancelled, refunded.
fn story() -> Vec<Fact> {
    vec![
        booking(1, BookingStatus::Pending, 0),
        payment(1, PaymentStatus::Declined, 0),
        payment(2, PaymentStatus::Approved, 0),
        booking(2, BookingStatus::Confirmed, 0),
        booking(3, BookingStatus::Cancelling, 0),
        payment(3, PaymentStatus::Refunded, 165_000),
        booking(4, BookingStatus::Cancelled, 165_000),
    ]
}

fn folded<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> BookingView {
    let mut view = BookingView::empty(booking_id());
    for fact in facts {
        view.fold(fact);
    }
    view
}

fn orders(facts: &[Fact]) -> Vec<Vec<&Fact>> {
    let Some((first, rest)) = facts.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in orders(rest) {
        for place in 0..=order.len() {
            let mut longer = order.clone();
            longer.insert(place, first);
            all.push(longer);
        }
    }
    all
}

#[test]
fn i8_r30_every_order_and_repetition_gives_the_same_view() {
    let story = story();
    let expected = folded(&story);
    let orders = orders(&story);
    assert_eq!(orders.len(), 5_040);
    for order in orders {
        let once = folded(order.iter().copied());
        let at_once_again = folded(order.iter().flat_map(|fact| [*fact, *fact]));
        let all_again = folded(order.iter().chain(order.iter().rev()).copied());
        for view in [once, at_once_again, all_again] {
            assert_eq!(view.shown(), expected.shown(), "{order:?}");
            assert_eq!((&view.booking, view.payment), (&expected.booking, expected.payment));
        }
    }
}

#[test]
fn r30_a_stale_event_changes_nothing() {
    let mut view = folded(&story());
    let before = view.clone();
    for fact in story() {
        assert!(!view.fold(&fact));
    }
    assert_eq!(view, before);
}

#[test]
fn r30_a_payment_before_its_booking_waits_and_is_not_lost() {
    let mut view = folded(&[payment(1, PaymentStatus::Approved, 0)]);
    assert_eq!(view.shown(), None);
    assert!(view.fold(&booking(1, BookingStatus::Pending, 0)));
    let shown = view.shown().unwrap();
    assert_eq!(shown.payment_status, Some(PaymentStatus::Approved));
    assert_eq!(shown.booking.status, BookingStatus::Pending);
}

#[test]
fn t08_the_refund_shows_from_whichever_side_tells_of_it_first() {
    let confirmed = booking(2, BookingStatus::Confirmed, 0);
    let by_payment = folded(&[confirmed.clone(), payment(2, PaymentStatus::Refunded, 165_000)]);
    let by_booking = folded(&[confirmed, booking(4, BookingStatus::Cancelled, 165_000)]);
    assert_eq!(by_payment.shown().unwrap().refunded, krw(165_000));
    assert_eq!(by_booking.shown().unwrap().refunded, krw(165_000));
}

fn row(status: BookingStatus, paid: Option<PaymentStatus>, refunded: Money) -> MyBooking {
    let booking = snapshot(status, refunded, 1);
    MyBooking {
        booking_id: booking_id(),
        version: 1,
        payment_status: paid,
        refunded,
        update_time: booking.update_time,
        booking,
    }
}

#[test]
fn t07_only_bookings_that_took_money_count_as_sales() {
    let usd = |minor| Money::from_minor(minor, Currency::from_code("USD").unwrap());
    let rows = [
        row(BookingStatus::Confirmed, Some(PaymentStatus::Approved), krw(0)),
        row(BookingStatus::Confirmed, None, krw(0)),
        row(BookingStatus::Cancelled, Some(PaymentStatus::Refunded), krw(165_000)),
        row(BookingStatus::Cancelled, None, krw(0)),
        row(BookingStatus::AwaitingPayment, Some(PaymentStatus::Declined), krw(0)),
        row(BookingStatus::Pending, None, krw(0)),
        row(BookingStatus::Expired, None, krw(0)),
        row(BookingStatus::Rejected, None, krw(0)),
        row(BookingStatus::Cancelling, Some(PaymentStatus::Approved), usd(0)),
    ];
    let summary = SalesSummary::sum(rows.iter().map(Tally::of)).unwrap();
    assert_eq!(summary.confirmed_bookings, 2);
    assert_eq!(summary.sold_quantity, 6);
    assert_eq!(summary.cancelled_bookings, 3);
    assert_eq!(summary.open_bookings, 2);
    let totals: Vec<_> =
        summary.totals.iter().map(|total| (total.gross, total.refunded, total.net)).collect();
    assert_eq!(
        totals,
        [(krw(495_000), krw(165_000), krw(330_000)), (usd(165_000), usd(0), usd(165_000)),]
    );
}
