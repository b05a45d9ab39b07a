//! Tickets: the whole state reads back, one commit is one change, and nothing is written by halves.

use std::time::Duration;

use futures::future::join_all;
use kernel::{
    Cause, Committed, EventId, Locale, Money, OrganizerId, Percent, Quantity, ReplyChange,
    ReplyKey, TimeZoneName, Timestamp,
};
use ticket::{
    Allocation, CANCEL_BEFORE_MAX, CAPACITY_MAX, CATEGORY_CHARS_MAX, CancelPolicy,
    DESCRIPTION_CHARS_MAX, HoldStep, NAME_CHARS_MAX, SectionPrice, Slot, SlotCapacity, Ticket,
    TicketKind, TicketStatus, UNIT_PRICE_MINOR_MAX, VENUE_CHARS_MAX,
};

use crate::scene::{Stores, memory, over, won};

contract::over_every_store!(
    every_ticket_reads_back,
    the_longest_texts_fit,
    a_stale_revision_is_a_conflict,
    of_ten_racers_one_wins,
    r29_the_same_cause_twice_is_one_commit,
    i6_a_taken_key_leaves_nothing,
    i1_a_capacity_never_falls_below_what_is_taken,
    t02_a_ticket_ends_when_nothing_of_it_is_kept,
);

async fn every_ticket_reads_back(stores: &Stores) {
    let statuses =
        [TicketStatus::OnSale, TicketStatus::Paused, TicketStatus::Retiring, TicketStatus::Retired];
    for status in statuses {
        let full = stores.on_sale(7, |ticket| full(ticket, status)).await;
        let found = stores.find(full.id).await;
        assert_eq!(found.ticket, full);
        assert_eq!((found.stock.capacity(), found.stock.available()), (7, 7));
    }
    let plain = stores.on_sale(0, |_| {}).await;
    assert_eq!(stores.find(plain.id).await.ticket, plain);
    let nobody = stores.listing(1).ticket.id;
    assert_eq!(stores.tickets.find(nobody).await, Ok(None));
}

async fn the_longest_texts_fit(stores: &Stores) {
    // Four bytes for each, the most there are.
    let long = |chars| "🎫".repeat(chars);
    let form = |ticket: &mut Ticket| {
        ticket.terms.name = long(NAME_CHARS_MAX);
        ticket.terms.description = long(DESCRIPTION_CHARS_MAX);
        ticket.terms.venue = long(VENUE_CHARS_MAX);
        ticket.terms.category = long(CATEGORY_CHARS_MAX);
        ticket.organizer_id = OrganizerId::new("o".repeat(128)).unwrap();
        ticket.terms.unit_price = Money::from_minor(UNIT_PRICE_MINOR_MAX, won(1).currency());
    };
    let ticket = stores.on_sale(i64::try_from(CAPACITY_MAX).unwrap(), form).await;
    assert_eq!(stores.find(ticket.id).await.ticket, ticket);
}

fn full(ticket: &mut Ticket, status: TicketStatus) {
    let at = |secs| Some(Timestamp::from_micros(1).plus(Duration::from_secs(secs)));
    ticket.status = status;
    ticket.terms.sections = ["", "1층 가열", "S 2"]
        .map(|name| SectionPrice { name: name.into(), unit_price: won(7) })
        .to_vec();
    (ticket.terms.min_nights, ticket.terms.max_nights) = (2, 14);
    ticket.kind = TicketKind::Nightly;
    ticket.allocation = Allocation::PayFirst;
    ticket.organizer_locale = Locale::En;
    ticket.terms.description = "Zeile\nund 공연 🎫 'quoted' \\ % _".into();
    ticket.terms.venue = "Halle".into();
    ticket.terms.category = "concert".into();
    ticket.terms.time_zone = TimeZoneName::new("Asia/Seoul").unwrap();
    ticket.terms.sale_starts_at = at(1);
    ticket.terms.sale_ends_at = at(2);
    ticket.terms.starts_at = at(3);
    ticket.terms.ends_at = at(4);
    ticket.terms.max_per_buyer = Quantity::new(4).ok();
    ticket.terms.hold_ttl = Duration::from_millis(1_500);
    ticket.terms.cancel_policy = Some(CancelPolicy {
        free_before: Some(CANCEL_BEFORE_MAX),
        fee_percent: Percent::new(100).unwrap(),
        closed_before: Some(Duration::ZERO),
    });
}

async fn a_stale_revision_is_a_conflict(stores: &Stores) {
    let ticket = stores.on_sale(1, |_| {}).await;
    let mut listing = stores.find(ticket.id).await;
    assert_eq!(stores.tickets.commit(stores.change(&listing, 0)).await, Ok(Committed::Stale));
    let _happened = listing.ticket.retire(Timestamp::from_micros(9));
    for (expected, verdict) in [(7, Committed::Stale), (1, Committed::Done), (1, Committed::Stale)]
    {
        assert_eq!(stores.tickets.commit(stores.change(&listing, expected)).await, Ok(verdict));
    }
    assert_eq!(stores.find(ticket.id).await.ticket, listing.ticket);
    let told = stores.told(ticket.id).await;
    assert_eq!(told, [("Registered".to_owned(), 1), ("Changed".to_owned(), 2)]);
}

async fn of_ten_racers_one_wins(stores: &Stores) {
    let ticket = stores.on_sale(1, |_| {}).await;
    let changes = (0..10).map(|racer| {
        let mut listing = stores.listing(1);
        listing.ticket = ticket.clone();
        listing.ticket.terms.name = format!("Racer {racer}");
        listing.ticket.revision = 2;
        listing.ticket.event_version = 2;
        stores.tickets.commit(stores.change(&listing, 1))
    });
    let verdicts = join_all(changes).await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Ok(Committed::Done)).count(), 1);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Ok(Committed::Stale)).count(), 9);
    assert_eq!(stores.told(ticket.id).await.len(), 2);
}

async fn r29_the_same_cause_twice_is_one_commit(stores: &Stores) {
    let cause = Cause { consumer: "ticket.test", event_id: EventId::new(stores.uuid()) };
    let (first, second) = (stores.listing(1), stores.listing(1));
    for (listing, verdict) in [(&first, Committed::Done), (&second, Committed::AlreadyHandled)] {
        let mut change = stores.change(listing, 0);
        change.caused_by = Some(cause.clone());
        assert_eq!(stores.tickets.commit(change).await, Ok(verdict));
    }
    assert_eq!(stores.tickets.find(second.ticket.id).await, Ok(None));
    assert!(stores.told(second.ticket.id).await.is_empty());
}

async fn i6_a_taken_key_leaves_nothing(stores: &Stores) {
    let key = ReplyKey { scope: "acme".into(), key: "k".into(), fingerprint: vec![1] };
    assert_eq!(stores.tickets.find_reply(&key).await, Ok(None));
    let record = |body: u8| ReplyChange::Record { key: key.clone(), body: vec![body] };
    let (first, second) = (stores.listing(1), stores.listing(1));
    let cause = Cause { consumer: "ticket.test", event_id: EventId::new(stores.uuid()) };
    for (listing, body, verdict) in
        [(&first, 1, Committed::Done), (&second, 2, Committed::KeyTaken)]
    {
        let mut change = stores.change(listing, 0);
        change.reply = record(body);
        change.caused_by = (body == 2).then(|| cause.clone());
        assert_eq!(stores.tickets.commit(change).await, Ok(verdict));
    }
    let reply = stores.tickets.find_reply(&key).await.unwrap().unwrap();
    assert_eq!((reply.fingerprint, reply.body), (vec![1], Some(vec![1])));
    assert_eq!(stores.tickets.find(second.ticket.id).await, Ok(None));
    assert!(stores.told(second.ticket.id).await.is_empty());
    assert!(stores.left(second.ticket.id).await.is_none());
    let mut again = stores.change(&second, 0);
    again.caused_by = Some(cause);
    assert_eq!(stores.tickets.commit(again).await, Ok(Committed::Done), "the cause was not taken");
}

async fn i1_a_capacity_never_falls_below_what_is_taken(stores: &Stores) {
    let ticket = stores.on_sale(10, |_| {}).await;
    let sold = stores.held(&ticket, 3, true).await;
    assert!(stores.step(sold.id, HoldStep::Commit).await.is_ok());
    stores.held(&ticket, 2, false).await;
    let mut revision = 1;
    for (capacity, verdict) in
        [(4, Committed::Stale), (5, Committed::Done), (4, Committed::Stale), (12, Committed::Done)]
    {
        let mut listing = stores.find(ticket.id).await;
        listing.ticket.revision = revision + 1;
        listing.ticket.event_version = revision + 1;
        let mut change = stores.change(&listing, revision);
        change.capacities = vec![SlotCapacity { slot: Slot::Admission, capacity, position: 0 }];
        assert_eq!(stores.tickets.commit(change).await, Ok(verdict), "{capacity}");
        revision += i64::from(verdict == Committed::Done);
        let found = stores.find(ticket.id).await;
        assert_eq!(found.ticket.revision, revision);
        assert_eq!((found.stock.held(), found.stock.sold()), (2, 3));
    }
    let before = stores.now().await;
    let left = stores.left(ticket.id).await.unwrap();
    assert_eq!((left.total.capacity(), left.total.available(), left.slots.len()), (12, 7, 1));
    assert!((before..=stores.now().await).contains(&left.read_at), "the store's own time");
}

async fn t02_a_ticket_ends_when_nothing_of_it_is_kept(stores: &Stores) {
    let ticket = stores.on_sale(10, |_| {}).await;
    let empty = stores.on_sale(10, |_| {}).await;
    let (kept, sold) = (stores.held(&ticket, 1, false).await, stores.held(&ticket, 1, true).await);
    assert!(stores.step(sold.id, HoldStep::Commit).await.is_ok());
    let retirable = async || stores.tickets.find_retirable(10).await.unwrap();
    assert!(retirable().await.is_empty(), "nothing is deleted");
    stores.delete(ticket.id).await;
    assert!(retirable().await.is_empty(), "two holds keep stock");
    assert!(stores.step(kept.id, HoldStep::Release).await.is_ok());
    assert!(retirable().await.is_empty(), "one hold keeps stock");
    assert!(stores.step(sold.id, HoldStep::Return).await.is_ok());
    assert_eq!(retirable().await, [ticket.id]);
    stores.delete(empty.id).await;
    assert_eq!(retirable().await.len(), 2);
    assert_eq!(stores.tickets.find_retirable(1).await.unwrap().len(), 1);
}
