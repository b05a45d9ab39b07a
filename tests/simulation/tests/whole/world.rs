//! All contexts over stores that outlive their servers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use booking::{Booking, BookingRefused, Bookings, ChargesHeard};
use kernel::{Clock, Fault, FaultClass, IdSource, Timestamp};
use memory_booking::MemoryBookingStore;
use memory_mypage::MemoryViewStore;
use memory_notification::MemoryNotificationStore;
use memory_payment::MemorySettlementStore;
use memory_ticket::MemoryTicketStore;
use mypage::MyPage;
use notification::Notifying;
use payment::{Guard, GuardRules, Paying};
use testkit::{ManualClock, NumberedIds};
use ticket::{Hold, Listing, Ticketing};

use crate::bus::Bus;
use crate::chance::{Chance, Lie};
use crate::clients::Clients;
use crate::gate::Gate;
use crate::ports::{Neighbours, TurnedAway};
use crate::provider::Provider;
use crate::stores::{BookingRows, Letters, PaymentRows, TicketRows, Views};
use crate::tasks::{Server, Tasks};

/// Servers of booking.
pub(crate) const REPLICAS: usize = 2;

/// Where many charges go wrong the provider is left alone, as by default.
const GUARD: GuardRules =
    GuardRules { breaks: true, at_once_max: 1_024, slow_after: Duration::from_secs(2) };

/// Everything there is.
pub(crate) struct World {
    pub(crate) chance: Arc<Chance>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ids: Arc<NumberedIds>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) tickets: Arc<MemoryTicketStore>,
    pub(crate) bookings: Arc<MemoryBookingStore>,
    pub(crate) settlements: Arc<MemorySettlementStore>,
    pub(crate) letters: Arc<MemoryNotificationStore>,
    pub(crate) views: Arc<MemoryViewStore>,
    pub(crate) ticketing: Arc<Ticketing>,
    pub(crate) paying: Arc<Paying>,
    pub(crate) notifying: Arc<Notifying>,
    pub(crate) my_page: Arc<MyPage>,
    pub(crate) turned_away: Arc<TurnedAway>,
    booking_servers: Mutex<Vec<Arc<Bookings>>>,
}

pub(crate) fn encode_booking(booking: &Booking) -> Vec<u8> {
    format!("{} {:?}", booking.id, booking.status()).into_bytes()
}

fn encode_refusal(refused: &BookingRefused) -> Vec<u8> {
    refused.reason.as_str().into()
}

fn encode_ticket(listing: &Listing) -> Vec<u8> {
    listing.ticket.id.to_string().into_bytes()
}

fn encode_hold(hold: &Hold) -> Vec<u8> {
    hold.id.to_string().into_bytes()
}

impl World {
    pub(crate) fn new(seed: u64, told: bool, lie: Option<Lie>) -> Self {
        let chance = Arc::new(Chance::new(seed, told, lie));
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000_000)));
        let ids = Arc::new(NumberedIds::default());
        let tasks = Arc::new(Tasks::new(clock.clone(), chance.clone()));
        let gate = |server| Gate { server, chance: chance.clone(), tasks: tasks.clone() };
        let tickets = Arc::new(MemoryTicketStore::new(clock.clone()));
        let settlements = Arc::new(MemorySettlementStore::new(clock.clone()));
        let (letters, views) = (Arc::default(), Arc::default());
        let provider = Arc::new(Provider::new(clock.clone(), gate(Server::Payment)));
        let stock = Arc::new(TicketRows { inner: tickets.clone(), gate: gate(Server::Ticket) });
        let ticketing = Ticketing {
            store: stock.clone(),
            stock,
            clock: clock.clone(),
            ids: ids.clone(),
            encode_reply: encode_ticket,
            encode_hold,
        };
        let (inner, money) = (settlements.clone(), gate(Server::Payment));
        let paying = Paying {
            settlements: Arc::new(PaymentRows { inner, gate: money }),
            provider: provider.clone(),
            guard: Guard::new(GUARD),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let (inner, post) = (Arc::clone(&letters), gate(Server::Notification));
        let notifying = Notifying {
            store: Arc::new(Letters { inner, gate: post }),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let (inner, page) = (Arc::clone(&views), gate(Server::MyPage));
        let my_page = MyPage { store: Arc::new(Views { inner, gate: page }) };
        let world = Self {
            bookings: Arc::new(MemoryBookingStore::new(clock.clone())),
            ticketing: Arc::new(ticketing),
            paying: Arc::new(paying),
            notifying: Arc::new(notifying),
            my_page: Arc::new(my_page),
            turned_away: Arc::default(),
            bus: Arc::default(),
            clients: Arc::default(),
            booking_servers: Mutex::default(),
            chance,
            clock,
            ids,
            tasks,
            provider,
            tickets,
            settlements,
            letters,
            views,
        };
        let servers = (0..REPLICAS).map(|replica| world.start(replica)).collect();
        *world.booking_servers.lock().unwrap() = servers;
        world
    }

    /// A server of booking as it begins: what the one before knew by heart is forgotten.
    fn start(&self, replica: usize) -> Arc<Bookings> {
        let from = Server::Booking(replica);
        let gate = Gate { server: from, chance: self.chance.clone(), tasks: self.tasks.clone() };
        let neighbours = Arc::new(Neighbours {
            from,
            tasks: self.tasks.clone(),
            ticketing: self.ticketing.clone(),
            paying: self.paying.clone(),
            turned_away: self.turned_away.clone(),
        });
        Arc::new(Bookings {
            store: Arc::new(BookingRows { inner: self.bookings.clone(), gate }),
            tickets: neighbours.clone(),
            payments: neighbours,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            owner: format!("booking-{replica}-{}", self.ids.next()),
            encode_reply: encode_booking,
            encode_refusal,
            charges_heard: ChargesHeard::default(),
        })
    }

    /// One step of one thing that servers are at; says whether there was any.
    pub(crate) fn step(&self) -> bool {
        let Some(killed) = self.tasks.step() else { return false };
        for server in killed {
            if let Server::Booking(replica) = server {
                let started = self.start(replica);
                *self.booking_servers.lock().unwrap().get_mut(replica).unwrap() = started;
            }
        }
        true
    }

    pub(crate) fn booking_server(&self, replica: usize) -> Arc<Bookings> {
        self.booking_servers.lock().unwrap().get(replica).unwrap().clone()
    }

    /// One that answers, if any does.
    pub(crate) fn any_replica(&self) -> Option<usize> {
        let all: Vec<_> = (0..REPLICAS).collect();
        let replica = self.chance.pick(&all)?;
        (!self.tasks.is_away(Server::Booking(replica))).then_some(replica)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What our own mistakes come to light by.
pub(crate) fn is_bug(error: &(impl Fault + ?Sized)) -> bool {
    error.class() == FaultClass::Bug
}
