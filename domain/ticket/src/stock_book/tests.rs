//! The book against a model that counts by going through all holds: any commands in any order keep
//! I1, I2 and I11, give the model's verdicts, and repeating a command changes nothing.

mod model;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::{
    BuyerId, Currency, EventId, HoldId, Locale, Money, OrganizerId, Quantity, TicketId, Timestamp,
    Uuid,
};
use proptest::prelude::*;

use super::*;
use crate::{RegisterTicket, Slot, StockNeeds, TermsChange, TicketDraft, TicketKind};
use model::Model;

/// One event of a run.
#[derive(Debug, Clone)]
enum Happening {
    Command(StockCommand),
    TimePasses(u64),
    Deleted(TicketId),
    PausedOrNot(TicketId),
    PriceBecomes(TicketId, i64),
}

/// Rows as a store keeps them; every order reads what it needs and writes what changed.
struct Rows {
    now: Timestamp,
    tickets: BTreeMap<TicketId, Ticket>,
    stocks: BTreeMap<SlotKey, Stock>,
    holds: BTreeMap<HoldId, HoldRecord>,
    entries: Vec<StockEntry>,
    events: Vec<Recorded<TicketEvent>>,
}

const TTL_SECS: u64 = 300;

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn ticket_id(number: u128) -> TicketId {
    TicketId::new(uuid(100 + number))
}

fn hold_id(number: u128) -> HoldId {
    HoldId::new(uuid(200 + number))
}

fn won(amount: i64) -> Money {
    Money::from_minor(amount, Currency::from_code("KRW").expect("known"))
}

fn ticket(id: TicketId, max_per_buyer: i64) -> Ticket {
    let draft = TicketDraft {
        name: "Concert".into(),
        unit_price: Some(won(1000)),
        max_per_buyer,
        hold_ttl: Some(Duration::from_secs(TTL_SECS)),
        ..TicketDraft::default()
    };
    let request = RegisterTicket {
        kind: TicketKind::Admission,
        allocation: crate::Allocation::HoldFirst,
        capacity: 5,
        draft,
    };
    let seller = (OrganizerId::new("acme").expect("a name"), Locale::En);
    Ticket::register(id, seller, &request, Timestamp::from_micros(1)).expect("sound").ticket
}

impl Rows {
    /// Two tickets of two slots each; the first has a limit per buyer.
    fn new() -> Self {
        let tickets = [ticket(ticket_id(0), 3), ticket(ticket_id(1), 0)];
        let stocks = tickets.iter().flat_map(|ticket| {
            [(Slot::Admission, 5), (Slot::Seat("A1".into()), 1)]
                .map(|(slot, units)| ((ticket.id, slot), Stock::untouched(units)))
        });
        Self {
            now: Timestamp::from_micros(1_000_000),
            stocks: stocks.collect(),
            tickets: tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect(),
            holds: BTreeMap::new(),
            entries: Vec::new(),
            events: Vec::new(),
        }
    }

    fn execute(&mut self, command: &StockCommand) -> StockVerdict {
        let order = StockOrder {
            command: command.clone(),
            event_id: EventId::new(uuid(300)),
            causation_id: None,
        };
        let orders = std::slice::from_ref(&order);
        let known: Vec<_> = self.holds.get(&command.hold_id()).cloned().into_iter().collect();
        let needs = StockNeeds::of(orders, &known);
        let owned = needs.buyers.iter().map(|owner| (owner.clone(), self.owned(owner)));
        let mut book = StockBook::new(
            needs.tickets.iter().filter_map(|id| self.tickets.get(id).cloned()).collect(),
            needs.slots.iter().filter_map(|k| Some((k.clone(), *self.stocks.get(k)?))).collect(),
            known,
            owned.collect(),
        );
        let verdict = book.execute(&order, self.now);
        self.write(book.into_changes());
        verdict
    }

    fn write(&mut self, changes: StockChanges) {
        for (key, counts) in changes.counters {
            let stock = self.stocks.get_mut(&key).expect("read before");
            *stock = stock.moved(counts.held, counts.sold).expect("I1");
        }
        for change in changes.holds {
            let id = change.record.id();
            let revision = self.holds.get(&id).map_or(0, HoldRecord::revision);
            assert_eq!(change.expected_revision, revision);
            assert_eq!(change.record.revision(), revision + 1, "one change, one revision");
            self.holds.insert(id, change.record);
        }
        self.entries.extend(changes.entries);
        self.events.extend(changes.events);
    }

    fn owned(&self, (ticket_id, buyer_id): &(TicketId, BuyerId)) -> u64 {
        self.kept()
            .filter(|h| h.ticket_id == *ticket_id && h.buyer_id == *buyer_id)
            .map(Hold::units)
            .sum()
    }

    fn kept(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values().filter_map(|record| match record {
            HoldRecord::Hold(hold) => hold.state.keeps_stock().then_some(hold),
            HoldRecord::Tombstone(_) => None,
        })
    }

    fn happen(&mut self, happening: &Happening) -> Option<StockVerdict> {
        match happening {
            Happening::Command(command) => return Some(self.execute(command)),
            Happening::TimePasses(secs) => self.now = self.now.plus(Duration::from_secs(*secs)),
            Happening::Deleted(id) => {
                let _again = self.tickets.get_mut(id).expect("known").retire(self.now);
            }
            Happening::PausedOrNot(id) => {
                let ticket = self.tickets.get_mut(id).expect("known");
                if !ticket.is_deleted() {
                    let paused = ticket.status == crate::TicketStatus::Paused;
                    let draft = TicketDraft::of(ticket).changed(TermsChange::Paused(!paused));
                    let _changed = ticket.update(&draft, self.now).expect("sound");
                }
            }
            Happening::PriceBecomes(id, price) => {
                let ticket = self.tickets.get_mut(id).expect("known");
                ticket.terms.unit_price = won(*price);
            }
        }
        None
    }
}

fn command() -> impl Strategy<Value = StockCommand> {
    let slot = prop_oneof![4 => Just(Slot::Admission), 1 => Just(Slot::Seat("A1".into()))];
    let lines = proptest::collection::btree_map(slot, 1_u32..4, 1..3);
    let expected = prop_oneof![3 => Just(None), 1 => (1_i64..8).prop_map(|n| Some(won(n * 1000)))];
    let hold = (0_u128..5, 0_u128..3, 0_u128..2, lines, expected, any::<bool>()).prop_map(
        |(hold, ticket, buyer, lines, expected_total, pinned)| {
            let quantity = |count| Quantity::new(i64::from(count)).expect("small");
            StockCommand::Hold(HoldRequest {
                hold_id: hold_id(hold),
                ticket_id: ticket_id(ticket),
                buyer_id: BuyerId::new(format!("buyer-{buyer}")).expect("a name"),
                lines: lines.into_iter().map(|(slot, count)| (slot, quantity(count))).collect(),
                expected_total,
                pinned,
                surely_new: false,
            })
        },
    );
    let step = prop_oneof![
        Just(HoldStep::Pin),
        Just(HoldStep::Unpin),
        Just(HoldStep::Commit),
        Just(HoldStep::Release),
        Just(HoldStep::Return),
        Just(HoldStep::Expire),
    ];
    let step = (0_u128..5, step).prop_map(|(hold, step)| StockCommand::Step(hold_id(hold), step));
    prop_oneof![2 => hold, 3 => step]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        20 => command().prop_map(Happening::Command),
        4 => (0_u64..400).prop_map(Happening::TimePasses),
        1 => (0_u128..2).prop_map(|id| Happening::PausedOrNot(ticket_id(id))),
        1 => (0_u128..2, 1_i64..3).prop_map(|(id, p)| Happening::PriceBecomes(ticket_id(id), p * 1000)),
        1 => (0_u128..2).prop_map(|id| Happening::Deleted(ticket_id(id))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i1_i2_i11_hold_and_the_verdicts_are_the_models(run in proptest::collection::vec(happening(), 1..60)) {
        let mut rows = Rows::new();
        let mut model = Model::default();
        for happening in &run {
            let now = rows.now;
            if let Happening::Command(command) = happening {
                let expected = model.execute(command, &rows.tickets, now);
                prop_assert_eq!(model::outcome(&rows.execute(command)), expected);
            } else {
                rows.happen(happening);
            }
            prop_assert_eq!(rows.events.len(), model.facts);
            model.check(&rows);
        }
    }

    #[test]
    fn r2_every_repetition_of_a_command_is_harmless(run in proptest::collection::vec(happening(), 1..60)) {
        let mut rows = Rows::new();
        for happening in &run {
            let first = rows.happen(happening);
            let Happening::Command(command) = happening else { continue };
            let (entries, events) = (rows.entries.len(), rows.events.len());
            let holds = rows.holds.clone();
            let again = rows.execute(command);
            prop_assert_eq!(rows.entries.len(), entries);
            prop_assert_eq!(rows.events.len(), events);
            prop_assert_eq!(&rows.holds, &holds);
            prop_assert_eq!(Some(again), first);
        }
    }
}
