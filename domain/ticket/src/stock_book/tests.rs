//! The book against a model that counts by going through all holds: any commands of any kind in any order, alone or
//! several buyers' in one book, keep I1, I2 and I11, give the model's verdicts, and repeating one changes nothing.

mod model;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{
    BuyerId, CivilDate, Currency, EventId, HoldId, Locale, Money, OrganizerId, Quantity, TicketId,
    Timestamp, Uuid,
};
use proptest::prelude::*;

use super::*;
use crate::{
    Nights, RegisterTicket, SectionPrice, SlotTerms, Stock, StockNeeds, TermsChange, TicketDraft,
    TicketKind, Wanted,
};
use model::Model;

/// One event of a run.
#[derive(Debug, Clone)]
enum Happening {
    Command(StockCommand),
    /// In one book, one after the other.
    Together(Vec<StockCommand>),
    TimePasses(u64),
    Deleted(TicketId),
    PausedOrNot(TicketId),
    PriceBecomes(TicketId, i64),
    CapacityBecomes(SlotKey, u64),
}

/// Rows as a store keeps them; every order reads what it needs and writes what changed.
struct Rows {
    now: Timestamp,
    tickets: BTreeMap<TicketId, Ticket>,
    stocks: BTreeMap<SlotKey, SlotRecord>,
    holds: BTreeMap<HoldId, HoldRecord>,
    entries: Vec<StockEntry>,
    events: Vec<Recorded<TicketEvent>>,
}

const TTL_SECS: u64 = 300;
/// Holds that a run draws from.
const HOLDS: u128 = 8;

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

/// Admission with a limit, admission, seats, nights with a limit and a rule.
const LIMITED: u128 = 0;
const OPEN: u128 = 1;
const SEATED: u128 = 2;
const NIGHTLY: u128 = 3;
/// Two rows in two sections, of which the first has a price of its own.
const SEATS: [&str; 8] = ["S/A1", "S/A2", "S/A3", "S/A4", "B1", "B2", "B3", "C1"];
/// Nights from here on; the third has a price of its own, and is closed to arrival and departure.
const FIRST_NIGHT: &str = "1970-01-01";
const NIGHTS: i32 = 5;

fn night(place: i32) -> CivilDate {
    let first: CivilDate = FIRST_NIGHT.parse().expect("a date");
    first.plus_days(place).expect("exists")
}

fn ticket(number: u128) -> (Ticket, Vec<crate::SlotCapacity>) {
    let (kind, max_per_buyer) = match number {
        LIMITED => (TicketKind::Admission, 3),
        OPEN => (TicketKind::Admission, 0),
        SEATED => (TicketKind::Seated, 0),
        _ => (TicketKind::Nightly, 2),
    };
    let mut draft = TicketDraft {
        name: "Concert".into(),
        unit_price: Some(won(1000)),
        max_per_buyer,
        hold_ttl: Some(Duration::from_secs(TTL_SECS)),
        ..TicketDraft::default()
    };
    let mut request = RegisterTicket::admission(5, TicketDraft::default());
    match kind {
        TicketKind::Admission => {}
        TicketKind::Seated => {
            draft.sections = vec![SectionPrice { name: "S".into(), unit_price: won(3000) }];
            request.seats = SEATS.map(str::to_owned).to_vec();
            request.capacity = 0;
        }
        TicketKind::Nightly => {
            draft.max_nights = 3;
            request.first_night = Some(night(0));
            request.last_night = Some(night(NIGHTS - 1));
            request.capacity = 3;
        }
    }
    let request = RegisterTicket { kind, draft, ..request };
    let seller = (OrganizerId::new("acme").expect("a name"), Locale::En);
    let registered =
        Ticket::register(ticket_id(number), seller, &request, Timestamp::from_micros(1));
    (registered.expect("sound").ticket, request.slots())
}

impl Rows {
    fn new() -> Self {
        let all = [LIMITED, OPEN, SEATED, NIGHTLY].map(ticket);
        let slots = all.iter().flat_map(|(ticket, slots)| {
            slots.iter().map(|begun| {
                let position = begun.position;
                let special = begun.slot == Slot::Night(night(2));
                let terms = SlotTerms {
                    position,
                    unit_price_minor: special.then_some(500),
                    closed_to_arrival: special,
                    closed_to_departure: special,
                };
                let stock = Stock::untouched(begun.capacity);
                ((ticket.id, begun.slot.clone()), SlotRecord { stock, terms })
            })
        });
        Self {
            now: Timestamp::from_micros(1_000_000),
            stocks: slots.collect(),
            tickets: all.iter().map(|(ticket, _)| (ticket.id, ticket.clone())).collect(),
            holds: BTreeMap::new(),
            entries: Vec::new(),
            events: Vec::new(),
        }
    }

    fn execute(&mut self, command: &StockCommand) -> StockVerdict {
        self.execute_together(std::slice::from_ref(command)).remove(0)
    }

    /// As a store does it: a hold that is surely new is looked for only where it turns out to be there all the same.
    fn execute_together(&mut self, commands: &[StockCommand]) -> Vec<StockVerdict> {
        let (mut verdicts, mut changes) = self.decide(commands, |command| !command.is_surely_new());
        let is_taken = |change: &HoldChange| {
            change.expected_revision == 0 && self.holds.contains_key(&change.record.id())
        };
        if changes.holds.iter().any(is_taken) {
            (verdicts, changes) = self.decide(commands, |_| true);
        }
        self.write(changes, commands.len());
        verdicts
    }

    fn decide(
        &self,
        commands: &[StockCommand],
        is_looked_for: impl Fn(&StockCommand) -> bool,
    ) -> (Vec<StockVerdict>, StockChanges) {
        let order = |command: &StockCommand| StockOrder {
            command: command.clone(),
            event_id: EventId::new(uuid(300)),
            causation_id: None,
            key: None,
        };
        let orders: Vec<_> = commands.iter().map(order).collect();
        let looked_for: BTreeSet<_> = commands
            .iter()
            .filter(|command| is_looked_for(command))
            .map(StockCommand::hold_id)
            .collect();
        let known = looked_for.iter().filter_map(|id| self.holds.get(id).cloned());
        let known: Vec<_> = known.collect();
        let needs = StockNeeds::of(&orders, &known);
        let owned = needs.buyers.iter().map(|owner| (owner.clone(), self.owned(owner)));
        let tickets: Vec<_> =
            needs.tickets.iter().filter_map(|id| self.tickets.get(id).cloned()).collect();
        let seated: Vec<_> = needs.all_seats_of(&tickets).collect();
        // Of those whose best seats are asked for the free ones, as a store reads them.
        let is_needed = |(key, record): &(&SlotKey, &SlotRecord)| {
            let free = seated.contains(&key.0) && record.stock.available() > 0;
            needs.slots.contains(*key) || free
        };
        let stocks = self.stocks.iter().filter(is_needed);
        let mut book = StockBook::new(
            tickets.clone(),
            stocks.map(|(key, record)| (key.clone(), *record)).collect(),
            known,
            owned.collect(),
        );
        let verdicts = orders.iter().map(|order| book.execute(order, self.now)).collect();
        (verdicts, book.into_changes())
    }

    /// The same commands, of which those that say so are surely new.
    fn truthful(&self, commands: &[StockCommand]) -> Vec<StockCommand> {
        let mut asked: BTreeSet<_> = self.holds.keys().copied().collect();
        let told = commands.iter().map(|command| match command {
            StockCommand::Hold(request) => {
                let surely_new = asked.insert(request.hold_id) && request.surely_new;
                StockCommand::Hold(HoldRequest { surely_new, ..request.clone() })
            }
            StockCommand::Step(id, step) => {
                asked.insert(*id);
                StockCommand::Step(*id, *step)
            }
            StockCommand::Reduce(id, stays) => {
                asked.insert(*id);
                StockCommand::Reduce(*id, *stays)
            }
        });
        told.collect()
    }

    fn write(&mut self, changes: StockChanges, commands: usize) {
        for (key, counts) in changes.counters {
            let record = self.stocks.get_mut(&key).expect("read before");
            record.stock = record.stock.moved(counts.held, counts.sold).expect("I1");
        }
        for change in changes.holds {
            let id = change.record.id();
            let revision = self.holds.get(&id).map_or(0, HoldRecord::revision);
            assert_eq!(change.expected_revision, revision);
            let rises = usize::try_from(change.record.revision() - revision).expect("rises");
            assert!((1..=commands).contains(&rises), "one for each change");
            self.holds.insert(id, change.record);
        }
        self.entries.extend(changes.entries);
        self.events.extend(changes.events);
    }

    fn owned(&self, (ticket_id, buyer_id): &(TicketId, BuyerId)) -> u64 {
        self.kept()
            .filter(|h| h.ticket_id == *ticket_id && h.owner.buyer_id() == Some(buyer_id))
            .map(|hold| u64::from(hold.quantity.get()))
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
            Happening::Together(commands) => drop(self.execute_together(commands)),
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
            Happening::CapacityBecomes(key, capacity) => {
                let record = self.stocks.get_mut(key).expect("known");
                record.stock = record.stock.with_capacity(*capacity).unwrap_or(record.stock);
            }
        }
        None
    }
}

/// Of four tickets and one that is not there; most of the time what goes with the kind.
fn wanted() -> impl Strategy<Value = (u128, Wanted)> {
    let quantity = |count: u32| Quantity::new(i64::from(count)).expect("small");
    let units =
        (0_u128..5, 1_u32..5).prop_map(move |(t, count)| (t, Wanted::Units(quantity(count))));
    let name = proptest::sample::select(vec!["S/A1", "S/A2", "B2", "B3", "C1", "Z9"]);
    let names = proptest::collection::btree_set(name.prop_map(str::to_owned), 1..4);
    let seats = (2_u128..4, names).prop_map(|(t, names)| (t.min(SEATED), Wanted::Seats(names)));
    let stay = (0_i32..NIGHTS + 1, 1_i32..5, 1_u32..3, 0_u8..9).prop_map(
        move |(from, count, rooms, odd)| {
            let nights = Nights::new(night(from), night(from + count), crate::NIGHTS_MAX);
            let nights = nights.expect("some");
            let of = if odd == 0 { OPEN } else { NIGHTLY };
            (of, Wanted::Nights { quantity: quantity(rooms), nights })
        },
    );
    prop_oneof![4 => units, 2 => seats, 3 => stay]
}

/// One of three buyers, or the house.
fn owner(number: u128) -> HoldOwner {
    if number == 2 {
        let created_at = Timestamp::from_micros(1);
        return HoldOwner::House { note: "guests".into(), created_at };
    }
    HoldOwner::Buyer(BuyerId::new(format!("buyer-{number}")).expect("a name"))
}

fn command() -> impl Strategy<Value = StockCommand> {
    let expected = prop_oneof![4 => Just(None), 1 => (1_i64..8).prop_map(|n| Some(won(n * 1000)))];
    let flags = (any::<bool>(), any::<bool>());
    let hold = (0_u128..HOLDS, wanted(), 0_u128..4, expected, flags).prop_map(
        |(hold, (ticket, wanted), buyer, expected_total, (pinned, surely_new))| {
            StockCommand::Hold(HoldRequest {
                hold_id: hold_id(hold),
                ticket_id: ticket_id(ticket),
                owner: owner(buyer),
                wanted,
                expected_total,
                pinned,
                surely_new,
                check_only: false,
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
        Just(HoldStep::ReleaseHouse),
    ];
    let step =
        (0_u128..HOLDS, step).prop_map(|(hold, step)| StockCommand::Step(hold_id(hold), step));
    let stays = (1_i64..4).prop_map(|units| Quantity::new(units).expect("few"));
    let reduce =
        (0_u128..HOLDS, stays).prop_map(|(hold, stays)| StockCommand::Reduce(hold_id(hold), stays));
    prop_oneof![4 => hold, 6 => step, 1 => reduce]
}

fn happening() -> impl Strategy<Value = Happening> {
    let slot = prop_oneof![
        Just((ticket_id(OPEN), Slot::Admission)),
        (0..NIGHTS).prop_map(|place| (ticket_id(NIGHTLY), Slot::Night(night(place)))),
    ];
    prop_oneof![
        10 => command().prop_map(Happening::Command),
        10 => proptest::collection::vec(command(), 2..12).prop_map(Happening::Together),
        4 => (0_u64..400).prop_map(Happening::TimePasses),
        1 => (0_u128..4).prop_map(|id| Happening::PausedOrNot(ticket_id(id))),
        1 => (0_u128..4, 1_i64..3).prop_map(|(id, p)| Happening::PriceBecomes(ticket_id(id), p * 1000)),
        1 => (0_u128..4).prop_map(|id| Happening::Deleted(ticket_id(id))),
        2 => (slot, 0_u64..6).prop_map(|(key, units)| Happening::CapacityBecomes(key, units)),
        1 => Just(Happening::TimePasses(20 * 60 * 60)),
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
            let commands = match happening {
                Happening::Command(command) => rows.truthful(std::slice::from_ref(command)),
                Happening::Together(commands) => rows.truthful(commands),
                Happening::TimePasses(_)
                | Happening::Deleted(_)
                | Happening::PausedOrNot(_)
                | Happening::PriceBecomes(..)
                | Happening::CapacityBecomes(..) => {
                    rows.happen(happening);
                    Vec::new()
                }
            };
            let before = rows.stocks.clone();
            let verdicts = rows.execute_together(&commands);
            for (command, verdict) in commands.iter().zip(verdicts) {
                let chosen = model::chosen(&verdict);
                let expected = model.execute(command, (&rows.tickets, &before), chosen, now);
                prop_assert_eq!(model::outcome(&verdict), expected);
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
            // Who wrongly says that it is new may be refused instead of being given what it has.
            let is_mistaken = command.is_surely_new() && again.is_err();
            prop_assert!(is_mistaken || Some(&again) == first.as_ref(), "{again:?}, {first:?}");
        }
    }
}
