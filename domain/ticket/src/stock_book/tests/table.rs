//! The rules one by one.

use super::*;

fn hold(number: u128, units: i64) -> StockCommand {
    hold_by(number, "alice", units, false)
}

fn hold_by(number: u128, buyer: &str, units: i64, pinned: bool) -> StockCommand {
    StockCommand::Hold(request(number, buyer, units, pinned))
}

fn request(number: u128, buyer: &str, units: i64, pinned: bool) -> HoldRequest {
    HoldRequest {
        hold_id: hold_id(number),
        ticket_id: ticket_id(1),
        owner: HoldOwner::Buyer(BuyerId::new(buyer).expect("a name")),
        wanted: Wanted::Units(Quantity::new(units).expect("small")),
        expected_total: None,
        pinned,
        surely_new: false,
        check_only: false,
    }
}

fn step(number: u128, step: HoldStep) -> StockCommand {
    StockCommand::Step(hold_id(number), step)
}

fn words(rows: &mut Rows, command: &StockCommand) -> String {
    model::outcome(&rows.execute(command))
}

fn returned(rows: &Rows) -> usize {
    let told =
        |event: &&Recorded<TicketEvent>| matches!(event.event, TicketEvent::StockReturned { .. });
    rows.events.iter().filter(told).count()
}

#[test]
fn r3_released_before_it_came_it_never_comes() {
    let mut rows = Rows::new();
    assert_eq!(words(&mut rows, &step(0, HoldStep::Release)), "tombstone");
    assert_eq!(words(&mut rows, &hold(0, 1)), "HOLD_CLOSED");
    assert_eq!(returned(&rows), 0);
    assert_eq!(words(&mut rows, &step(0, HoldStep::Return)), "tombstone");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Return)), "tombstone");
    assert_eq!(returned(&rows), 1, "the cancelled booking is told once");
    assert!(rows.entries.is_empty());
}

#[test]
fn r6_an_expired_hold_is_taken_again_while_stock_is_left() {
    let mut rows = Rows::new();
    assert_eq!(words(&mut rows, &hold(0, 3)), "ACTIVE false");
    rows.now = rows.now.plus(Duration::from_secs(TTL_SECS));
    assert_eq!(words(&mut rows, &step(0, HoldStep::Expire)), "EXPIRED false");
    assert_eq!(words(&mut rows, &hold_by(1, "bob", 3, false)), "ACTIVE false");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Commit)), "SOLD_OUT");
    assert_eq!(words(&mut rows, &step(1, HoldStep::Release)), "RELEASED false");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Commit)), "COMMITTED false");
    assert_eq!(words(&mut rows, &step(1, HoldStep::Pin)), "HOLD_CLOSED", "released is for good");
}

#[test]
fn r03_a_pinned_hold_does_not_expire() {
    let mut rows = Rows::new();
    assert_eq!(words(&mut rows, &hold_by(0, "alice", 1, true)), "ACTIVE true");
    rows.now = rows.now.plus(crate::PIN_MAX * 2);
    assert_eq!(words(&mut rows, &step(0, HoldStep::Expire)), "ACTIVE true");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Unpin)), "ACTIVE false");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Expire)), "EXPIRED false");
}

#[test]
fn r08_a_deleted_ticket_is_neither_held_nor_sold() {
    let mut rows = Rows::new();
    assert_eq!(words(&mut rows, &hold_by(0, "alice", 1, true)), "ACTIVE true");
    rows.happen(&Happening::Deleted(ticket_id(1)));
    assert_eq!(words(&mut rows, &hold_by(1, "bob", 1, true)), "NOT_ON_SALE");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Commit)), "TICKET_RETIRING");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Pin)), "ACTIVE true", "the hold stays");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Return)), "RELEASED false");
    assert_eq!(returned(&rows), 1);
}

#[test]
fn r01_the_price_is_the_tickets_own() {
    let mut rows = Rows::new();
    let asked = |total| {
        let expected_total = Some(won(total));
        StockCommand::Hold(HoldRequest { expected_total, ..request(0, "alice", 2, false) })
    };
    let refused = rows.execute(&asked(1));
    assert_eq!(refused, Err(StockRefusal::PriceMismatch { total: won(2000) }));
    assert!(rows.entries.is_empty(), "no stock is kept");
    let Ok(StockOutcome::Hold(held)) = rows.execute(&asked(2000)) else { panic!("held") };
    assert_eq!((held.unit_price, held.total), (won(1000), won(2000)));
}

#[test]
fn r46_what_the_house_keeps_has_no_end_and_never_oversells() {
    let mut rows = Rows::new();
    let house = |number, units| {
        let created_at = Timestamp::from_micros(1);
        let owner = HoldOwner::House { note: "press".into(), created_at };
        StockCommand::Hold(HoldRequest { owner, ..request(number, "nobody", units, false) })
    };
    rows.happen(&Happening::PausedOrNot(ticket_id(1)));
    assert_eq!(words(&mut rows, &hold(9, 1)), "NOT_ON_SALE");
    assert_eq!(words(&mut rows, &house(0, 4)), "ACTIVE false", "before the sale");
    assert_eq!(words(&mut rows, &house(1, 2)), "SOLD_OUT");
    rows.now = rows.now.plus(crate::PIN_MAX * 400);
    assert_eq!(words(&mut rows, &step(0, HoldStep::Expire)), "ACTIVE false");
    for booking in
        [HoldStep::Pin, HoldStep::Unpin, HoldStep::Commit, HoldStep::Release, HoldStep::Return]
    {
        assert_eq!(words(&mut rows, &step(0, booking)), "HOLD_CLOSED");
    }
    assert_eq!(words(&mut rows, &house(0, 4)), "ACTIVE false", "the same again");
    assert_eq!(words(&mut rows, &house(0, 3)), "HOLD_CLOSED");
    for _ in 0..2 {
        assert_eq!(words(&mut rows, &step(0, HoldStep::ReleaseHouse)), "RELEASED false");
    }
    assert_eq!(words(&mut rows, &house(0, 4)), "RELEASED false", "what the first call did");
    assert_eq!(rows.entries.len(), 2, "taken once, given back once");
    assert_eq!(words(&mut rows, &step(7, HoldStep::ReleaseHouse)), "HOLD_NOT_FOUND");
    rows.happen(&Happening::Deleted(ticket_id(1)));
    assert_eq!(words(&mut rows, &house(2, 1)), "TICKET_RETIRING");
    assert!(rows.events.is_empty());
}

/// A hold that is surely new is decided without what is stored for it.
fn surely_new(ticket: u128, number: u128, units: i64) -> StockCommand {
    let ticket_id = ticket_id(ticket);
    let request = request(number, "alice", units, false);
    StockCommand::Hold(HoldRequest { ticket_id, surely_new: true, ..request })
}

#[test]
fn i11_a_hold_that_is_surely_new_counts_against_the_limit() {
    let mut rows = Rows::new();
    assert_eq!(words(&mut rows, &surely_new(LIMITED, 0, 2)), "ACTIVE false");
    assert_eq!(words(&mut rows, &surely_new(LIMITED, 1, 2)), "LIMIT_PER_BUYER");
    assert_eq!(words(&mut rows, &surely_new(LIMITED, 2, 1)), "ACTIVE false");
    let all = rows.execute_together(&[
        step(0, HoldStep::Release),
        surely_new(LIMITED, 3, 3),
        surely_new(LIMITED, 4, 2),
        surely_new(LIMITED, 5, 1),
    ]);
    let all: Vec<_> = all.iter().map(model::outcome).collect();
    assert_eq!(all, ["RELEASED false", "LIMIT_PER_BUYER", "ACTIVE false", "LIMIT_PER_BUYER"]);
}

#[test]
fn i1_of_two_that_are_surely_new_one_gets_the_last_unit() {
    let mut rows = Rows::new();
    assert_eq!(words(&mut rows, &surely_new(OPEN, 0, 4)), "ACTIVE false");
    let both = rows.execute_together(&[surely_new(OPEN, 1, 1), surely_new(OPEN, 2, 1)]);
    assert_eq!(both.iter().map(model::outcome).collect::<Vec<_>>(), ["ACTIVE false", "SOLD_OUT"]);
    assert_eq!(words(&mut rows, &surely_new(OPEN, 3, 1)), "SOLD_OUT");
    assert_eq!(rows.entries.len(), 2);
}

#[test]
fn r2_a_hold_that_is_wrongly_called_new_is_not_taken_twice() {
    let mut rows = Rows::new();
    let Ok(StockOutcome::Hold(first)) = rows.execute(&surely_new(OPEN, 0, 2)) else {
        panic!("held")
    };
    let again = rows.execute(&surely_new(OPEN, 0, 2));
    assert_eq!(again, Ok(StockOutcome::Hold(first)), "its key is taken, so it is looked for");
    assert_eq!(words(&mut rows, &surely_new(OPEN, 1, 3)), "ACTIVE false");
    assert_eq!(words(&mut rows, &surely_new(OPEN, 0, 2)), "SOLD_OUT", "refused without a look");
    assert_eq!(words(&mut rows, &surely_new(LIMITED, 2, 2)), "ACTIVE false");
    assert_eq!(words(&mut rows, &surely_new(LIMITED, 2, 2)), "LIMIT_PER_BUYER");
    assert_eq!(rows.entries.len(), 3, "each once");
    assert_eq!(words(&mut rows, &hold(0, 2)), "ACTIVE false", "who does not say so gets it");
    // A message that was late was new when it was sent.
    assert_eq!(words(&mut rows, &step(5, HoldStep::Release)), "tombstone");
    assert_eq!(words(&mut rows, &surely_new(LIMITED, 5, 1)), "HOLD_CLOSED", "R3");
}

fn stay(number: u128, rooms: i64, from: i32, until: i32) -> StockCommand {
    let nights = Nights::new(night(from), night(until), crate::NIGHTS_MAX).expect("some");
    let quantity = Quantity::new(rooms).expect("few");
    let wanted = Wanted::Nights { quantity, nights };
    let ticket_id = ticket_id(NIGHTLY);
    let buyer = format!("guest-{number}");
    StockCommand::Hold(HoldRequest { ticket_id, wanted, ..request(number, &buyer, 1, false) })
}

fn seats(number: u128, wanted: Wanted) -> StockCommand {
    let ticket_id = ticket_id(SEATED);
    StockCommand::Hold(HoldRequest { ticket_id, wanted, ..request(number, "alice", 1, false) })
}

fn held(rows: &mut Rows, command: &StockCommand) -> Hold {
    match rows.execute(command) {
        Ok(StockOutcome::Hold(hold)) => hold,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r24_a_stay_is_all_its_nights_or_none() {
    let mut rows = Rows::new();
    let first = held(&mut rows, &stay(0, 2, 0, 3));
    assert_eq!((first.lines.len(), first.quantity.get()), (3, 2));
    // Two nights at the usual price and one at its own, for two rooms each.
    assert_eq!(first.total, won(2 * (1000 + 1000 + 500)));
    assert_eq!(words(&mut rows, &stay(1, 2, 0, 1)), "SOLD_OUT");
    assert_eq!(words(&mut rows, &stay(2, 1, 3, 5)), "ACTIVE false", "other nights");
    assert_eq!(words(&mut rows, &stay(3, 1, 4, 6)), "SOLD_OUT", "the last has no row");
    assert_eq!(rows.entries.len(), 5, "of what was refused no night is held");
    assert_eq!(words(&mut rows, &stay(0, 2, 0, 3)), "ACTIVE false", "the same again");
    assert_eq!(words(&mut rows, &stay(0, 2, 0, 2)), "HOLD_CLOSED", "another stay");
}

#[test]
fn a05_a_stay_keeps_to_the_rules_of_its_organizer() {
    let mut rows = Rows::new();
    let mut rule = |command| match rows.execute(&command) {
        Err(StockRefusal::StayNotAllowed(rule)) => rule.name(),
        other => panic!("{other:?}"),
    };
    assert_eq!(rule(stay(0, 1, 0, 4)), "MAX_NIGHTS");
    assert_eq!(rule(stay(0, 1, 2, 3)), "CLOSED_TO_ARRIVAL");
    assert_eq!(rule(stay(0, 1, 0, 2)), "CLOSED_TO_DEPARTURE");
    rows.tickets.get_mut(&ticket_id(NIGHTLY)).expect("known").terms.min_nights = 2;
    let rule = rows.execute(&stay(0, 1, 0, 1)).expect_err("too short");
    assert_eq!(
        kernel::Fault::metadata(&rule),
        [("rule", "MIN_NIGHTS".into()), ("bound", "2".into())]
    );
    // One second before midnight the night can still be held, at midnight it is over.
    let midnight = Timestamp::from_micros(86_400_000_000);
    rows.now = Timestamp::from_micros(86_399_000_000);
    assert_eq!(words(&mut rows, &stay(1, 1, 0, 3)), "ACTIVE false");
    rows.now = midnight;
    let rule = rows.execute(&stay(2, 1, 0, 3)).expect_err("over");
    assert_eq!(kernel::Fault::reason(&rule), "STAY_NOT_ALLOWED");
    assert_eq!(words(&mut rows, &stay(1, 1, 0, 3)), "ACTIVE false", "what is held is held");
}

#[test]
fn a04_what_is_only_checked_is_decided_as_ever_and_sets_nothing_aside() {
    let limited = |units| surely_new(LIMITED, 0, units);
    let asked = [
        stay(0, 2, 0, 3),
        stay(0, 1, 0, 4),
        stay(0, 1, 2, 3),
        stay(0, 1, 0, 2),
        stay(0, 9, 0, 1),
        hold(0, 5),
        hold(0, 6),
        limited(3),
        limited(4),
    ];
    let mut checks = Rows::new();
    for command in &asked {
        let StockCommand::Hold(request) = command.clone() else { panic!("a hold") };
        let check = StockCommand::Hold(HoldRequest { check_only: true, ..request });
        let said = checks.execute(&check);
        assert_eq!(said, Rows::new().execute(command), "{command:?}");
        assert!(checks.holds.is_empty() && checks.entries.is_empty(), "{command:?}");
    }
    assert_eq!(
        words(&mut checks, &hold(0, 5)),
        "ACTIVE false",
        "nothing was kept for whoever checked"
    );
    checks.happen(&Happening::Deleted(ticket_id(NIGHTLY)));
    let StockCommand::Hold(request) = stay(1, 1, 0, 3) else { panic!("a hold") };
    let check = StockCommand::Hold(HoldRequest { check_only: true, ..request });
    assert_eq!(words(&mut checks, &check), "NOT_ON_SALE");
}

#[test]
fn r27_the_limit_counts_rooms_and_not_their_nights() {
    let mut rows = Rows::new();
    let by_one = |number, rooms| match stay(number, rooms, 0, 3) {
        StockCommand::Hold(hold) => {
            let owner = HoldOwner::Buyer(BuyerId::new("alice").expect("a name"));
            StockCommand::Hold(HoldRequest { owner, ..hold })
        }
        StockCommand::Step(..) | StockCommand::Reduce(..) => panic!("a hold"),
    };
    assert_eq!(words(&mut rows, &by_one(0, 1)), "ACTIVE false");
    assert_eq!(words(&mut rows, &by_one(1, 2)), "LIMIT_PER_BUYER");
    assert_eq!(words(&mut rows, &by_one(2, 1)), "ACTIVE false");
}

#[test]
fn r31_seats_are_named_or_the_best() {
    let mut rows = Rows::new();
    let best = |count| Wanted::Units(Quantity::new(count).expect("few"));
    let named = |names: &[&str]| Wanted::Seats(names.iter().map(|name| (*name).into()).collect());
    // Three in row A would leave one; row B has just three.
    let first = held(&mut rows, &seats(0, best(3)));
    assert_eq!(first.seats().collect::<Vec<_>>(), ["B1", "B2", "B3"]);
    assert_eq!(held(&mut rows, &seats(0, best(3))), first, "the same again");
    assert_eq!(held(&mut rows, &seats(0, named(&["B1", "B2", "B3"]))), first, "by its names");
    assert_eq!(words(&mut rows, &seats(0, best(2))), "HOLD_CLOSED");
    assert_eq!(words(&mut rows, &seats(1, named(&["B3", "C1"]))), "SOLD_OUT");
    assert_eq!(words(&mut rows, &seats(1, named(&["Z9", "C1"]))), "INVALID_FIELD");
    let two = held(&mut rows, &seats(1, named(&["C1", "S/A1"])));
    assert_eq!(two.total, won(1000 + 3000), "each by its section");
    assert_eq!(words(&mut rows, &seats(2, best(4))), "SOLD_OUT");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Release)), "RELEASED false");
    assert_eq!(held(&mut rows, &seats(3, best(4))).lines.len(), 4, "in two groups");
}

#[test]
fn r31_the_best_seats_of_one_batch_differ() {
    let rows = Rows::new();
    let mut book = StockBook::new(
        rows.tickets.values().cloned().collect(),
        rows.stocks.clone().into_iter().collect(),
        Vec::new(),
        Vec::new(),
    );
    let mut taken = std::collections::BTreeSet::new();
    for number in 0..5 {
        let order = StockOrder {
            command: seats(number, Wanted::Units(Quantity::new(2).expect("two"))),
            event_id: EventId::new(uuid(300)),
            causation_id: None,
            key: None,
        };
        match book.execute(&order, rows.now) {
            Ok(StockOutcome::Hold(hold)) => {
                assert!(hold.seats().all(|seat| taken.insert(seat.to_owned())), "once each");
            }
            refused => assert_eq!((number, refused), (4, Err(StockRefusal::SoldOut))),
        }
    }
    assert_eq!(taken.len(), SEATS.len());
}

#[test]
fn r28_what_a_kind_does_not_sell_is_named() {
    let mut rows = Rows::new();
    let named = Wanted::Seats(["A1".to_owned()].into());
    let StockCommand::Hold(HoldRequest { wanted: nights, .. }) = stay(0, 1, 0, 1) else {
        panic!("a hold")
    };
    let units = Wanted::Units(Quantity::new(1).expect("one"));
    for (ticket, wanted, fields) in [
        (OPEN, named.clone(), vec!["seats"]),
        (OPEN, nights.clone(), vec!["check_in", "check_out"]),
        (SEATED, nights, vec!["check_in", "check_out"]),
        (NIGHTLY, named, vec!["seats"]),
        (NIGHTLY, units, vec!["check_in", "check_out"]),
        (SEATED, Wanted::Units(Quantity::new(501).expect("many")), vec!["quantity"]),
    ] {
        let command = StockCommand::Hold(HoldRequest {
            ticket_id: ticket_id(ticket),
            wanted,
            ..request(0, "alice", 1, false)
        });
        let refusal = rows.execute(&command).expect_err("refused");
        let found: Vec<_> =
            kernel::Fault::violations(&refusal).iter().map(|v| v.field.as_str()).collect();
        assert_eq!(found, fields);
    }
    assert!(rows.entries.is_empty());
}

#[test]
fn a_batch_decides_in_its_sequence_and_a_refusal_does_not_touch_its_neighbours() {
    let rows = Rows::new();
    let mut book = StockBook::new(
        rows.tickets.values().cloned().collect(),
        rows.stocks.clone().into_iter().collect(),
        Vec::new(),
        Vec::new(),
    );
    let orders = [(0, 3), (1, 3), (2, 2), (0, 3)].map(|(number, units)| StockOrder {
        command: hold(number, units),
        event_id: EventId::new(uuid(300)),
        causation_id: None,
        key: None,
    });
    let verdicts = orders.map(|order| model::outcome(&book.execute(&order, rows.now)));
    assert_eq!(verdicts, ["ACTIVE false", "SOLD_OUT", "ACTIVE false", "ACTIVE false"]);
    let changes = book.into_changes();
    assert_eq!(changes.holds.len(), 2);
    let counts = changes.counters[&(ticket_id(1), Slot::Admission)];
    assert_eq!(counts, SlotCounts { held: 5, sold: 0 });
}

#[test]
fn t09_a_hold_gives_back_what_is_above_what_stays_and_that_once() {
    let mut rows = Rows::new();
    let stays = |units| StockCommand::Reduce(hold_id(0), Quantity::new(units).expect("few"));
    assert_eq!(words(&mut rows, &stays(1)), "HOLD_NOT_FOUND");
    assert_eq!(words(&mut rows, &hold(0, 3)), "ACTIVE false");
    assert_eq!(words(&mut rows, &step(0, HoldStep::Commit)), "COMMITTED false");
    let sold = |rows: &Rows| rows.stocks[&(ticket_id(1), Slot::Admission)].stock.sold();
    for (units, left) in [(3, 3), (2, 2), (2, 2), (3, 2), (1, 1), (2, 1)] {
        assert_eq!(words(&mut rows, &stays(units)), "COMMITTED false");
        assert_eq!(sold(&rows), left, "{units} stay");
    }
    assert_eq!(words(&mut rows, &step(0, HoldStep::Return)), "RETURNED false");
    assert_eq!(words(&mut rows, &stays(1)), "RETURNED false", "it comes late");
    assert_eq!((sold(&rows), returned(&rows)), (0, 1), "only of all of it somebody is told");
}
