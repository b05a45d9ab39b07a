//! I7 and I8: letters and views, which are made of what the others tell.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use grpc_mypage::ViewsConsumer;
use kernel::{BookingId, Envelope, EventHandler, EventId};
use mypage::{BookingView, Fact, ViewStore};
use notification::Recipient;

use super::{Verdict, must};
use crate::world::World;

/// I7: nobody gets a letter twice.
pub(super) fn letters_are_single(world: &World) -> Verdict {
    let mut letters = BTreeSet::new();
    for letter in world.letters.all() {
        let one = (letter.event_id, letter.recipient.clone(), letter.channel);
        must!(letters.insert(one), "I7: twice: {letter:?}");
    }
    Ok(())
}

/// I7: everybody who is to be told of an event was told.
pub(super) fn letters_at_rest(world: &World) -> Verdict {
    let mut told = BTreeMap::<EventId, (usize, usize)>::new();
    for letter in world.letters.all() {
        let (buyers, organizers) = told.entry(letter.event_id).or_default();
        match letter.recipient {
            Recipient::Buyer(_) => *buyers += 1,
            Recipient::Organizer(_) => *organizers += 1,
        }
    }
    world.bus.with_told(|events| {
        for message in events.all() {
            let got = told.remove(&message.id).unwrap_or_default();
            let (name, due) = (message.name(), due(message.name()));
            let id = message.id;
            must!(got == due, "I7: {got:?} letters instead of {due:?} of {name} {id}");
        }
        Ok(())
    })?;
    must!(told.is_empty(), "I7: letters of what never happened: {told:?}");
    Ok(())
}

/// How many letters there are of an event, to buyers and to organizers.
fn due(event: &str) -> (usize, usize) {
    match event {
        "BookingConfirmed" | "BookingReduced" | "BookingCancelled" => (1, 1),
        "TicketRegistered" | "TicketRetired" => (0, 1),
        "BookingAwaitingPayment"
        | "BookingRejected"
        | "BookingExpired"
        | "BookingCancellationRequested"
        | "PaymentApproved"
        | "PaymentDeclined"
        | "RefundSucceeded"
        | "RefundFailed" => (1, 0),
        _ => (0, 0),
    }
}

/// What was told so far, as the views should show it.
#[derive(Default)]
pub(super) struct Facts {
    bookings: usize,
    payments: usize,
    by_booking: BTreeMap<BookingId, Vec<Fact>>,
    /// Revisions of rows that were looked at.
    revisions: BTreeMap<BookingId, i64>,
}

impl Facts {
    fn hear(&mut self, world: &World) -> Verdict {
        let consumer = ViewsConsumer::new(world.my_page.clone());
        world.bus.with_told(|told| {
            let bookings = told.bookings.iter().skip(self.bookings).map(|(message, _)| message);
            let payments = told.payments.iter().skip(self.payments).map(|(message, _)| message);
            let is_wanted = |message: &&Envelope| consumer.event_names().contains(&message.name());
            for message in bookings.chain(payments).map(|message| &**message).filter(is_wanted) {
                let fact = grpc_mypage::read_fact(message).map_err(|error| error.to_string())?;
                self.by_booking.entry(fact.booking_id()).or_default().push(fact);
            }
            self.bookings = told.bookings.len();
            self.payments = told.payments.len();
            Ok(())
        })
    }

    /// I8 at any time: each half of a row is what some event said.
    pub(super) fn check(&mut self, world: &World) -> Verdict {
        self.hear(world)?;
        for (id, facts) in &self.by_booking {
            let Some(row) = view(world, *id) else { continue };
            if self.revisions.insert(*id, row.revision) == Some(row.revision) {
                continue;
            }
            let was_said = |half: &BookingView| {
                facts.iter().any(|fact| {
                    let mut one = BookingView::empty(*id);
                    one.fold(fact);
                    (&one.booking, one.payment) == (&half.booking, half.payment)
                })
            };
            let halves = [
                BookingView { payment: None, ..row.clone() },
                BookingView { booking: None, ..row.clone() },
            ];
            let empty = BookingView::empty(*id);
            let is_empty = |half: &BookingView| {
                (&half.booking, half.payment) == (&empty.booking, empty.payment)
            };
            let is_so = halves.iter().all(|half| is_empty(half) || was_said(half));
            must!(is_so, "I8: nobody said so: {row:?}");
        }
        Ok(())
    }

    /// I8 at rest: the view is the fold of all that was told.
    pub(super) fn at_rest(&mut self, world: &World) -> Verdict {
        self.hear(world)?;
        for (id, facts) in &self.by_booking {
            let mut fold = BookingView::empty(*id);
            for fact in facts {
                fold.fold(fact);
            }
            let row = view(world, *id);
            let is_so = row
                .as_ref()
                .is_some_and(|row| (&row.booking, row.payment) == (&fold.booking, fold.payment));
            must!(is_so, "I8: the view has {row:?} instead of {fold:?}");
        }
        Ok(())
    }
}

fn view(world: &World, id: BookingId) -> Option<BookingView> {
    world.views.find(id).now_or_never().unwrap().unwrap()
}
