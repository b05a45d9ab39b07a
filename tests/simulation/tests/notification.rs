//! A thousand events in no order, a third of them twice, from three replicas at once: each letter is written once.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use kernel::{
    BookingId, BuyerId, Cause, Currency, EventId, Locale, Money, OrganizerId, Quantity, TicketId,
    Timestamp, Uuid,
};
use memory_notification::MemoryNotificationStore;
use notification::{
    BookingCard, BookingNews, Fact, News, Notifying, PaymentCard, PaymentNews, TicketCard,
    TicketNews, told,
};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng, rngs::StdRng};
use testkit::{ManualClock, NumberedIds};

const BOOKINGS: u128 = 166;
const REPLICAS: usize = 3;
const SEEDS: u64 = 20;

fn krw(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

/// The six events of one booking, and now and then a ticket's two.
fn story(n: u128) -> Vec<News> {
    let booking = || BookingCard {
        booking_id: BookingId::new(Uuid::from_u128(n)),
        ticket_id: TicketId::new(Uuid::from_u128(n % 3)),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: OrganizerId::new("acme").unwrap(),
        buyer_id: BuyerId::new(format!("buyer-{}", n % 7)).unwrap(),
        buyer_locale: Some(Locale::Ko),
        quantity: Quantity::new(1).unwrap(),
        seats: Vec::new(),
        stay: None,
        total: krw(1_000),
        cancel_fee: None,
        status_reason: String::new(),
        pay_by: None,
    };
    let payment = || PaymentCard {
        booking_id: booking().booking_id,
        buyer_id: booking().buyer_id,
        buyer_locale: None,
        amount: krw(1_000),
    };
    let ticket = || TicketCard {
        ticket_id: booking().ticket_id,
        organizer_id: booking().organizer_id,
        name: booking().ticket_name,
        venue: String::new(),
        unit_price: krw(1_000),
        capacity: 10,
        starts_at: None,
    };
    let registered = TicketNews::Registered { organizer_locale: Some(Locale::Ko) };
    let refund = krw(1_000);
    let mut news = vec![
        News::Booking(BookingNews::Placed, booking()),
        News::Payment(PaymentNews::Approved, payment()),
        News::Booking(BookingNews::Confirmed, booking()),
        News::Booking(BookingNews::CancellationRequested, booking()),
        News::Payment(PaymentNews::RefundSucceeded { refund }, payment()),
        News::Booking(BookingNews::Cancelled, booking()),
    ];
    if n.is_multiple_of(50) {
        news.push(News::Ticket(registered, ticket()));
        news.push(News::Ticket(TicketNews::Retired, ticket()));
    }
    news
}

async fn deliver(store: &Arc<MemoryNotificationStore>, deliveries: &[(EventId, News)]) {
    let (clock, ids) =
        (Arc::new(ManualClock::at(Timestamp::from_micros(0))), Arc::new(NumberedIds::default()));
    let share = deliveries.len().div_ceil(REPLICAS);
    join_all(deliveries.chunks(share).map(|share| {
        let (clock, ids) = (clock.clone(), ids.clone());
        let replica = Notifying { store: Arc::clone(store) as _, clock, ids };
        async move {
            for (event_id, news) in share {
                let cause = Cause { consumer: "notification.letters", event_id: *event_id };
                let fact = Fact { at: Timestamp::from_micros(0), news: news.clone() };
                replica.tell(&fact, cause).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    }))
    .await;
}

#[tokio::test]
async fn t06_i7_r29_each_event_recipient_and_channel_once() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let events: Vec<_> = (1..)
            .zip((1..=BOOKINGS).flat_map(story))
            .map(|(n, news)| (EventId::new(Uuid::from_u128(n)), news))
            .collect();
        let again = events.iter().filter(|_| rng.random_bool(0.3));
        let mut deliveries: Vec<_> = events.iter().chain(again).cloned().collect();
        deliveries.shuffle(&mut rng);
        let store = Arc::new(MemoryNotificationStore::new());
        deliver(&store, &deliveries).await;

        let mut expected = BTreeMap::new();
        for (event_id, news) in &events {
            for told in told(news) {
                *expected.entry((*event_id, told.recipient)).or_insert(0) += 1;
            }
        }
        let mut sent = BTreeMap::new();
        for message in store.all() {
            *sent.entry((message.event_id, message.recipient)).or_insert(0) += 1;
        }
        assert!(expected.values().all(|count| *count == 1));
        assert_eq!(sent, expected);
    }
}
