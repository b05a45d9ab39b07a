//! Letters reach their recipients once and nobody else, through the use cases over the memory store.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::executor::block_on;
use kernel::{
    AccessDenied, BookingId, BuyerId, Caller, Cause, Clock, Currency, EventId, IdSource, Locale,
    Money, OrganizerId, PageSize, Quantity, Role, TicketId, Timestamp, Uuid,
};
use memory_notification::MemoryNotificationStore;
use notification::{
    BookingCard, BookingNews, Fact, ListNotifications, ListNotificationsError, News, Notification,
    Notifying, TicketCard, TicketNews,
};

/// Tells a later time at every look, and names a later id.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.0.fetch_add(1, Ordering::SeqCst)).unwrap())
    }
}

impl IdSource for Ticking {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

fn notifying() -> Notifying {
    Notifying {
        store: Arc::new(MemoryNotificationStore::new()),
        clock: Arc::new(Ticking::default()),
        ids: Arc::new(Ticking::default()),
    }
}

fn krw(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

fn confirmed(booking: u128, buyer_locale: Option<Locale>) -> News {
    let card = BookingCard {
        booking_id: BookingId::new(Uuid::from_u128(booking)),
        ticket_id: TicketId::new(Uuid::from_u128(2)),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: OrganizerId::new("acme").unwrap(),
        buyer_id: BuyerId::new("alice").unwrap(),
        buyer_locale,
        quantity: Quantity::new(3).unwrap(),
        seats: Vec::new(),
        stay: None,
        total: krw(165_000),
        cancel_fee: None,
        status_reason: String::new(),
        pay_by: None,
    };
    News::Booking(BookingNews::Confirmed, card)
}

fn registered(organizer_locale: Locale) -> News {
    let card = TicketCard {
        ticket_id: TicketId::new(Uuid::from_u128(2)),
        organizer_id: OrganizerId::new("acme").unwrap(),
        name: "Rock Night".to_owned(),
        venue: String::new(),
        unit_price: krw(55_000),
        capacity: 10,
        starts_at: None,
    };
    News::Ticket(TicketNews::Registered { organizer_locale: Some(organizer_locale) }, card)
}

fn tell(notifying: &Notifying, event: u128, news: News) {
    let fact = Fact { at: Timestamp::from_micros(i64::try_from(event).unwrap()), news };
    let cause = Cause { consumer: "test", event_id: EventId::new(Uuid::from_u128(event)) };
    block_on(notifying.tell(&fact, cause)).unwrap();
}

fn buyer(name: &str) -> Caller {
    let subject = Some(name.to_owned());
    Caller { subject, roles: vec![Role::Buyer], ..Caller::anonymous() }
}

fn organizer(name: &str) -> Caller {
    Caller {
        subject: Some("somebody".to_owned()),
        roles: vec![Role::Organizer],
        organizer_id: Some(OrganizerId::new(name).unwrap()),
        ..Caller::anonymous()
    }
}

fn inbox(notifying: &Notifying, caller: &Caller) -> Vec<Notification> {
    let page_size = PageSize::new(100).unwrap();
    let query = ListNotifications { booking_id: None, ticket_id: None, page_size, after: None };
    block_on(notifying.list_notifications(caller, query)).unwrap().notifications
}

#[test]
fn t06_t07_i7_r29_buyer_and_organizer_are_told_once_however_often_the_event_comes() {
    let notifying = notifying();
    for _ in 0..3 {
        tell(&notifying, 7, confirmed(1, Some(Locale::En)));
    }
    let alices = inbox(&notifying, &buyer("alice"));
    assert_eq!(alices.len(), 1);
    assert_eq!(alices[0].event_type, "BookingConfirmed");
    assert_eq!(alices[0].booking_id, Some(BookingId::new(Uuid::from_u128(1))));
    assert_eq!(inbox(&notifying, &organizer("acme")).len(), 1);
}

#[test]
fn t07_nobody_sees_anothers_letters() {
    let notifying = notifying();
    tell(&notifying, 7, confirmed(1, None));
    assert_eq!(inbox(&notifying, &buyer("bob")), []);
    assert_eq!(inbox(&notifying, &organizer("other")), []);
    // A buyer who bears an organizer's name is not that organizer.
    assert_eq!(inbox(&notifying, &buyer("acme")), []);
    let query = ListNotifications {
        booking_id: Some(BookingId::new(Uuid::from_u128(1))),
        ticket_id: None,
        page_size: PageSize::new(0).unwrap(),
        after: None,
    };
    assert_eq!(
        block_on(notifying.list_notifications(&Caller::anonymous(), query)),
        Err(ListNotificationsError::Access(AccessDenied::Unauthenticated))
    );
    let bobs = block_on(notifying.list_notifications(&buyer("bob"), query)).unwrap();
    assert_eq!(bobs.notifications, []);
}

#[test]
fn a_caller_with_both_parts_sees_the_letters_to_both() {
    let notifying = notifying();
    tell(&notifying, 7, confirmed(1, None));
    let both = Caller {
        subject: Some("alice".to_owned()),
        roles: vec![Role::Buyer, Role::Organizer],
        ..organizer("acme")
    };
    assert_eq!(inbox(&notifying, &both).len(), 2);
}

#[test]
fn t13_the_organizer_is_told_of_a_ticket_in_the_language_it_was_registered_in() {
    let notifying = notifying();
    tell(&notifying, 1, registered(Locale::Ko));
    let News::Ticket(_, card) = registered(Locale::Ko) else { unreachable!() };
    tell(&notifying, 2, News::Ticket(TicketNews::Retired, card));
    let subjects: Vec<_> =
        inbox(&notifying, &organizer("acme")).into_iter().map(|letter| letter.subject).collect();
    assert_eq!(
        subjects,
        ["티켓이 삭제되었습니다: Rock Night", "티켓이 등록되었습니다: Rock Night"]
    );
}

#[test]
fn the_language_is_the_latest_events_in_whatever_order_they_come() {
    let notifying = notifying();
    tell(&notifying, 5, registered(Locale::Ko));
    tell(&notifying, 3, registered(Locale::En));
    tell(&notifying, 7, confirmed(1, None));
    let newest = inbox(&notifying, &organizer("acme")).remove(0);
    assert_eq!(newest.subject, "새 예매가 있습니다: Rock Night");
    // Nothing was learned of the buyer.
    let alices = inbox(&notifying, &buyer("alice")).remove(0);
    assert_eq!(alices.subject, "Your booking is confirmed: Rock Night");
    // What an event says of its buyer holds for later ones that say nothing.
    tell(&notifying, 8, confirmed(2, Some(Locale::Ko)));
    tell(&notifying, 9, confirmed(3, None));
    let alices = inbox(&notifying, &buyer("alice")).remove(0);
    assert_eq!(alices.subject, "예매가 확정되었습니다: Rock Night");
}
