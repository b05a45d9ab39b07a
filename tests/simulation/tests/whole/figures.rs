//! What was simulated, in numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use booking::Stored;
use ticket::Allocation;

use crate::invariants::waits_for_an_operator;
use crate::world::World;

/// Figures of any number of seeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    seeds: u64,
    steps: u64,
    simulated_s: u64,
    events: u64,
    letters: u64,
    keys: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) bookings: BTreeMap<String, u64>,
    pub(crate) tickets: BTreeMap<String, u64>,
}

impl Figures {
    /// Of one seed as it ended.
    pub(crate) fn of(world: &World, steps: u64) -> Self {
        let mut bookings = BTreeMap::new();
        let tickets = world.tickets.tickets();
        let paid_first = tickets.iter().filter(|ticket| ticket.allocation == Allocation::PayFirst);
        let paid_first: BTreeSet<_> = paid_first.map(|ticket| ticket.id).collect();
        for Stored { booking, .. } in world.bookings.all() {
            let end = if waits_for_an_operator(&booking) {
                "CANCELLING, an operator must look".to_owned()
            } else if booking.stock_refusal.is_some() {
                format!("{:?}, paid first and no stock", booking.status())
            } else if paid_first.contains(&booking.ticket.id) {
                format!("{:?}, paid first", booking.status())
            } else {
                format!("{:?}", booking.status())
            };
            *bookings.entry(end).or_default() += 1;
        }
        let mut ends = BTreeMap::new();
        for ticket in tickets {
            *ends.entry(format!("{:?}", ticket.status)).or_default() += 1;
        }
        Self {
            seeds: 1,
            steps,
            simulated_s: world.now().as_micros().unsigned_abs() / 1_000_000,
            events: world.bus.with_told(|told| told.all().count() as u64),
            letters: world.letters.all().len() as u64,
            keys: world.clients.keys().len() as u64,
            faults: world.chance.faults(),
            bookings,
            tickets: ends,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        let Self { seeds, steps, simulated_s, events, letters, keys, .. } = other;
        self.seeds += seeds;
        self.steps += steps;
        self.simulated_s += simulated_s;
        self.events += events;
        self.letters += letters;
        self.keys += keys;
        for (kind, count) in other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (end, count) in other.bookings {
            *self.bookings.entry(end).or_default() += count;
        }
        for (end, count) in other.tickets {
            *self.tickets.entry(end).or_default() += count;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = BTreeMap::from([
            ("seeds", self.seeds),
            ("steps", self.steps),
            ("hours of simulated time", self.simulated_s / 3_600),
            ("events told", self.events),
            ("letters", self.letters),
            ("keys that clients had an answer to", self.keys),
        ]);
        table(f, "simulated", &size)?;
        table(f, "what went wrong", &self.faults)?;
        table(f, "bookings by their end", &self.bookings)?;
        table(f, "tickets by their end", &self.tickets)
    }
}

fn table<K: AsRef<str>>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    rows: &BTreeMap<K, u64>,
) -> fmt::Result {
    writeln!(f, "{title}")?;
    rows.iter().try_for_each(|(name, count)| writeln!(f, "  {:<40}{count:>12}", name.as_ref()))
}
