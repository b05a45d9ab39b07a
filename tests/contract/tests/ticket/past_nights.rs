//! Nights that are over at the place: whoever asks what is left is told of none of them.

use kernel::{CivilDate, PageSize, TicketId, TimeZoneName};
use ticket::{Availability, HoldRequest, Nights, StockCommand, Ticket, TicketSearch, Wanted};

use crate::scene::{Stores, hold_of, memory, over};
use crate::search::everything;

contract::over_every_store!(
    a05_a_room_that_was_free_is_not_left,
    a05_pages_of_what_is_left_have_no_gap_where_nights_are_over,
);

/// Where a day begins last, where it begins first, and between.
const ZONES: [&str; 4] = ["Etc/GMT+12", "UTC", "Asia/Seoul", "Pacific/Kiritimati"];

async fn today(stores: &Stores, zone: &str) -> CivilDate {
    TimeZoneName::new(zone).unwrap().date_of(stores.now().await)
}

fn after(date: CivilDate, days: i32) -> CivilDate {
    date.plus_days(days).unwrap()
}

/// What the ways of asking tell of one ticket.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    capacity: u64,
    available: u64,
    is_found: bool,
    /// Of three nights, the last of which is today's.
    by_night: Vec<u64>,
}

impl Told {
    fn new((capacity, available): (u64, u64), by_night: [u64; 3]) -> Self {
        Self { capacity, available, is_found: available > 0, by_night: by_night.to_vec() }
    }
}

async fn told(stores: &Stores, ticket: &Ticket, today: CivilDate) -> Told {
    let stock = stores.find(ticket.id).await.stock;
    let all = stores.tickets.search(&everything()).await.unwrap().listings;
    let listed = all.iter().find(|listing| listing.ticket.id == ticket.id).unwrap();
    assert_eq!(listed.stock, stock, "a list says what the ticket says");
    let left = TicketSearch { available_only: true, ..everything() };
    let left = stores.tickets.search(&left).await.unwrap().listings;
    let is_found = left.iter().any(|listing| listing.ticket.id == ticket.id);
    let nights = Nights::new(after(today, -2), after(today, 1), 9).unwrap();
    let read = stores.stock.slots(&[ticket.id], None, Some(nights)).await.unwrap().pop().unwrap();
    let shown = Availability::of(read, Some(nights));
    assert_eq!(shown.available, 0, "two of its nights are over");
    let by_night = shown.slots.iter().map(|left| left.available).collect();
    Told { capacity: stock.capacity(), available: stock.available(), is_found, by_night }
}

async fn a05_a_room_that_was_free_is_not_left(stores: &Stores) {
    for zone in ZONES {
        // A day that ends meanwhile is looked at again.
        while !what_is_over_is_not_left(stores, zone).await {}
    }
}

/// Tells whether it was the same day all the time.
async fn what_is_over_is_not_left(stores: &Stores, zone: &str) -> bool {
    let day = today(stores, zone).await;
    let [before, yesterday] = [-2, -1].map(|days| after(day, days));
    let over = stores.rooms(zone, &[(before, 3), (yesterday, 9)]).await;
    let still = stores.rooms(zone, &[(before, 3), (yesterday, 9), (day, 2)]).await;
    let ahead = stores.rooms(zone, &[(yesterday, 9), (after(day, 1), 4)]).await;
    let full = stores.rooms(zone, &[(yesterday, 9), (day, 1)]).await;
    let tonight = Nights::new(day, after(day, 1), 1).unwrap();
    let request = stores.request(&full, "alice", 1);
    let quantity = request.wanted.quantity().unwrap();
    let wanted = Wanted::Nights { quantity, nights: tonight };
    let held = stores.execute(StockCommand::Hold(HoldRequest { wanted, ..request })).await;
    let expected = [
        (&over, Told::new((0, 0), [0, 0, 0])),
        (&still, Told::new((2, 2), [0, 0, 2])),
        (&ahead, Told::new((4, 4), [0, 0, 0])),
        (&full, Told::new((1, 0), [0, 0, 0])),
    ];
    let mut found = Vec::new();
    for (ticket, _) in &expected {
        found.push(told(stores, ticket, day).await);
    }
    if today(stores, zone).await != day {
        return false;
    }
    hold_of(held);
    assert_eq!(found, expected.map(|(_, told)| told), "{zone}");
    true
}

async fn a05_pages_of_what_is_left_have_no_gap_where_nights_are_over(stores: &Stores) {
    // Its yesterday has not come to an end everywhere.
    let zone = "Pacific/Kiritimati";
    let day = today(stores, zone).await;
    let mut left = Vec::<TicketId>::new();
    for number in 0..9 {
        let nights =
            if number % 3 == 1 { vec![(after(day, 2), 1)] } else { vec![(after(day, -1), 1)] };
        let ticket = stores.rooms(zone, &nights).await;
        left.extend((number % 3 == 1).then_some(ticket.id));
    }
    let mut walked = Vec::new();
    let mut search = TicketSearch { available_only: true, ..everything() };
    search.page_size = PageSize::new(2).unwrap();
    loop {
        let page = stores.tickets.search(&search).await.unwrap();
        walked.extend(page.listings.iter().map(|listing| listing.ticket.id));
        search.after = page.next;
        if search.after.is_none() {
            break;
        }
    }
    let is_rooms = |id: &TicketId| left.contains(id);
    walked.retain(is_rooms);
    walked.reverse();
    assert_eq!(walked, left, "newest first, each once");
}
