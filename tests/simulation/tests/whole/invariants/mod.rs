//! What must hold: some of it after every step, the rest at rest. `domain.md` numbers them.

mod bookings;
mod keys;
mod money;
mod readers;
mod stock;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use booking::{Booking, MoneyBack, Reduction, Release, Sale, State, StockBack, Stored};
use kernel::{BookingId, HoldId, TicketId};
use payment::Settlement;
use ticket::{Hold, HoldRecord, Ticket, TicketStatus};

use crate::people::Buyers;
use crate::provider::Books;
use crate::tasks::Server;
use crate::world::World;

/// What does not hold.
pub(crate) type Verdict = Result<(), String>;

/// Says what does not hold, and where.
macro_rules! must {
    ($holds:expr, $($otherwise:tt)+) => {
        if !$holds {
            return Err(format!($($otherwise)+));
        }
    };
}
pub(crate) use must;

/// What was looked at before, where that need not be looked at again.
#[derive(Default)]
pub(crate) struct Watch {
    ledger: stock::Ledger,
    told: told::Heard,
    views: readers::Facts,
}

/// All contexts at one moment.
struct Seen<'a> {
    world: &'a World,
    bookings: BTreeMap<BookingId, Stored>,
    settlements: BTreeMap<BookingId, Settlement>,
    holds: BTreeMap<HoldId, HoldRecord>,
    tickets: BTreeMap<TicketId, Ticket>,
    books: Books,
}

impl<'a> Seen<'a> {
    fn new(world: &'a World) -> Self {
        let bookings = world.bookings.all().into_iter();
        let settlements = world.settlements.settlements().into_iter();
        let holds = world.tickets.holds().into_iter();
        let tickets = world.tickets.tickets().into_iter();
        Self {
            world,
            bookings: bookings.map(|stored| (stored.booking.id, stored)).collect(),
            settlements: settlements.map(|it| (it.booking_id, it)).collect(),
            holds: holds.map(|hold| (hold.id(), hold)).collect(),
            tickets: tickets.map(|ticket| (ticket.id, ticket)).collect(),
            books: world.provider.books(),
        }
    }

    /// Every hold there is, without tombstones.
    fn taken(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values().filter_map(|record| match record {
            HoldRecord::Hold(hold) => Some(hold),
            HoldRecord::Tombstone(_) => None,
        })
    }

    fn hold_of(&self, id: BookingId) -> Option<&Hold> {
        match self.holds.get(&HoldId::of_booking(id))? {
            HoldRecord::Hold(hold) => Some(hold),
            HoldRecord::Tombstone(_) => None,
        }
    }

    /// All that is known of one booking, for whoever reads what does not hold.
    fn all_of(&self, booking: &Booking) -> String {
        let id = booking.id;
        let charges = self.books.charges.iter().filter(|(key, _)| key.booking_id == id);
        let refunds = self.books.refunds.values().filter(|given| given.charge.booking_id == id);
        format!(
            "{booking:?}; {:?}; {:?}; the provider has {:?} and {:?}",
            self.holds.get(&HoldId::of_booking(id)),
            self.settlements.get(&id),
            charges.collect::<Vec<_>>(),
            refunds.collect::<Vec<_>>(),
        )
    }
}

/// What holds between any two writes of anybody, given who has written since it held last.
pub(crate) fn always(watch: &mut Watch, world: &World, wrote: &BTreeSet<Server>) -> Verdict {
    heard(world)?;
    let has_core = wrote.iter().any(|server| match server {
        Server::Ticket | Server::Booking(_) | Server::Payment => true,
        Server::Notification | Server::MyPage => false,
    });
    if has_core {
        let seen = Seen::new(world);
        watch.ledger.check(&seen)?;
        stock::limits(&seen)?;
        bookings::always(&seen)?;
        money::always(&seen)?;
        watch.told.check(&seen)?;
    }
    if wrote.contains(&Server::Notification) {
        readers::letters_are_single(world)?;
    }
    if wrote.contains(&Server::MyPage) {
        watch.views.check(world)?;
    }
    Ok(())
}

/// What somebody complained of; clients do who get two outcomes for one key (I6).
fn heard(world: &World) -> Verdict {
    world.clients.complaint().map_or(Ok(()), Err)
}

/// What holds once nobody is at anything any more.
pub(crate) fn at_rest(watch: &mut Watch, world: &World, buyers: &Buyers) -> Verdict {
    heard(world)?;
    let seen = Seen::new(world);
    bookings::at_rest(&seen)?;
    stock::at_rest(&seen)?;
    money::at_rest(&seen)?;
    keys::at_rest(&seen, buyers)?;
    readers::letters_at_rest(world)?;
    watch.views.at_rest(world)
}

/// What is not at rest, if anything is.
pub(crate) fn restless(world: &World) -> Option<String> {
    if world.tasks.count() > 0 || !world.bus.is_empty() {
        return Some("something is on its way".to_owned());
    }
    let seen = Seen::new(world);
    let bookings = seen.bookings.values().map(|stored| &stored.booking);
    if let Some(booking) = bookings.clone().find(|booking| !is_at_rest(booking)) {
        return Some(seen.all_of(booking));
    }
    let settlement = seen.settlements.values().find(|settlement| settlement.next_ask().is_some());
    if let Some(settlement) = settlement {
        return Some(format!("{settlement:?}"));
    }
    let retiring = |ticket: &&Ticket| ticket.status == TicketStatus::Retiring;
    let retiring = seen.tickets.values().find(retiring);
    retiring.map(|ticket| format!("{ticket:?} with {:?}", seen.taken().collect::<Vec<_>>()))
}

/// Whether it has come to its end, as far as it can without an operator.
fn is_at_rest(booking: &Booking) -> bool {
    match booking.state {
        State::Confirmed { sale, .. } => {
            let no_part_is_away = booking.reduction.is_none() || waits_for_an_operator(booking);
            sale == Sale::Committed && no_part_is_away
        }
        State::Rejected { stock, .. } | State::Expired { stock, .. } => stock == Release::Done,
        State::Cancelled { .. } => true,
        State::Cancelling { .. } => waits_for_an_operator(booking),
        State::Pending { .. } | State::AwaitingPayment { .. } => false,
    }
}

/// Its refund, or that of a part of it, was refused too often. The stock is back.
pub(crate) const fn waits_for_an_operator(booking: &Booking) -> bool {
    let part = matches!(
        booking.reduction,
        Some(Reduction { money: MoneyBack::Stuck, stock: StockBack::Returned, .. })
    );
    part || matches!(
        booking.state,
        State::Cancelling { money: MoneyBack::Stuck, stock: StockBack::Returned, .. }
    )
}
