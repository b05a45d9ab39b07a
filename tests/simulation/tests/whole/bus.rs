//! The bus between the contexts: what each has told comes to every consumer that wants it, at least once, in any
//! order. The messages are the real ones, and so are the consumers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use booking::BookingEvent;
use grpc_booking::ProcessConsumer;
use grpc_mypage::ViewsConsumer;
use grpc_notification::LettersConsumer;
use grpc_payment::RefundConsumer;
use grpc_ticket::StockReturnConsumer;
use kernel::{Envelope, EventHandler, HandlerError, Recorded, Timestamp};
use payment::PaymentEvent;

use crate::chance::Lie;
use crate::tasks::Server;
use crate::world::World;

/// The longest that a message takes, and that a lost one takes to come again.
const DELAY: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consumer {
    Process,
    StockReturn,
    Refund,
    Letters,
    Views,
}

const CONSUMERS: [Consumer; 5] = [
    Consumer::Process,
    Consumer::StockReturn,
    Consumer::Refund,
    Consumer::Letters,
    Consumer::Views,
];

/// A message on its way to one consumer.
#[derive(Clone)]
struct Delivery {
    consumer: Consumer,
    message: Arc<Envelope>,
    not_before: Timestamp,
}

#[derive(Default)]
pub(crate) struct Bus {
    on_their_way: Mutex<Vec<Delivery>>,
    told: Mutex<Told>,
}

/// All that was told so far, context by context.
#[derive(Default)]
pub(crate) struct Told {
    /// By the ticket context.
    pub(crate) tickets: Vec<Arc<Envelope>>,
    /// By the booking context, beside what it meant.
    pub(crate) bookings: Vec<(Arc<Envelope>, Recorded<BookingEvent>)>,
    /// By the payment context, beside what it meant.
    pub(crate) payments: Vec<(Arc<Envelope>, Recorded<PaymentEvent>)>,
}

impl Told {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Envelope>> {
        let bookings = self.bookings.iter().map(|(message, _)| message);
        let payments = self.payments.iter().map(|(message, _)| message);
        self.tickets.iter().chain(bookings).chain(payments)
    }
}

impl Bus {
    /// Reads what was told.
    pub(crate) fn with_told<A>(&self, read: impl FnOnce(&Told) -> A) -> A {
        read(&self.told.lock().unwrap())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.on_their_way.lock().unwrap().is_empty()
    }

    fn send(&self, delivery: Delivery) {
        self.on_their_way.lock().unwrap().push(delivery);
    }
}

impl World {
    /// What was committed since goes on its way; the outbox is as durable as the commit.
    pub(crate) fn relay(&self) {
        let mut told = self.bus.told.lock().unwrap();
        let mut new = Vec::new();
        for event in self.tickets.events_since(told.tickets.len()) {
            let message = Arc::new(grpc_ticket::envelope(&event));
            new.push(message.clone());
            told.tickets.push(message);
        }
        for event in self.bookings.events_since(told.bookings.len()) {
            let message = Arc::new(grpc_booking::envelope(&event));
            new.push(message.clone());
            told.bookings.push((message, event));
        }
        for event in self.settlements.events_since(told.payments.len()) {
            let message = Arc::new(grpc_payment::envelope(&event));
            new.push(message.clone());
            told.payments.push((message, event));
        }
        drop(told);
        for message in new {
            self.chance.tell(|| format!("  told: {} {}", message.name(), message.aggregate_id));
            for consumer in CONSUMERS {
                if self.handler(consumer, 0).event_names().contains(&message.name()) {
                    let wait = self.delay();
                    let not_before = self.now().plus(wait);
                    self.bus.send(Delivery { consumer, message: message.clone(), not_before });
                }
            }
        }
    }

    /// One message comes to its consumer, if any is due; says whether one was.
    pub(crate) fn deliver(&self) -> bool {
        let (now, chance) = (self.now(), &self.chance);
        let taken = {
            let mut all = self.bus.on_their_way.lock().unwrap();
            let due = all.iter().enumerate().filter(|(_, delivery)| delivery.not_before <= now);
            let due: Vec<_> = due.map(|(place, _)| place).collect();
            chance.pick(&due).map(|place| all.remove(place))
        };
        let Some(delivery) = taken else { return false };
        let again = |delivery: Delivery| {
            let not_before = now.plus(Duration::from_millis(1) + chance.wait(DELAY));
            self.bus.send(Delivery { not_before, ..delivery });
        };
        let replica = chance.below(crate::world::REPLICAS);
        let server = server(delivery.consumer, replica);
        if self.tasks.is_away(server) || chance.fault("message lost", 10) {
            again(delivery);
            return true;
        }
        if chance.lies(Lie::Forgotten) {
            return true;
        }
        if chance.fault("message doubled", 10) {
            again(delivery.clone());
        }
        let handler = self.handler(delivery.consumer, replica);
        let mut unheard = Unheard {
            bus: self.bus.clone(),
            later: now.plus(Duration::from_millis(1) + self.delay()),
            delivery: Some(delivery),
        };
        let (chance, clients) = (self.chance.clone(), self.clients.clone());
        self.tasks.spawn(server, async move {
            let Some(message) = unheard.delivery.as_ref().map(|it| it.message.clone()) else {
                return;
            };
            chance.tell(|| format!("  {} <- {} {}", handler.name(), message.name(), message.id));
            match handler.handle(&message).await {
                Ok(()) if chance.fault("acknowledgement lost", 20) => {}
                Ok(()) => unheard.is_heard(),
                Err(HandlerError::Transient(_)) => {}
                Err(HandlerError::Poison(why)) => {
                    unheard.is_heard();
                    let (name, consumer) = (message.name(), handler.name());
                    clients.complain(format!("L1: {consumer} sets {name} aside: {why}"));
                }
            }
        });
        true
    }

    /// Mostly short; while all is calm nothing takes long.
    fn delay(&self) -> Duration {
        if self.chance.fault("message delayed", 4) {
            self.chance.wait(DELAY)
        } else {
            Duration::ZERO
        }
    }

    fn handler(&self, consumer: Consumer, replica: usize) -> Box<dyn EventHandler> {
        match consumer {
            Consumer::Process => Box::new(ProcessConsumer::new(self.booking_server(replica))),
            Consumer::StockReturn => Box::new(StockReturnConsumer::new(self.ticketing.clone())),
            Consumer::Refund => Box::new(RefundConsumer::new(self.paying.clone())),
            Consumer::Letters => Box::new(LettersConsumer::new(self.notifying.clone())),
            Consumer::Views => Box::new(ViewsConsumer::new(self.my_page.clone())),
        }
    }
}

const fn server(consumer: Consumer, replica: usize) -> Server {
    match consumer {
        Consumer::Process => Server::Booking(replica),
        Consumer::StockReturn => Server::Ticket,
        Consumer::Refund => Server::Payment,
        Consumer::Letters => Server::Notification,
        Consumer::Views => Server::MyPage,
    }
}

/// A message that nobody has acknowledged: it comes again, also where its consumer's server was killed.
struct Unheard {
    bus: Arc<Bus>,
    later: Timestamp,
    delivery: Option<Delivery>,
}

impl Unheard {
    fn is_heard(&mut self) {
        self.delivery = None;
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            self.bus.send(Delivery { not_before: self.later, ..delivery });
        }
    }
}
