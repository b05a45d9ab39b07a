//! A thousand events in no order, a third of them twice, from three replicas at once: the view is their fold.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use kernel::{
    BookingId, BuyerId, Caller, Cause, Currency, EventId, Money, OrganizerId, Quantity, Role,
    TicketId, Timestamp, Uuid,
};
use memory_mypage::MemoryViewStore;
use mypage::{
    BookingSnapshot, BookingStatus, BookingView, Fact, MyPage, PaymentSnapshot, PaymentStatus,
    SalesSummary, Tally,
};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng, rngs::StdRng};

const BOOKINGS: u128 = 200;
const BUYERS: u128 = 7;
const REPLICAS: usize = 3;
const SEEDS: u64 = 20;

fn krw(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

fn buyer(n: u128) -> BuyerId {
    BuyerId::new(format!("buyer-{}", n % BUYERS)).unwrap()
}

/// The five events of one booking: placed, approved, confirmed, refunded, cancelled.
fn story(n: u128) -> [Fact; 5] {
    let booking_id = BookingId::new(Uuid::from_u128(n));
    let at = |minute: i64| Timestamp::from_micros(i64::try_from(n).unwrap() + minute * 60_000_000);
    let booking = |version, status, refunded| Fact::Booking {
        booking_id,
        version,
        booking: BookingSnapshot {
            ticket_id: TicketId::new(Uuid::from_u128(n % 3)),
            ticket_name: "Rock Night".to_owned(),
            organizer_id: OrganizerId::new("acme").unwrap(),
            buyer_id: buyer(n),
            quantity: Quantity::new(1).unwrap(),
            seats: Vec::new(),
            check_in: None,
            check_out: None,
            total: krw(1_000),
            refunded: krw(refunded),
            status,
            status_reason: String::new(),
            pay_by: None,
            create_time: at(0),
            update_time: at(version),
        },
    };
    let payment = |version, status, refunded| Fact::Payment {
        booking_id,
        version,
        payment: PaymentSnapshot { status, refunded: krw(refunded), update_time: at(version) },
    };
    [
        booking(1, BookingStatus::Pending, 0),
        payment(1, PaymentStatus::Approved, 0),
        booking(2, BookingStatus::Confirmed, 0),
        payment(2, PaymentStatus::Refunded, 1_000),
        booking(3, BookingStatus::Cancelled, 1_000),
    ]
}

/// Every booking's events up to some point of its story, each with its id.
fn events(rng: &mut StdRng) -> Vec<(EventId, Fact)> {
    let facts = (1..=BOOKINGS).flat_map(|n| {
        let told = if n % 4 == 0 { rng.random_range(1..=5) } else { 5 };
        story(n).into_iter().take(told).collect::<Vec<_>>()
    });
    (1..).zip(facts).map(|(n, fact)| (EventId::new(Uuid::from_u128(n)), fact)).collect()
}

fn redelivered(rng: &mut StdRng, events: &[(EventId, Fact)]) -> Vec<(EventId, Fact)> {
    let again = events.iter().filter(|_| rng.random_bool(0.3));
    let mut deliveries: Vec<_> = events.iter().chain(again).cloned().collect();
    deliveries.shuffle(rng);
    deliveries
}

async fn deliver(store: &Arc<MemoryViewStore>, deliveries: &[(EventId, Fact)]) {
    let share = deliveries.len().div_ceil(REPLICAS);
    join_all(deliveries.chunks(share).map(|share| async move {
        let replica = MyPage { store: Arc::clone(store) as _ };
        for (event_id, fact) in share {
            let cause = Cause { consumer: "mypage.views", event_id: *event_id };
            replica.fold_fact(fact, cause).await.unwrap();
            tokio::task::yield_now().await;
        }
    }))
    .await;
}

#[tokio::test]
async fn i8_r29_r30_the_view_is_the_fold_of_its_events() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let events = events(&mut rng);
        let store = Arc::new(MemoryViewStore::new());
        deliver(&store, &redelivered(&mut rng, &events)).await;

        let mut expected = BTreeMap::new();
        for (_, fact) in &events {
            let id = fact.booking_id();
            expected.entry(id).or_insert_with(|| BookingView::empty(id)).fold(fact);
        }
        let expected: Vec<_> = expected.values().filter_map(BookingView::shown).collect();
        assert_eq!(expected.len(), usize::try_from(BOOKINGS).unwrap());

        let my_page = MyPage { store };
        let mut seen = 0;
        for n in 0..BUYERS {
            let caller = Caller {
                subject: Some(buyer(n).to_string()),
                roles: vec![Role::Buyer],
                ..Caller::anonymous()
            };
            for row in my_page.watch_my_bookings(&caller, 0).await.unwrap() {
                assert!(expected.contains(&row.booking), "{row:?}");
                assert_eq!(row.booking.booking.buyer_id, buyer(n));
                seen += 1;
            }
        }
        assert_eq!(seen, expected.len(), "each booking once");

        let organizer = Caller {
            subject: Some("somebody".to_owned()),
            roles: vec![Role::Organizer],
            organizer_id: Some(OrganizerId::new("acme").unwrap()),
            ..Caller::anonymous()
        };
        let summary = my_page.get_sales_summary(&organizer, None).await.unwrap();
        assert_eq!(summary, SalesSummary::sum(expected.iter().map(Tally::of)).unwrap());
    }
}
