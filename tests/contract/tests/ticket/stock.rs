//! Stock: exact under any crowd, and every rule of a hold decided inside the transaction.

use std::time::Duration;

use futures::future::join_all;
use kernel::{Committed, Fault, HoldId, Quantity, StoreError, Timestamp};
use ticket::{
    HoldRecord, HoldState, HoldStep, Slot, SlotCapacity, StockCommand, StockOutcome, StockRefusal,
    StockVerdict, Tombstone, fold,
};

use crate::scene::{Stores, hold_of, memory, over};

contract::over_every_store!(
    every_hold_reads_back,
    i1_forty_buyers_of_twenty_five_units,
    i11_fifty_calls_of_one_buyer,
    r3_a_tombstone_stays,
    r03_expiry_passes_over_pins,
    r08_a_deletion_comes_before_a_hold_or_after_it,
    i2_the_counters_are_the_fold_of_the_ledger,
    a_batch_has_a_verdict_for_each,
    f7_a_hold_asked_for_by_ten_at_once_is_one,
    f7_a_hold_and_its_release_at_once_leave_nothing_held,
    i1_a_capacity_that_falls_while_buyers_race_stays_above_them,
    batches_over_the_same_tickets_pass_each_other,
    due_holds_stand_in_one_order;
    r03_a_corrupt_hold_is_due_and_stops_its_batch,
    a_corrupt_hold_fails_its_own_caller_and_nobody_beside,
);

/// Longer than the life of a hold that is to expire, and than any clock's grain.
const AGE: Duration = Duration::from_millis(30);

fn reason(verdict: &StockVerdict) -> &'static str {
    verdict.as_ref().err().map_or("", StockRefusal::reason)
}

fn count(verdicts: &[StockVerdict], wanted: &str) -> usize {
    verdicts.iter().filter(|verdict| reason(verdict) == wanted).count()
}

async fn every_hold_reads_back(stores: &Stores) {
    let short = |ticket: &mut ticket::Ticket| ticket.terms.hold_ttl = Duration::from_millis(1);
    let ticket = stores.on_sale(100, short).await;
    let paths: [&[HoldStep]; 8] = [
        &[],
        &[HoldStep::Pin],
        &[HoldStep::Commit],
        &[HoldStep::Commit, HoldStep::Return],
        &[HoldStep::Release],
        &[HoldStep::Return],
        &[HoldStep::Expire],
        &[HoldStep::Expire, HoldStep::Pin, HoldStep::Unpin],
    ];
    for path in paths {
        let mut hold = stores.held(&ticket, 2, false).await;
        tokio::time::sleep(AGE).await;
        for step in path {
            hold = hold_of(stores.step(hold.id, *step).await);
        }
        let read = stores.stock.find_hold(hold.id).await;
        assert_eq!(read, Ok(Some(HoldRecord::Hold(hold))), "{path:?}");
    }
    let nobody = HoldId::new(stores.uuid());
    assert_eq!(stores.stock.find_hold(nobody).await, Ok(None));
}

async fn i1_forty_buyers_of_twenty_five_units(stores: &Stores) {
    let ticket = stores.on_sale(25, |_| {}).await;
    let calls = (0..40).map(|buyer| {
        let request = stores.request(&ticket, &format!("buyer-{buyer}"), 1);
        stores.execute(StockCommand::Hold(request))
    });
    let verdicts = join_all(calls).await;
    assert_eq!((count(&verdicts, ""), count(&verdicts, "SOLD_OUT")), (25, 15));
    let held: Vec<_> = verdicts.into_iter().filter(Result::is_ok).map(hold_of).collect();
    // Each commit twice at once: the second is the same answer.
    let twice = held.iter().chain(&held).map(|hold| stores.step(hold.id, HoldStep::Commit));
    assert!(join_all(twice).await.iter().all(Result::is_ok));
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.held(), stock.sold(), stock.available()), (0, 25, 0));
    assert_eq!(stores.ledger(ticket.id).await.len(), 50);
}

async fn i11_fifty_calls_of_one_buyer(stores: &Stores) {
    let limit = |ticket: &mut ticket::Ticket| ticket.terms.max_per_buyer = Quantity::new(4).ok();
    let ticket = stores.on_sale(1_000, limit).await;
    let calls = (0..50).map(|_| {
        let request = stores.request(&ticket, "greedy", 1);
        stores.execute(StockCommand::Hold(request))
    });
    let verdicts = join_all(calls).await;
    assert_eq!((count(&verdicts, ""), count(&verdicts, "LIMIT_PER_BUYER")), (4, 46));
    let other = stores.request(&ticket, "modest", 4);
    assert!(stores.execute(StockCommand::Hold(other)).await.is_ok(), "another buyer's units");
    let first = hold_of(verdicts.into_iter().find(Result::is_ok).unwrap());
    assert!(stores.step(first.id, HoldStep::Commit).await.is_ok());
    let more = || StockCommand::Hold(stores.request(&ticket, "greedy", 1));
    assert_eq!(reason(&stores.execute(more()).await), "LIMIT_PER_BUYER", "sold units count");
    assert!(stores.step(first.id, HoldStep::Return).await.is_ok());
    assert!(stores.execute(more()).await.is_ok(), "returned units do not");
}

async fn r3_a_tombstone_stays(stores: &Stores) {
    let ticket = stores.on_sale(5, |_| {}).await;
    let request = stores.request(&ticket, "alice", 1);
    let id = request.hold_id;
    for _ in 0..2 {
        assert_eq!(stores.step(id, HoldStep::Release).await, Ok(StockOutcome::Tombstone));
    }
    assert_eq!(reason(&stores.execute(StockCommand::Hold(request)).await), "HOLD_CLOSED");
    assert!(stores.told(id).await.is_empty());
    for _ in 0..2 {
        assert_eq!(stores.step(id, HoldStep::Return).await, Ok(StockOutcome::Tombstone));
    }
    assert_eq!(stores.told(id).await, [("Returned".to_owned(), 1)]);
    let left = HoldRecord::Tombstone(Tombstone { id, told: true, revision: 2 });
    assert_eq!(stores.stock.find_hold(id).await, Ok(Some(left)));
    assert_eq!(stores.find(ticket.id).await.stock.available(), 5);
}

async fn r03_expiry_passes_over_pins(stores: &Stores) {
    let short = |ticket: &mut ticket::Ticket| ticket.terms.hold_ttl = Duration::from_millis(1);
    let ticket = stores.on_sale(5, short).await;
    let fresh = stores.on_sale(5, |_| {}).await;
    let (due, pinned) = (stores.held(&ticket, 1, false).await, stores.held(&ticket, 1, true).await);
    let young = stores.held(&fresh, 1, false).await;
    tokio::time::sleep(AGE).await;
    let sweep = stores.stock.due_holds(0, 10).await.unwrap();
    assert_eq!((sweep.due, sweep.overdue_pins), (vec![due.id], 0));
    for hold in [&due, &pinned, &young] {
        assert!(stores.step(hold.id, HoldStep::Expire).await.is_ok());
    }
    let state = async |id| match stores.stock.find_hold(id).await.unwrap().unwrap() {
        HoldRecord::Hold(hold) => hold.state,
        HoldRecord::Tombstone(_) => panic!("a tombstone"),
    };
    assert_eq!(state(due.id).await, HoldState::Expired);
    assert_eq!(state(pinned.id).await, pinned.state);
    assert_eq!(state(young.id).await, young.state);
    // Taken again, let go again, given up: the events of one hold are numbered without a gap.
    assert!(stores.step(due.id, HoldStep::Pin).await.is_ok());
    assert!(stores.step(due.id, HoldStep::Unpin).await.is_ok());
    tokio::time::sleep(AGE).await;
    assert!(stores.step(due.id, HoldStep::Expire).await.is_ok());
    assert!(stores.step(due.id, HoldStep::Return).await.is_ok());
    let told = stores.told(due.id).await;
    assert_eq!(told, [("Expired", 1), ("Expired", 2), ("Returned", 3)].map(|(n, v)| (n.into(), v)));
}

/// Holds whose time is over.
async fn due(stores: &Stores, count: usize) -> Vec<HoldId> {
    let short = |ticket: &mut ticket::Ticket| ticket.terms.hold_ttl = Duration::from_millis(1);
    let ticket = stores.on_sale(100, short).await;
    let mut due = Vec::new();
    for _ in 0..count {
        due.push(stores.held(&ticket, 1, false).await.id);
    }
    tokio::time::sleep(AGE).await;
    due
}

async fn due_holds_stand_in_one_order(stores: &Stores) {
    let due = due(stores, 5).await;
    for (skipped, limit, expected) in [(0, 2, &due[..2]), (2, 2, &due[2..4]), (4, 2, &due[4..])] {
        let sweep = stores.stock.due_holds(skipped, limit).await.unwrap();
        assert_eq!((sweep.due.as_slice(), sweep.unreadable), (expected, 0));
    }
    assert_eq!(stores.stock.due_holds(5, 2).await.unwrap().due, []);
}

async fn r03_a_corrupt_hold_is_due_and_stops_its_batch(stores: &Stores) {
    let due = due(stores, 3).await;
    stores.tamper(&format!("UPDATE hold SET currency = '???' WHERE id = '{}'", due[1])).await;
    assert_eq!(stores.stock.due_holds(0, 9).await.unwrap().due, due);
    let expire = |id: &HoldId| stores.order(StockCommand::Step(*id, HoldStep::Expire));
    let refused = stores.stock.execute(due.iter().map(expire).collect()).await;
    assert!(matches!(refused, Err(StoreError::CorruptRow { table: "hold", .. })), "{refused:?}");
    assert!(stores.step(due[2], HoldStep::Expire).await.is_ok());
    let unreadable = format!("UPDATE hold SET id = 'none' WHERE id = '{}'", due[1]);
    stores.tamper(&unreadable).await;
    let sweep = stores.stock.due_holds(0, 9).await.unwrap();
    assert_eq!((sweep.due, sweep.unreadable), (vec![due[0]], 1));
}

/// Callers that come at once share transactions; each has the answer of its own order.
async fn a_corrupt_hold_fails_its_own_caller_and_nobody_beside(stores: &Stores) {
    let ticket = stores.on_sale(100, |_| {}).await;
    let mut holds = Vec::new();
    for _ in 0..20 {
        holds.push(stores.held(&ticket, 1, true).await.id);
    }
    stores.tamper(&format!("UPDATE hold SET currency = '???' WHERE id = '{}'", holds[7])).await;
    let orders =
        holds.iter().map(|id| vec![stores.order(StockCommand::Step(*id, HoldStep::Commit))]);
    let answers = join_all(orders.map(|orders| stores.stock.execute(orders))).await;
    for (number, answer) in answers.iter().enumerate() {
        let sold = answer.as_ref().is_ok_and(|verdicts| verdicts.iter().all(Result::is_ok));
        let corrupt = matches!(answer, Err(StoreError::CorruptRow { table: "hold", .. }));
        assert_eq!((sold, corrupt), (number != 7, number == 7), "{number}: {answer:?}");
    }
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.held(), stock.sold()), (1, 19));
}

async fn r08_a_deletion_comes_before_a_hold_or_after_it(stores: &Stores) {
    let ticket = stores.on_sale(1_000, |_| {}).await;
    let early = stores.held(&ticket, 1, true).await;
    let calls = (0..30).map(|buyer| {
        let request = stores.request(&ticket, &format!("buyer-{buyer}"), 1);
        stores.execute(StockCommand::Hold(request))
    });
    let (verdicts, ()) = futures::join!(join_all(calls), stores.delete(ticket.id));
    let held = count(&verdicts, "");
    assert_eq!(held + count(&verdicts, "NOT_ON_SALE"), 30);
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!(stock.held(), u64::try_from(held).unwrap() + 1);
    let late = StockCommand::Hold(stores.request(&ticket, "late", 1));
    assert_eq!(reason(&stores.execute(late).await), "NOT_ON_SALE");
    assert_eq!(reason(&stores.step(early.id, HoldStep::Commit).await), "TICKET_RETIRING");
    assert_eq!(hold_of(stores.step(early.id, HoldStep::Unpin).await).id, early.id, "it stays");
}

async fn i2_the_counters_are_the_fold_of_the_ledger(stores: &Stores) {
    let ticket = stores.on_sale(20, |_| {}).await;
    let steps = [
        HoldStep::Pin,
        HoldStep::Unpin,
        HoldStep::Commit,
        HoldStep::Release,
        HoldStep::Return,
        HoldStep::Expire,
    ];
    let ids: Vec<_> = (0..12).map(|_| HoldId::new(stores.uuid())).collect();
    let batches = (0..10_usize).map(|batch| {
        let orders = (0..30_usize).map(|place| {
            let number = batch * 31 + place * 7;
            let id = ids[number % ids.len()];
            let command = if number % 3 == 0 {
                let units = i64::try_from(number % 4).unwrap() + 1;
                let request = stores.request(&ticket, "alice", units);
                StockCommand::Hold(ticket::HoldRequest { hold_id: id, ..request })
            } else {
                StockCommand::Step(id, steps[number % steps.len()])
            };
            stores.order(command)
        });
        stores.decide(orders.collect())
    });
    for verdicts in join_all(batches).await {
        assert_eq!(verdicts.len(), 30);
    }
    let (stock, ledger) = (stores.find(ticket.id).await.stock, stores.ledger(ticket.id).await);
    assert!(!ledger.is_empty());
    let counts = fold(&ledger).remove(&(ticket.id, Slot::Admission)).unwrap_or_default();
    assert_eq!(u64::try_from(counts.held), Ok(stock.held()));
    assert_eq!(u64::try_from(counts.sold), Ok(stock.sold()));
}

async fn a_batch_has_a_verdict_for_each(stores: &Stores) {
    let ticket = stores.on_sale(3, |_| {}).await;
    let nothing = stores.listing(1).ticket;
    let (first, too_many) =
        (stores.request(&ticket, "alice", 2), stores.request(&ticket, "bob", 2));
    let (second, unknown) = (stores.request(&ticket, "bob", 1), stores.request(&nothing, "bob", 1));
    let id = first.hold_id;
    let commands = [
        StockCommand::Hold(first.clone()),
        StockCommand::Hold(too_many),
        StockCommand::Hold(second),
        StockCommand::Hold(unknown),
        StockCommand::Hold(first),
        StockCommand::Step(id, HoldStep::Commit),
        StockCommand::Step(id, HoldStep::Release),
    ];
    let orders = commands.map(|command| stores.order(command));
    let verdicts = stores.decide(orders.into()).await;
    let reasons: Vec<_> = verdicts.iter().map(reason).collect();
    assert_eq!(reasons, ["", "SOLD_OUT", "", "TICKET_NOT_FOUND", "", "", "HOLD_CLOSED"]);
    let mut deleted = stores.find(ticket.id).await;
    assert_eq!((deleted.stock.held(), deleted.stock.sold()), (1, 2));
    let _happened = deleted.ticket.retire(Timestamp::from_micros(1));
    let verdict = stores.tickets.commit(stores.change(&deleted, 1)).await;
    assert_eq!(verdict, Ok(Committed::Done), "holds do not touch the ticket's revision");
}

async fn f7_a_hold_asked_for_by_ten_at_once_is_one(stores: &Stores) {
    let limit = |ticket: &mut ticket::Ticket| ticket.terms.max_per_buyer = Quantity::new(2).ok();
    let ticket = stores.on_sale(100, limit).await;
    for round in 1..=5 {
        let request = stores.request(&ticket, &format!("buyer-{round}"), 2);
        let calls = (0..10).map(|_| stores.execute(StockCommand::Hold(request.clone())));
        let holds: Vec<_> = join_all(calls).await.into_iter().map(hold_of).collect();
        assert!(holds.iter().all(|hold| *hold == holds[0]), "{holds:?}");
        assert_eq!(stores.find(ticket.id).await.stock.held(), 2 * round);
    }
    assert_eq!(stores.ledger(ticket.id).await.len(), 5);
}

async fn f7_a_hold_and_its_release_at_once_leave_nothing_held(stores: &Stores) {
    let ticket = stores.on_sale(100, |_| {}).await;
    let pairs = (0..20).map(async |buyer| {
        let request = stores.request(&ticket, &format!("buyer-{buyer}"), 1);
        let id = request.hold_id;
        let hold = stores.execute(StockCommand::Hold(request));
        let (held, released) = futures::join!(hold, stores.step(id, HoldStep::Release));
        assert!(["", "HOLD_CLOSED"].contains(&reason(&held)), "{held:?}");
        assert!(released.is_ok(), "{released:?}");
        usize::from(held.is_ok())
    });
    let held: usize = join_all(pairs).await.into_iter().sum();
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.held(), stock.sold()), (0, 0));
    assert_eq!(stores.ledger(ticket.id).await.len(), 2 * held, "each that came first was undone");
}

async fn i1_a_capacity_that_falls_while_buyers_race_stays_above_them(stores: &Stores) {
    let ticket = stores.on_sale(100, |_| {}).await;
    let calls = (0..40).map(|buyer| {
        let request = stores.request(&ticket, &format!("buyer-{buyer}"), 1);
        stores.execute(StockCommand::Hold(request))
    });
    let mut listing = stores.find(ticket.id).await;
    listing.ticket.revision = 2;
    listing.ticket.event_version = 2;
    let mut fewer = stores.change(&listing, 1);
    fewer.capacities = vec![SlotCapacity { slot: Slot::Admission, capacity: 20, position: 0 }];
    let (verdicts, fewer) = futures::join!(join_all(calls), stores.tickets.commit(fewer));
    let held = count(&verdicts, "");
    assert_eq!(held + count(&verdicts, "SOLD_OUT"), 40);
    let fewer = fewer.unwrap();
    assert!([Committed::Done, Committed::Stale].contains(&fewer), "{fewer:?}");
    let (capacity, most) = if fewer == Committed::Done { (20, 20) } else { (100, 40) };
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.capacity(), held), (capacity, most));
    assert_eq!(usize::try_from(stock.held()), Ok(held));
}

async fn batches_over_the_same_tickets_pass_each_other(stores: &Stores) {
    let (one, other) = (stores.on_sale(1_000, |_| {}).await, stores.on_sale(1_000, |_| {}).await);
    let batches = (0..16).map(|batch| {
        let both = if batch % 2 == 0 { [&one, &other] } else { [&other, &one] };
        let orders = both.map(|ticket| {
            let request = stores.request(ticket, &format!("buyer-{batch}"), 3);
            stores.order(StockCommand::Hold(request))
        });
        stores.decide(orders.into())
    });
    for verdicts in join_all(batches).await {
        assert!(verdicts.iter().all(Result::is_ok));
    }
    for ticket in [one, other] {
        assert_eq!(stores.find(ticket.id).await.stock.held(), 48);
    }
}
