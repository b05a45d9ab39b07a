//! Seats and nights: held all or none, never twice, and as their organizer says.

use futures::future::join_all;
use kernel::{BuyerId, Committed, Fault, Quantity};
use ticket::{
    HoldOwner, HoldRecord, HoldRequest, HoldStep, NightChange, NightPrice, Nights, Slot,
    SlotCapacity, StockCommand, StockRefusal, StockVerdict, Ticket, TicketChange, Wanted, fold,
};

use crate::scene::{Stores, hold_of, memory, night, over, won};

contract::over_every_store!(
    r31_fifty_buyers_of_twenty_best_seats,
    r31_many_halls_at_once_are_all_chosen_from,
    r27_fifty_calls_of_one_buyer_for_rooms,
    r31_a_seat_is_sold_once,
    r24_stays_that_overlap_never_sell_a_night_twice,
    a_batch_mixes_kinds,
    seats_are_read_in_their_order_with_their_prices,
    nights_are_set_by_range,
    i1_a_night_never_falls_below_what_is_taken,
    a_stay_of_a_year_is_held_and_returned;
    a_hold_of_a_server_that_knew_of_admission_alone_reads_back,
);

const HALL: [&str; 20] = [
    "S/A1", "S/A2", "S/A3", "S/A4", "S/A5", "S/A6", "S/A7", "S/A8", "B1", "B2", "B3", "B4", "B5",
    "B6", "C1", "C2", "C3", "C4", "D1", "D2",
];

fn reason(verdict: &StockVerdict) -> &'static str {
    verdict.as_ref().err().map_or("", StockRefusal::reason)
}

fn count(verdicts: &[StockVerdict], wanted: &str) -> usize {
    verdicts.iter().filter(|verdict| reason(verdict) == wanted).count()
}

fn units(count: i64) -> Wanted {
    Wanted::Units(Quantity::new(count).unwrap())
}

fn named(names: &[&str]) -> Wanted {
    Wanted::Seats(names.iter().map(|name| (*name).to_owned()).collect())
}

fn stay(from: i32, until: i32, rooms: i64) -> Wanted {
    let nights = Nights::new(night(from), night(until), ticket::NIGHTS_MAX).unwrap();
    Wanted::Nights { quantity: Quantity::new(rooms).unwrap(), nights }
}

impl Stores {
    fn wish(&self, ticket: &Ticket, buyer: &str, wanted: Wanted) -> HoldRequest {
        HoldRequest { wanted, ..self.request(ticket, buyer, 1) }
    }

    async fn hold(&self, ticket: &Ticket, buyer: &str, wanted: Wanted) -> StockVerdict {
        self.execute(StockCommand::Hold(self.wish(ticket, buyer, wanted))).await
    }

    /// What the ledger says is what the counters say.
    async fn agrees(&self, ticket: &Ticket) {
        let (ledger, left) = (self.ledger(ticket.id).await, self.left(ticket.id).await);
        let counts = fold(&ledger);
        for slot in left.unwrap().slots {
            let folded = counts.get(&(ticket.id, slot.slot.clone())).copied().unwrap_or_default();
            assert_eq!(u64::try_from(folded.held), Ok(slot.stock.held()), "I2 {:?}", slot.slot);
            assert_eq!(u64::try_from(folded.sold), Ok(slot.stock.sold()), "I2 {:?}", slot.slot);
        }
    }
}

async fn r31_fifty_buyers_of_twenty_best_seats(stores: &Stores) {
    let ticket = stores.seated(&HALL).await;
    let names: Vec<_> = (0..50).map(|buyer| format!("buyer-{buyer}")).collect();
    let calls = names.iter().map(|buyer| stores.hold(&ticket, buyer, units(2)));
    let verdicts = join_all(calls).await;
    assert_eq!((count(&verdicts, ""), count(&verdicts, "SOLD_OUT")), (10, 40));
    let holds: Vec<_> = verdicts.into_iter().filter(Result::is_ok).map(hold_of).collect();
    let mut seats: Vec<_> = holds.iter().flat_map(|hold| hold.seats()).collect();
    seats.sort_unstable();
    seats.dedup();
    assert_eq!(seats.len(), 20, "each once");
    for hold in &holds {
        let rows: Vec<_> = hold.seats().map(ticket::row_of).collect();
        assert_eq!(rows[0], rows[1], "side by side in one row");
        let read = stores.stock.find_hold(hold.id).await;
        assert_eq!(read, Ok(Some(HoldRecord::Hold(hold.clone()))));
    }
    stores.agrees(&ticket).await;
    // The same hold again gets its seats, and what is given back can be had again.
    let mut again = stores.wish(&ticket, "nobody", units(2));
    (again.hold_id, again.owner) = (holds[0].id, holds[0].owner.clone());
    assert_eq!(hold_of(stores.execute(StockCommand::Hold(again)).await), holds[0]);
    assert!(stores.step(holds[3].id, HoldStep::Release).await.is_ok());
    let late = hold_of(stores.hold(&ticket, "late", units(2)).await);
    assert_eq!(late.lines, holds[3].lines);
}

/// More halls than one transaction reads the maps of.
async fn r31_many_halls_at_once_are_all_chosen_from(stores: &Stores) {
    let mut halls = Vec::new();
    for _ in 0..12 {
        halls.push(stores.seated(&HALL).await);
    }
    let names: Vec<_> = (0..9).map(|buyer| format!("buyer-{buyer}")).collect();
    let calls =
        halls.iter().flat_map(|hall| names.iter().map(|buyer| stores.hold(hall, buyer, units(3))));
    let verdicts = join_all(calls).await;
    assert_eq!((count(&verdicts, ""), count(&verdicts, "SOLD_OUT")), (12 * 6, 12 * 3));
    for hall in &halls {
        assert_eq!(stores.find(hall.id).await.stock.held(), 18);
        stores.agrees(hall).await;
    }
}

async fn r27_fifty_calls_of_one_buyer_for_rooms(stores: &Stores) {
    let ticket = stores.nightly(9, 100).await;
    let mut listing = stores.find(ticket.id).await;
    let revision = listing.ticket.revision;
    listing.ticket.terms.max_per_buyer = Quantity::new(4).ok();
    listing.ticket.revision += 1;
    listing.ticket.event_version += 1;
    let limited = stores.tickets.commit(stores.change(&listing, revision)).await;
    assert_eq!(limited, Ok(Committed::Done));
    let calls = (0..50).map(|number| {
        let from = number % 5;
        stores.hold(&ticket, "greedy", stay(from, from + 3, 1))
    });
    let verdicts = join_all(calls).await;
    assert_eq!((count(&verdicts, ""), count(&verdicts, "LIMIT_PER_BUYER")), (4, 46));
    let modest = stores.hold(&ticket, "modest", stay(0, 9, 4)).await;
    assert!(modest.is_ok(), "rooms count, not their nights");
    stores.agrees(&ticket).await;
}

async fn r31_a_seat_is_sold_once(stores: &Stores) {
    let ticket = stores.seated(&HALL).await;
    let names: Vec<_> = (0..12).map(|buyer| format!("buyer-{buyer}")).collect();
    let calls = names.iter().map(|buyer| stores.hold(&ticket, buyer, named(&["B1", "B2"])));
    let verdicts = join_all(calls).await;
    assert_eq!((count(&verdicts, ""), count(&verdicts, "SOLD_OUT")), (1, 11));
    let hold = hold_of(verdicts.into_iter().find(Result::is_ok).unwrap());
    assert!(stores.step(hold.id, HoldStep::Commit).await.is_ok());
    assert_eq!(reason(&stores.hold(&ticket, "late", named(&["B2", "B3"])).await), "SOLD_OUT");
    let strange = stores.hold(&ticket, "late", named(&["B3", "b3"])).await;
    assert_eq!(reason(&strange), "INVALID_FIELD", "names are exact");
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.capacity(), stock.sold(), stock.available()), (20, 2, 18));
}

async fn r24_stays_that_overlap_never_sell_a_night_twice(stores: &Stores) {
    let ticket = stores.nightly(6, 1).await;
    let names: Vec<_> = (0..24).map(|buyer| format!("guest-{buyer}")).collect();
    let calls = names.iter().zip(0..).map(|(buyer, number)| {
        let from = number % 5;
        stores.hold(&ticket, buyer, stay(from, from + 2, 1))
    });
    let verdicts = join_all(calls).await;
    let held = count(&verdicts, "");
    assert_eq!(held + count(&verdicts, "SOLD_OUT"), 24);
    assert!((2..=3).contains(&held), "{held}");
    stores.agrees(&ticket).await;
    assert_eq!(reason(&stores.hold(&ticket, "late", stay(5, 7, 1)).await), "SOLD_OUT", "no row");
    assert_eq!(stores.ledger(ticket.id).await.len(), 2 * held, "each all its nights");
}

async fn a_batch_mixes_kinds(stores: &Stores) {
    let (hall, hotel) = (stores.seated(&HALL).await, stores.nightly(3, 2).await);
    let door = stores.on_sale(5, |_| {}).await;
    let wishes = [
        stores.wish(&hall, "a", units(3)),
        stores.wish(&hotel, "b", stay(0, 2, 2)),
        stores.wish(&door, "c", units(4)),
        stores.wish(&hall, "d", named(&["D1", "D2"])),
        stores.wish(&hotel, "e", stay(1, 3, 1)),
        stores.wish(&hall, "f", stay(0, 1, 1)),
        stores.wish(&hotel, "g", units(1)),
    ];
    let orders = wishes.map(|wish| stores.order(StockCommand::Hold(wish)));
    let verdicts = stores.decide(orders.into()).await;
    let reasons: Vec<_> = verdicts.iter().map(reason).collect();
    assert_eq!(reasons, ["", "", "", "", "SOLD_OUT", "INVALID_FIELD", "INVALID_FIELD"]);
    let first = hold_of(verdicts[0].clone());
    assert_eq!((first.quantity.get(), first.total), (3, won(9_000)));
    for ticket in [&hall, &hotel, &door] {
        stores.agrees(ticket).await;
    }
}

async fn seats_are_read_in_their_order_with_their_prices(stores: &Stores) {
    let ticket = stores.seated(&["Z9", "S/A10", "S/A2", "A1"]).await;
    let left = stores.left(ticket.id).await.unwrap();
    let shown: Vec<_> =
        left.slots.iter().map(|slot| (slot.slot.to_string(), slot.unit_price.minor())).collect();
    let expected =
        [("seat:Z9", 1_000), ("seat:S/A10", 3_000), ("seat:S/A2", 3_000), ("seat:A1", 1_000)];
    assert_eq!(shown, expected.map(|(slot, price)| (slot.to_owned(), price)));
    assert_eq!((left.total.capacity(), left.total.available()), (4, 4));
}

async fn nights_are_set_by_range(stores: &Stores) {
    let ticket = stores.nightly(4, 2).await;
    let revision = ticket.revision;
    let mut listing = stores.find(ticket.id).await;
    assert_eq!((listing.stock.capacity(), listing.stock.available()), (2, 2));
    listing.ticket.revision += 1;
    listing.ticket.event_version += 1;
    let nights = Nights::new(night(1), night(3), 9).unwrap();
    let unit_price = Some(NightPrice::Own(won(700)));
    let (closed_to_arrival, closed_to_departure) = (Some(true), None);
    let change = NightChange { nights, unit_price, closed_to_arrival, closed_to_departure };
    let change = TicketChange { nights: Some(change), ..stores.change(&listing, revision) };
    assert_eq!(stores.tickets.commit(change).await, Ok(Committed::Done));
    let whole = Nights::new(night(0), night(5), 9).unwrap();
    let read = stores.stock.slots(&[ticket.id], None, Some(whole)).await.unwrap().pop().unwrap();
    assert_eq!(read.slots.len(), 4, "only these nights");
    let left = ticket::Availability::of(read, Some(whole));
    let prices: Vec<_> = left.slots.iter().map(|slot| slot.unit_price.minor()).collect();
    assert_eq!(prices, [1_000, 700, 700, 1_000, 1_000]);
    let closed: Vec<_> = left.slots.iter().map(|slot| slot.terms.closed_to_arrival).collect();
    assert_eq!(closed, [false, true, true, false, false]);
    assert_eq!(left.available, 0, "the last night is not sold");
    let refused = stores.hold(&ticket, "alice", stay(1, 3, 1)).await;
    assert_eq!(reason(&refused), "STAY_NOT_ALLOWED");
    let held = hold_of(stores.hold(&ticket, "alice", stay(0, 4, 2)).await);
    assert_eq!(held.total, won(2 * (1_000 + 700 + 700 + 1_000)));
}

async fn i1_a_night_never_falls_below_what_is_taken(stores: &Stores) {
    let ticket = stores.nightly(3, 5).await;
    assert!(stores.hold(&ticket, "alice", stay(1, 2, 3)).await.is_ok());
    let mut revision = ticket.revision;
    for (capacity, verdict) in [(2, Committed::Stale), (3, Committed::Done), (7, Committed::Done)] {
        let mut listing = stores.find(ticket.id).await;
        (listing.ticket.revision, listing.ticket.event_version) = (revision + 1, revision + 1);
        let night = |place| SlotCapacity { slot: Slot::Night(night(place)), capacity, position: 0 };
        let capacities = (0..4).map(night).collect();
        let change = TicketChange { capacities, ..stores.change(&listing, revision) };
        assert_eq!(stores.tickets.commit(change).await, Ok(verdict), "{capacity}");
        revision += i64::from(verdict == Committed::Done);
    }
    let left = stores.left(ticket.id).await.unwrap();
    let nights = left.slots.iter().filter(|slot| slot.stock.capacity() == 7);
    assert_eq!(nights.count(), 4, "one more than before");
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.capacity(), stock.available()), (7, 7));
    stores.agrees(&ticket).await;
}

/// More lines than one statement takes on some engines.
async fn a_stay_of_a_year_is_held_and_returned(stores: &Stores) {
    let ticket = stores.nightly(365, 12).await;
    let wishes: Vec<_> = (0..12)
        .map(|guest| stores.wish(&ticket, &format!("guest-{guest}"), stay(0, 365, 1)))
        .collect();
    let orders = wishes.iter().map(|wish| stores.order(StockCommand::Hold(wish.clone()))).collect();
    assert!(stores.decide(orders).await.iter().all(Result::is_ok));
    assert_eq!(stores.find(ticket.id).await.stock.available(), 0);
    let steps = wishes.iter().map(|wish| StockCommand::Step(wish.hold_id, HoldStep::Return));
    let orders = steps.map(|step| stores.order(step)).collect();
    assert!(stores.decide(orders).await.iter().all(Result::is_ok));
    assert_eq!(stores.find(ticket.id).await.stock.available(), 12);
    stores.agrees(&ticket).await;
}

async fn a_hold_of_a_server_that_knew_of_admission_alone_reads_back(stores: &Stores) {
    let limit = |ticket: &mut Ticket| ticket.terms.max_per_buyer = Quantity::new(4).ok();
    let ticket = stores.on_sale(10, limit).await;
    let hold = stores.held(&ticket, 3, true).await;
    let before = format!("UPDATE hold SET quantity = NULL WHERE id = '{}'", hold.id);
    stores.tamper(&before).await;
    assert_eq!(stores.stock.find_hold(hold.id).await, Ok(Some(HoldRecord::Hold(hold.clone()))));
    assert_eq!(hold.owner, HoldOwner::Buyer(BuyerId::new("alice").unwrap()));
    let more = stores.hold(&ticket, "alice", units(2)).await;
    assert_eq!(reason(&more), "LIMIT_PER_BUYER", "its units count");
    assert!(stores.hold(&ticket, "alice", units(1)).await.is_ok());
}
