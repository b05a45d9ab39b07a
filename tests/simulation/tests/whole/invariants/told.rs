//! What the contexts tell: each aggregate's events are numbered without a gap, and nobody is told what is not so.

use std::collections::BTreeMap;

use booking::{BookingEvent, Happening};
use kernel::{BookingId, Envelope};
use payment::PaymentEvent;

use super::money::{given_back_minor, net_minor};
use super::{Seen, Verdict, must};

/// What was told before.
#[derive(Default)]
pub(super) struct Heard {
    tickets: usize,
    bookings: usize,
    payments: usize,
    versions: BTreeMap<(String, String), i64>,
    happened: BTreeMap<(BookingId, &'static str), usize>,
}

impl Heard {
    /// Of what was told since, while it is still the moment after.
    pub(super) fn check(&mut self, seen: &Seen<'_>) -> Verdict {
        seen.world.bus.with_told(|told| {
            for message in told.tickets.iter().skip(self.tickets) {
                self.number(message)?;
            }
            for (message, event) in told.bookings.iter().skip(self.bookings) {
                self.number(message)?;
                self.of_booking(seen, &event.event)?;
            }
            for (message, event) in told.payments.iter().skip(self.payments) {
                self.number(message)?;
                of_payment(seen, &event.event)?;
            }
            self.tickets = told.tickets.len();
            self.bookings = told.bookings.len();
            self.payments = told.payments.len();
            Ok(())
        })
    }

    fn number(&mut self, message: &Envelope) -> Verdict {
        let of = (message.aggregate_type.clone(), message.aggregate_id.clone());
        let last = self.versions.entry(of).or_default();
        *last += 1;
        let (name, id) = (message.name(), &message.aggregate_id);
        let version = message.aggregate_version;
        must!(version == *last, "E2: {name} of {id} has number {version} instead of {last}");
        Ok(())
    }

    fn of_booking(&mut self, seen: &Seen<'_>, event: &BookingEvent) -> Verdict {
        let BookingEvent { what, booking } = event;
        let id = booking.id;
        let settlement = seen.settlements.get(&id);
        let once = match what {
            Happening::Placed => "placed",
            Happening::Confirmed => "confirmed",
            Happening::CancellationRequested => "cancellation requested",
            Happening::Cancelled => "cancelled",
            Happening::Rejected => "rejected",
            Happening::Expired => "expired",
            Happening::AwaitingPayment | Happening::Reduced => return Ok(()),
        };
        let times = self.happened.entry((id, once)).or_default();
        *times += 1;
        must!(*times == 1, "{once} for the second time: {}", seen.all_of(booking));
        if *what == Happening::Confirmed {
            let is_paid = settlement.is_some_and(|it| net_minor(it) == booking.total.minor());
            must!(is_paid, "N01: confirmed without money: {}", seen.all_of(booking));
        }
        if *what == Happening::Cancelled {
            let (refunded, net) = (booking.refunded.minor(), settlement.map_or(0, net_minor));
            let given = given_back_minor(&seen.books, id);
            let fee = booking.cancel_fee.minor();
            must!(net == fee, "T11: cancelled before the money is back: {}", seen.all_of(booking));
            must!(refunded == given, "T11: {given} were given back: {}", seen.all_of(booking));
        }
        if *what == Happening::CancellationRequested {
            let was_confirmed = self.happened.contains_key(&(id, "confirmed"));
            let is_gone = booking.status_reason() == "STOCK_GONE";
            must!(!(was_confirmed && is_gone), "R03: confirmed and gone: {}", seen.all_of(booking));
        }
        Ok(())
    }
}

/// T11: that money is back is told only after it is.
fn of_payment(seen: &Seen<'_>, event: &PaymentEvent) -> Verdict {
    if let PaymentEvent::RefundSucceeded { refund, .. } = event {
        let given = seen.books.refunds.get(&refund.id);
        must!(given.is_some_and(|given| given.is_done), "T11: {event:?}, but {given:?}");
    }
    Ok(())
}
