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
        buyer_id: BuyerId::new(buyer).expect("a name"),
        lines: Lines::from([(Slot::Admission, Quantity::new(units).expect("small"))]),
        expected_total: None,
        pinned,
        surely_new: false,
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
fn r28_no_units_and_too_many_are_refused() {
    let mut rows = Rows::new();
    let most = Quantity::new(i64::from(QUANTITY_MAX)).expect("the most");
    let many = Lines::from([(Slot::Admission, most), (Slot::Seat("A1".into()), most)]);
    for lines in [Lines::new(), many] {
        let command = StockCommand::Hold(HoldRequest { lines, ..request(0, "alice", 1, false) });
        assert_eq!(words(&mut rows, &command), "INVALID_FIELD");
    }
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
    });
    let verdicts = orders.map(|order| model::outcome(&book.execute(&order, rows.now)));
    assert_eq!(verdicts, ["ACTIVE false", "SOLD_OUT", "ACTIVE false", "ACTIVE false"]);
    let changes = book.into_changes();
    assert_eq!(changes.holds.len(), 2);
    let counts = changes.counters[&(ticket_id(1), Slot::Admission)];
    assert_eq!(counts, SlotCounts { held: 5, sold: 0 });
}
