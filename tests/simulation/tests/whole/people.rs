//! Buyers: they book, pay again, cancel, all of it also twice or at once, with keys and without.

use std::sync::Mutex;

use booking::{
    Begun, Booked, BookedFields, Booking, BookingStatus, Bookings, CancelBooking, CreateBooking,
    Driven, PayBooking,
};
use kernel::{Answered, Caller, CivilDate, Locale, Money, Quantity, ReplyKey, Role};
use ticket::{Slot, Ticket, TicketKind};

use crate::clients::Clients;
use crate::tasks::Server;
use crate::world::World;

const BUYERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// What a buyer wants.
#[derive(Debug, Clone)]
enum Wish {
    Create(CreateBooking),
    Pay(PayBooking),
    Cancel(CancelBooking),
}

/// A call, which may be made again.
#[derive(Debug, Clone)]
struct Call {
    buyer: String,
    key: Option<ReplyKey>,
    wish: Wish,
}

/// The buyers and what they have called.
#[derive(Default)]
pub(crate) struct Buyers {
    keyed: Mutex<Vec<Call>>,
    calls: Mutex<usize>,
}

fn caller(buyer: &str) -> Caller {
    let locale = if buyer == "bob" { Locale::Ko } else { Locale::En };
    let subject = Some(buyer.to_owned());
    Caller { subject, roles: vec![Role::Buyer], locale, ..Caller::default() }
}

impl Buyers {
    /// One buyer does something.
    pub(crate) fn act(&self, world: &World) {
        let call = match world.chance.below(12) {
            0..=4 => self.create(world),
            5..=7 => self.pay(world),
            8 | 9 => self.cancel(world),
            _ => return self.again(world),
        };
        if let Some(call) = call {
            self.make(world, call);
        }
    }

    fn make(&self, world: &World, call: Call) {
        if call.key.is_some() {
            self.keyed.lock().unwrap().push(call.clone());
        }
        // Impatient people press twice.
        if world.chance.one_in(6) {
            world.called(call.clone());
        }
        world.called(call);
    }

    /// Time is over, or so it seems: who has not paid yet does so now, before anybody else notices.
    pub(crate) fn pay_late(&self, world: &World) {
        for stored in world.bookings.all() {
            let waits = stored.booking.status() == BookingStatus::AwaitingPayment;
            if waits && !world.chance.one_in(3) {
                self.make(world, self.pay_for(world, &stored.booking));
            }
        }
    }

    /// Who has not paid yet takes more of the same.
    pub(crate) fn take_more(&self, world: &World) {
        for stored in world.bookings.all() {
            let Booking { ticket, buyer_id, booked, .. } = &stored.booking;
            if stored.booking.status() != BookingStatus::AwaitingPayment {
                continue;
            }
            for _ in 0..2 {
                let create = CreateBooking {
                    ticket_id: ticket.id,
                    booked: booked.clone(),
                    expected_total: None,
                    payment_method: format!("token/{}", self.number()),
                };
                let buyer = buyer_id.to_string();
                self.make(world, Call { buyer, key: None, wish: Wish::Create(create) });
            }
        }
    }

    /// The same call with the same key; now and then the key with another request.
    fn again(&self, world: &World) {
        let Some(mut call) = world.chance.pick(&self.keyed.lock().unwrap()) else { return };
        if world.chance.one_in(8)
            && let Some(key) = &mut call.key
        {
            key.fingerprint = vec![2];
        }
        world.called(call);
    }

    /// Keys to book with, each with the token that its call pays with: no other call has the same.
    pub(crate) fn tokens(&self) -> Vec<(ReplyKey, String)> {
        let keyed = self.keyed.lock().unwrap();
        let creates = keyed.iter().filter_map(|call| match (&call.key, &call.wish) {
            (Some(key), Wish::Create(create)) => Some((key.clone(), create.payment_method.clone())),
            (_, Wish::Create(_) | Wish::Pay(_) | Wish::Cancel(_)) => None,
        });
        creates.collect()
    }

    fn number(&self) -> usize {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        *calls
    }

    fn key(&self, world: &World, scope: &str, buyer: &str) -> Option<ReplyKey> {
        let key = self.number().to_string();
        let scope = format!("{scope} {buyer}");
        world.chance.one_in(2).then(|| ReplyKey { scope, key, fingerprint: vec![1] })
    }

    fn create(&self, world: &World) -> Option<Call> {
        let ticket = world.chance.pick(&world.tickets.tickets())?;
        let buyer = world.chance.pick(&BUYERS)?.to_owned();
        let booked = booked(world, &ticket);
        let count = booked.quantity().get();
        let expected_total: Option<Money> =
            if world.chance.one_in(5) { ticket.terms.unit_price.times(count).ok() } else { None };
        let key = self.key(world, "create", &buyer);
        let payment_method = format!("token/{}", self.number());
        let ticket_id = ticket.id;
        let create = CreateBooking { ticket_id, booked, expected_total, payment_method };
        Some(Call { buyer, key, wish: Wish::Create(create) })
    }

    fn pay(&self, world: &World) -> Option<Call> {
        let all = world.bookings.all();
        let waits = |status| status == BookingStatus::AwaitingPayment || world.chance.one_in(8);
        let some = all.iter().map(|stored| &stored.booking);
        let some: Vec<_> = some.filter(|booking| waits(booking.status())).collect();
        world.chance.pick(&some).map(|booking| self.pay_for(world, booking))
    }

    fn pay_for(&self, world: &World, booking: &Booking) -> Call {
        let buyer = booking.buyer_id.to_string();
        let key = self.key(world, "pay", &buyer);
        let payment_method = format!("token/{}", self.number());
        let pay = PayBooking { booking_id: booking.id, payment_method };
        Call { buyer, key, wish: Wish::Pay(pay) }
    }

    fn cancel(&self, world: &World) -> Option<Call> {
        let all = world.bookings.all();
        let open = |open: bool| open || world.chance.one_in(6);
        let some = all.iter().map(|stored| &stored.booking);
        let some: Vec<_> = some.filter(|booking| open(booking.is_open())).collect();
        let booking = world.chance.pick(&some)?;
        let buyer = booking.buyer_id.to_string();
        let key = self.key(world, "cancel", &buyer);
        // One of two, as often as not; of seats and nights that is refused.
        let quantity = if world.chance.one_in(3) { Quantity::new(1).ok() } else { None };
        let cancel = CancelBooking { booking_id: booking.id, quantity };
        Some(Call { buyer, key, wish: Wish::Cancel(cancel) })
    }
}

/// Something that goes with the ticket's kind; mostly.
fn booked(world: &World, ticket: &Ticket) -> Booked {
    let chance = &world.chance;
    let quantity = 1 + chance.below(2) as i64;
    let units = BookedFields { quantity, ..BookedFields::default() };
    let fields = match ticket.kind {
        TicketKind::Seated if chance.one_in(2) => {
            let stocks = world.tickets.stocks();
            let seats = stocks.into_iter().filter_map(|((id, slot), _)| match slot {
                Slot::Seat(name) if id == ticket.id => Some(name),
                Slot::Seat(_) | Slot::Admission | Slot::Night(_) => None,
            });
            let seats = chance.pick(&seats.collect::<Vec<_>>()).into_iter().collect();
            BookedFields { seats, ..BookedFields::default() }
        }
        TicketKind::Admission | TicketKind::Seated => units,
        TicketKind::Nightly => {
            let first = 1 + chance.below(3) as i32;
            let date = |day| Some(CivilDate::new(1970, 1, day));
            let until = first + 1 + chance.below(2) as i32;
            BookedFields { check_in: date(first), check_out: date(until), ..units }
        }
    };
    Booked::read(fields).unwrap()
}

impl World {
    /// A call comes in, if there is a server to take it.
    fn called(&self, call: Call) {
        let Some(replica) = self.any_replica() else { return };
        self.chance.tell(|| format!("> {call:?}"));
        let (bookings, clients) = (self.booking_server(replica), self.clients.clone());
        // Where there is no room for it at once, a sweep does the rest after the lease.
        let at_once = self.chance.one_in(2);
        self.tasks.spawn(Server::Booking(replica), async move {
            let Call { buyer, key, wish } = call;
            let (caller, key) = (caller(&buyer), key);
            match wish {
                Wish::Create(create) => {
                    let answered = bookings.create_booking(&caller, create, key.clone()).await;
                    match answered {
                        Ok(begun) => {
                            begun_or_replayed(&bookings, &clients, key, begun, at_once).await
                        }
                        Err(error) if error.is_sold_out() => {
                            clients.led_to(key.as_ref(), "SOLD_OUT")
                        }
                        Err(error) => clients.judge("booking", &error),
                    }
                }
                Wish::Pay(pay) => {
                    let answered = bookings.pay_booking(&caller, pay, key.clone()).await;
                    match answered {
                        Ok(begun) => {
                            begun_or_replayed(&bookings, &clients, key, begun, at_once).await
                        }
                        Err(error) => clients.judge("paying", &error),
                    }
                }
                Wish::Cancel(cancel) => {
                    match bookings.cancel_booking(&caller, cancel, key.clone()).await {
                        Ok(Answered::Fresh(booking)) => clients.led_to(key.as_ref(), booking.id),
                        Ok(Answered::Replayed(body)) => clients.replayed(key.as_ref(), body),
                        Err(error) => clients.judge("cancelling", &error),
                    }
                }
            }
        });
    }
}

async fn begun_or_replayed(
    bookings: &Bookings,
    clients: &Clients,
    key: Option<ReplyKey>,
    answered: Answered<Begun>,
    at_once: bool,
) {
    let begun = match answered {
        Answered::Replayed(body) => return clients.replayed(key.as_ref(), body),
        Answered::Fresh(begun) => begun,
    };
    clients.led_to(key.as_ref(), begun.booking.id);
    let rest = match bookings.drive(begun).await {
        Ok(Driven { rest, .. }) => rest,
        Err(error) => return clients.judge("driving", &error),
    };
    if let Some(rest) = rest.filter(|_| at_once)
        && let Err(error) = bookings.drive_on(rest).await
    {
        clients.judge("driving on", &error);
    }
}
