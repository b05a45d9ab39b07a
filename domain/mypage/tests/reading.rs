//! Who sees what of the view, through the use cases over the memory store.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;

use futures::executor::block_on;
use kernel::{
    AccessDenied, BookingId, BuyerId, Caller, Cause, Currency, EventId, Fault, FaultClass, Money,
    OrganizerId, PageSize, Quantity, Role, TicketId, Timestamp, Uuid,
};
use memory_mypage::MemoryViewStore;
use mypage::{
    BookingSnapshot, BookingStatus, Fact, GetMyBookingError, ListMyBookings, ListMySales, MyPage,
    ReadError,
};

fn my_page() -> MyPage {
    MyPage { store: Arc::new(MemoryViewStore::new()) }
}

fn buyer(name: &str) -> Caller {
    let subject = Some(name.to_owned());
    Caller { subject, roles: vec![Role::Buyer], ..Caller::anonymous() }
}

fn organizer(name: &str) -> Caller {
    Caller {
        subject: Some(format!("user of {name}")),
        roles: vec![Role::Organizer],
        organizer_id: Some(OrganizerId::new(name).unwrap()),
        ..Caller::anonymous()
    }
}

/// Number `n` of `buyer` with `organizer`, confirmed at minute `n`.
fn tell_of(my_page: &MyPage, n: u128, buyer: &str, organizer: &str) -> BookingId {
    let booking_id = BookingId::new(Uuid::from_u128(n));
    let at = Timestamp::from_micros(i64::try_from(n).unwrap() * 60_000_000);
    let money = |minor| Money::from_minor(minor, Currency::from_code("KRW").unwrap());
    let booking = BookingSnapshot {
        ticket_id: TicketId::new(Uuid::from_u128(9)),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: OrganizerId::new(organizer).unwrap(),
        buyer_id: BuyerId::new(buyer).unwrap(),
        quantity: Quantity::new(2).unwrap(),
        seats: Vec::new(),
        check_in: None,
        check_out: None,
        total: money(1_000),
        refunded: money(0),
        status: BookingStatus::Confirmed,
        status_reason: String::new(),
        pay_by: None,
        create_time: at,
        update_time: at,
    };
    let fact = Fact::Booking { booking_id, version: 1, booking };
    let cause = Cause { consumer: "test", event_id: EventId::new(Uuid::from_u128(n)) };
    block_on(my_page.fold_fact(&fact, cause)).unwrap();
    booking_id
}

fn page_size(rows: i32) -> PageSize {
    PageSize::new(rows).unwrap()
}

#[test]
fn t08_a_buyer_sees_own_bookings_once_each_the_newest_first() {
    let my_page = my_page();
    let mine: Vec<_> = (1..=5).map(|n| tell_of(&my_page, n, "alice", "acme")).collect();
    tell_of(&my_page, 6, "bob", "acme");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let query = ListMyBookings { status: None, page_size: page_size(2), after };
        let page = block_on(my_page.list_my_bookings(&buyer("alice"), query)).unwrap();
        assert!(page.bookings.len() <= 2);
        seen.extend(page.bookings.into_iter().map(|row| row.booking_id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, mine.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn t08_anothers_booking_does_not_exist() {
    let my_page = my_page();
    let bobs = tell_of(&my_page, 1, "bob", "acme");
    assert!(block_on(my_page.get_my_booking(&buyer("bob"), bobs, 0)).is_ok());
    let refused = block_on(my_page.get_my_booking(&buyer("alice"), bobs, 0)).unwrap_err();
    assert_eq!(refused, GetMyBookingError::NotFound(bobs));
    assert_eq!((refused.class(), refused.reason()), (FaultClass::NotFound, "BOOKING_NOT_FOUND"));
    assert_eq!(block_on(my_page.watch_my_bookings(&buyer("alice"), 0)), Ok(Vec::new()));
}

#[test]
fn t08_asking_for_a_version_tells_nothing_of_anothers_booking() {
    let my_page = my_page();
    let bobs = tell_of(&my_page, 1, "bob", "acme");
    let read = |who, booking_id, version| {
        block_on(my_page.get_my_booking(&buyer(who), booking_id, version))
    };
    assert_eq!(read("bob", bobs, 1).unwrap().version, 1);
    let behind =
        |booking_id, wanted, seen| Err(GetMyBookingError::Behind { booking_id, wanted, seen });
    assert_eq!(read("bob", bobs, 2), behind(bobs, 2, 1));
    let nobodys = BookingId::new(Uuid::from_u128(404));
    assert_eq!(read("alice", bobs, 1), behind(bobs, 1, 0));
    assert_eq!(read("alice", nobodys, 1), behind(nobodys, 1, 0));
}

#[test]
fn t07_no_other_organizer_sees_a_sale() {
    let my_page = my_page();
    let sold = tell_of(&my_page, 1, "bob", "acme");
    let query = ListMySales { ticket_id: None, status: None, page_size: page_size(0), after: None };
    let acmes = block_on(my_page.list_my_sales(&organizer("acme"), query)).unwrap();
    assert_eq!(acmes.bookings.iter().map(|row| row.booking_id).collect::<Vec<_>>(), [sold]);
    let others = block_on(my_page.list_my_sales(&organizer("other"), query)).unwrap();
    assert_eq!(others.bookings, []);
    let figures = block_on(my_page.get_sales_summary(&organizer("acme"), None)).unwrap();
    assert_eq!((figures.confirmed_bookings, figures.sold_quantity), (1, 2));
    let figures = block_on(my_page.get_sales_summary(&organizer("other"), None)).unwrap();
    assert_eq!((figures.confirmed_bookings, figures.totals), (0, Vec::new()));
}

#[test]
fn a_caller_without_the_part_is_refused() {
    let my_page = my_page();
    let query = ListMyBookings { status: None, page_size: page_size(0), after: None };
    assert_eq!(
        block_on(my_page.list_my_bookings(&Caller::anonymous(), query)),
        Err(ReadError::Access(AccessDenied::Unauthenticated))
    );
    assert_eq!(
        block_on(my_page.watch_my_bookings(&organizer("acme"), 0)),
        Err(ReadError::Access(AccessDenied::RoleLacking("buyer")))
    );
}

#[test]
fn t08_a_watcher_who_has_seen_a_change_has_seen_all_before_it() {
    let my_page = my_page();
    let alice = buyer("alice");
    let all: Vec<_> = (1..=230).map(|n| tell_of(&my_page, n, "alice", "acme")).collect();
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let look = block_on(my_page.watch_my_bookings(&alice, after)).unwrap();
        let Some(last) = look.last() else { break };
        after = last.change_number;
        seen.extend(look.into_iter().map(|changed| changed.booking.booking_id));
    }
    assert_eq!(seen, all);
    let later = tell_of(&my_page, 231, "alice", "acme");
    let look = block_on(my_page.watch_my_bookings(&alice, after)).unwrap();
    assert_eq!(look.iter().map(|row| row.booking.booking_id).collect::<Vec<_>>(), [later]);
}
