//! What must hold in every world, and what must be possible so that the model is not empty.

use booking::BookingStatus;
use payment::PaymentStatus;
use stateright::Property;
use ticket::TicketStatus;

use crate::money::Outcome;
use crate::network::Request;
use crate::saga::{Action, Party, Saga, Scope, World};
use crate::stock::{CAPACITY, HoldSeen, RIVAL};

pub(crate) const NO_OVERSELL: &str = "holds keep no more than there is";
pub(crate) const COUNTERS_AGREE: &str = "the counters are what the holds add up to";
pub(crate) const CHARGED_ONCE: &str = "no booking is charged twice, nor refunded more than charged";
pub(crate) const CLOSED_KEEPS_NOTHING: &str =
    "a closed booking that is at rest keeps neither stock nor money";
pub(crate) const CONFIRMED_IS_PAID_AND_KEPT: &str =
    "a confirmed booking is paid, and its stock is sold or pinned";
pub(crate) const RETIRED_KEEPS_NOTHING: &str =
    "a retired ticket keeps no stock and has no confirmed booking";
pub(crate) const LATE_IS_NOT_CHARGED: &str =
    "a booking that is placed after its ticket's deletion is never charged";
pub(crate) const COMES_TO_REST: &str = "when nothing goes wrong any more, all comes to rest";

/// More steps than anything needs that comes to rest.
const STEPS_MAX: usize = 200;

pub(crate) fn all(scope: Scope) -> Vec<Property<Saga>> {
    let mut all = vec![
        Property::always(NO_OVERSELL, |saga: &Saga, world| saga.shelf(world).kept <= CAPACITY),
        Property::always(COUNTERS_AGREE, |saga: &Saga, world| saga.shelf(world).counters_agree),
        Property::always(CHARGED_ONCE, charged_once),
        Property::always(CLOSED_KEEPS_NOTHING, closed_keeps_nothing),
        Property::always(CONFIRMED_IS_PAID_AND_KEPT, confirmed_is_paid_and_kept),
        Property::always(RETIRED_KEEPS_NOTHING, retired_keeps_nothing),
        Property::always(LATE_IS_NOT_CHARGED, late_is_not_charged),
        Property::always(COMES_TO_REST, |saga: &Saga, world| saga.comes_to_rest(world)),
        Property::sometimes("a booking is confirmed and sold", |saga: &Saga, world| {
            ends(saga, world, BookingStatus::Confirmed, |party| party.ledger.taken == 1)
        }),
        Property::sometimes("a booking is confirmed after a decline", |saga: &Saga, world| {
            ends(saga, world, BookingStatus::Confirmed, |party| {
                party.ledger.decided == [Some(Outcome::Declined), Some(Outcome::Approved)]
            })
        }),
        Property::sometimes("a booking is rejected", |saga: &Saga, world| {
            ends(saga, world, BookingStatus::Rejected, |_| true)
        }),
        Property::sometimes("a booking expires unpaid", |saga: &Saga, world| {
            ends(saga, world, BookingStatus::Expired, |_| true)
        }),
        Property::sometimes("a booking is cancelled and refunded", |saga: &Saga, world| {
            ends(saga, world, BookingStatus::Cancelled, |party| party.ledger.given_back != 0)
        }),
        Property::sometimes("a ticket is retired though it was sold", |saga: &Saga, world| {
            saga.shelf(world).status == TicketStatus::Retired
                && ends(saga, world, BookingStatus::Cancelled, |party| party.ledger.taken == 1)
        }),
    ];
    let gone: fn(&Saga, &World) -> bool = if scope.pay_first {
        |saga, world| is_gone(saga, world, Request::Hold, HoldSeen::Unknown)
    } else {
        |saga, world| is_gone(saga, world, Request::Commit, HoldSeen::Expired)
    };
    all.push(Property::sometimes("a booking is paid, and its stock is gone", gone));
    all
}

/// A booking that is paid is about to ask for its stock, which others have.
fn is_gone(saga: &Saga, world: &World, asks: Request, hold: HoldSeen) -> bool {
    let shelf = saga.shelf(world);
    saga.parties(world).any(|(of, party)| {
        let is_paid = party.ledger.taken == 1;
        let asks = party.drive.is_some_and(|drive| drive.awaits.has(asks));
        is_paid && asks && shelf.holds[of] == hold && shelf.kept == CAPACITY
    })
}

/// I10. Whoever cancels the bookings of a deleted ticket does not find it, so it must end by itself.
fn late_is_not_charged(saga: &Saga, world: &World) -> bool {
    saga.parties(world).all(|(_, party)| !party.came_late || party.ledger.taken == 0)
}

/// A booking is at rest with this status.
fn ends(saga: &Saga, world: &World, status: BookingStatus, so: fn(&Party) -> bool) -> bool {
    saga.parties(world).any(|(_, party)| {
        let ended = saga.booking(party).is_some_and(|booking| booking.status == status);
        ended && so(party) && is_quiet(saga, party)
    })
}

/// Nothing is on its way or to be done about a booking, until somebody wishes something or time passes.
fn is_quiet(saga: &Saga, party: &Party) -> bool {
    let nothing_to_ask = saga.booking(party).is_none_or(|booking| booking.asks.is_empty());
    party.drive.is_none()
        && party.late.is_empty()
        && party.news.is_empty()
        && nothing_to_ask
        && !saga.settlement(party).is_due
}

fn charged_once(saga: &Saga, world: &World) -> bool {
    saga.parties(world).all(|(_, party)| party.ledger.taken <= 1 && party.ledger.net() >= 0)
}

/// I4. One that waits to be paid may keep stock.
fn closed_keeps_nothing(saga: &Saga, world: &World) -> bool {
    let shelf = saga.shelf(world);
    saga.parties(world).filter(|(_, party)| is_quiet(saga, party)).all(|(of, party)| {
        let Some(booking) = saga.booking(party) else { return true };
        let money = party.ledger.net();
        match booking.status {
            BookingStatus::Pending | BookingStatus::Confirmed | BookingStatus::Cancelling => true,
            BookingStatus::AwaitingPayment => money == 0,
            BookingStatus::Cancelled | BookingStatus::Rejected | BookingStatus::Expired => {
                money == 0 && !shelf.holds[of].keeps_stock()
            }
        }
    })
}

/// I3.
fn confirmed_is_paid_and_kept(saga: &Saga, world: &World) -> bool {
    let shelf = saga.shelf(world);
    saga.parties(world).all(|(of, party)| {
        let booking = saga.booking(party);
        booking.is_none_or(|booking| booking.status != BookingStatus::Confirmed)
            || party.ledger.net() == 1
                && matches!(shelf.holds[of], HoldSeen::Committed | HoldSeen::Pinned)
    })
}

/// I10.
fn retired_keeps_nothing(saga: &Saga, world: &World) -> bool {
    let shelf = saga.shelf(world);
    let confirmed = saga.parties(world).any(|(_, party)| {
        saga.booking(party).is_some_and(|booking| booking.status == BookingStatus::Confirmed)
    });
    shelf.status != TicketStatus::Retired || shelf.kept == 0 && !confirmed
}

impl Saga {
    /// What the servers do by themselves when every message arrives and nobody wishes anything; `None` at rest. Where
    /// this leads is reached by the model's own actions, so the promises about rest are looked at there, too.
    fn calm(&self, world: &World) -> Option<Action> {
        self.parties(world).find_map(|(of, party)| self.calm_of(of, party)).or_else(|| {
            let shelf = self.shelf(world);
            match shelf.status {
                TicketStatus::Retiring if shelf.kept == 0 => Some(Action::EndRetirement),
                TicketStatus::Retiring if shelf.holds[RIVAL].keeps_stock() => {
                    Some(Action::RivalGivesUp)
                }
                TicketStatus::OnSale
                | TicketStatus::Paused
                | TicketStatus::Retiring
                | TicketStatus::Retired => None,
            }
        })
    }

    fn calm_of(&self, of: usize, party: &Party) -> Option<Action> {
        if let Some(news) = party.news.each().next() {
            return Some(Action::Hear(of, news));
        }
        if let Some(request) = party.late.each().next() {
            return Some(Action::Lose(of, request));
        }
        let settlement = self.settlement(party);
        if let Some(attempt) = settlement.undecided().next() {
            return Some(match party.ledger.decided[attempt as usize - 1] {
                None => Action::Provider(of, attempt, Outcome::Approved),
                Some(outcome) => Action::Learn(of, attempt, outcome),
            });
        }
        if settlement.refund_requested {
            return Some(Action::BeginRefund(of));
        }
        if let Some(refund) = settlement.refund_begun {
            let is_made = party.ledger.given_back & (1 << refund) != 0;
            return Some(if is_made { Action::LearnRefund(of) } else { Action::GiveBack(of) });
        }
        if let Some(drive) = party.drive {
            return drive.awaits.each().next().map(|request| Action::Answer(of, request));
        }
        let booking = self.booking(party)?;
        if !booking.asks.is_empty() {
            return Some(Action::TakeOver(of));
        }
        (booking.status == BookingStatus::AwaitingPayment).then_some(Action::PayByPasses(of))
    }

    /// I5: whatever has happened, once faults end, the servers end what was begun.
    fn comes_to_rest(&self, world: &World) -> bool {
        let mut at = *world;
        let mut passed = Vec::new();
        while !self.restful.read().unwrap().contains(&at) {
            passed.push(at);
            match self.calm(&at) {
                None => break,
                Some(_) if passed.len() > STEPS_MAX => return false,
                Some(action) => at = self.after(at, action),
            }
        }
        if self.calm(&at).is_none() && !self.is_at_rest(&at) {
            return false;
        }
        self.restful.write().unwrap().extend(passed);
        true
    }

    fn is_at_rest(&self, world: &World) -> bool {
        let ended = |party: &Party| match self.booking(party).map(|booking| booking.status) {
            None
            | Some(
                BookingStatus::Confirmed
                | BookingStatus::Cancelled
                | BookingStatus::Rejected
                | BookingStatus::Expired,
            ) => true,
            Some(
                BookingStatus::Pending | BookingStatus::AwaitingPayment | BookingStatus::Cancelling,
            ) => false,
        };
        self.shelf(world).status != TicketStatus::Retiring
            && self.parties(world).all(|(_, party)| ended(party) && is_quiet(self, party))
    }

    /// A booking in a few words.
    pub(crate) fn tell(&self, world: &World, of: usize) -> String {
        let party = &world.parties[of];
        let status = self.booking(party).map(|booking| booking.status);
        let attempts = self.settlement(party).attempts;
        let attempts: Vec<PaymentStatus> = attempts.into_iter().flatten().collect();
        let hold = self.shelf(world).holds[of];
        format!("{status:?}, hold {hold:?}, attempts {attempts:?}, net {}", party.ledger.net())
    }
}
