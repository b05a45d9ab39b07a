//! Tickets that are paid before stock is set aside (row A04): who is charged, and what becomes of the money.

use booking::{BookingStatus, Refusal, RejectReason};
use futures::FutureExt;
use kernel::Answered;

use crate::world::{Act, Scene, alice, create};

#[test]
fn a04_nobody_is_charged_for_what_is_sold_out() {
    for tells_sold_out in [false, true] {
        let scene = Scene::new(1);
        scene.neighbours.world().tells_sold_out = tells_sold_out;
        let _ = scene.act(Act::SellOut);
        let said = scene.act(Act::PayFirst("ok"));
        // Its terms say so, or only the check does.
        let refused = if tells_sold_out { Err("SOLD_OUT") } else { Ok(BookingStatus::Rejected) };
        assert_eq!(said, Some(refused));
        scene.come_to_rest();
        if !tells_sold_out {
            scene.check("sold out");
        }
        assert!(scene.neighbours.world().settlements.is_empty(), "payment never heard of it");
    }
}

#[test]
fn a04_a_refusal_of_stock_after_the_payment_keeps_its_own_name() {
    let scene = Scene::new(1);
    let _ = scene.act(Act::PayFirst("beaten"));
    scene.come_to_rest();
    scene.check("no stock left");
    let booking = scene.first().unwrap().booking;
    assert_eq!(
        (booking.status(), booking.status_reason()),
        (BookingStatus::Cancelled, "STOCK_GONE")
    );
    assert_eq!(booking.stock_refusal, Some(Refusal::from(RejectReason::SoldOut)));
    assert_eq!(booking.refunded, booking.total);
}

/// The ticket was deleted, and whoever cancels its bookings has gone by, between the look at the ticket and the
/// commit of the booking.
#[test]
fn i10_a_booking_that_comes_after_its_tickets_deletion_ends_by_itself_and_uncharged() {
    for method in ["ok", "declined", "slow"] {
        let scene = Scene::new(1);
        scene.neighbours.world().pay_first = true;
        let begun = scene.bookings.create_booking(&alice(), create(method), None).now_or_never();
        let Ok(Answered::Fresh(begun)) = begun.unwrap() else { panic!("not begun") };
        scene.neighbours.world().retiring = true;
        let driven = scene.bookings.drive(begun).now_or_never().unwrap().unwrap().booking;
        assert_eq!(driven.status(), BookingStatus::Rejected, "{method}");
        scene.come_to_rest();
        scene.check(method);
        assert!(scene.neighbours.world().settlements.is_empty(), "{method}");
    }
}
