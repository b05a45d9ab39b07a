//! What a hold comes to, now that its ticket is known: its lines, and what they cost.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Invalid, Money, Quantity, TicketId, Timestamp, Violation};

use crate::nights::check_stay;
use crate::seats::SeatPlan;
use crate::{
    HOLD_SEATS_MAX, HoldOwner, HoldRequest, Lines, Nights, Slot, SlotKey, SlotRecord, StockRefusal,
    Ticket, TicketKind, Wanted,
};

/// The slots that were read.
pub(super) type Stocks = BTreeMap<SlotKey, SlotRecord>;
/// The seats of those tickets of which the best were asked for.
pub(super) type Plans = BTreeMap<TicketId, SeatPlan>;

const ONLY_SEATED: &str = "is only for kind SEATED";
const ONLY_NIGHTLY: &str = "is only for kind NIGHTLY";
const NEEDED: &str = "must be given for kind NIGHTLY";
/// Of seats that are not there no more are named than help.
const STRANGERS_NAMED_MAX: usize = 10;

/// The lines of a hold: what was named, or the best free seats.
pub(super) fn lines(
    ticket: &Ticket,
    request: &HoldRequest,
    (stocks, plans): (&Stocks, &mut Plans),
    now: Timestamp,
) -> Result<Lines, StockRefusal> {
    match (ticket.kind, &request.wanted) {
        (TicketKind::Admission, Wanted::Units(quantity)) => {
            Ok(Lines::from([(Slot::Admission, *quantity)]))
        }
        (TicketKind::Seated, Wanted::Units(quantity)) => best(ticket.id, *quantity, stocks, plans),
        (TicketKind::Seated, Wanted::Seats(names)) => named(ticket.id, names, stocks),
        (TicketKind::Nightly, Wanted::Nights { quantity, nights }) => {
            match request.owner {
                HoldOwner::Buyer(_) => check_nights(ticket, *nights, stocks, now)?,
                // The rules of a stay are for buyers.
                HoldOwner::House { .. } => {}
            }
            Ok(nights.dates().map(|date| (Slot::Night(date), *quantity)).collect())
        }
        (TicketKind::Nightly, Wanted::Units(_)) => {
            Err(invalid(&[("check_in", NEEDED), ("check_out", NEEDED)]))
        }
        (TicketKind::Admission | TicketKind::Nightly, Wanted::Seats(_)) => {
            Err(invalid(&[("seats", ONLY_SEATED)]))
        }
        (TicketKind::Admission | TicketKind::Seated, Wanted::Nights { .. }) => {
            Err(invalid(&[("check_in", ONLY_NIGHTLY), ("check_out", ONLY_NIGHTLY)]))
        }
    }
}

/// What lines cost together; `None` if that is more than an amount of money.
pub(super) fn total(ticket: &Ticket, lines: &Lines, stocks: &Stocks) -> Option<Money> {
    let nothing = Money::zero(ticket.terms.unit_price.currency());
    lines.iter().try_fold(nothing, |sum, (slot, quantity)| {
        let record = stocks.get(&(ticket.id, slot.clone())).copied().unwrap_or_default();
        let price = ticket.unit_price_of(slot, record.terms).times(quantity.get()).ok()?;
        sum.checked_add(price).ok()
    })
}

fn best(
    ticket_id: TicketId,
    quantity: Quantity,
    stocks: &Stocks,
    plans: &mut Plans,
) -> Result<Lines, StockRefusal> {
    let count = quantity.get() as usize;
    if count > HOLD_SEATS_MAX {
        let limit = format!("must be at most {HOLD_SEATS_MAX} for kind SEATED");
        return Err(invalid(&[("quantity", limit.as_str())]));
    }
    let plan = plans.entry(ticket_id).or_insert_with(|| plan(ticket_id, stocks));
    let names = plan.best(count).ok_or(StockRefusal::SoldOut)?;
    seat_lines(names.into_iter().map(str::to_owned))
}

/// The free seats of a ticket, and those that its holds may give back meanwhile.
fn plan(ticket_id: TicketId, stocks: &Stocks) -> SeatPlan {
    let of_ticket = stocks
        .range((ticket_id, Slot::Admission)..)
        .take_while(|((owner, _), _)| *owner == ticket_id);
    SeatPlan::new(of_ticket.filter_map(|((_, slot), record)| match slot {
        Slot::Seat(name) => {
            Some((record.terms.position, name.clone(), record.stock.available() > 0))
        }
        Slot::Admission | Slot::Night(_) => None,
    }))
}

fn named(
    ticket_id: TicketId,
    names: &BTreeSet<String>,
    stocks: &Stocks,
) -> Result<Lines, StockRefusal> {
    let is_there = |name: &&String| stocks.contains_key(&(ticket_id, Slot::Seat((*name).clone())));
    let strangers: Vec<_> = names.iter().filter(|name| !is_there(name)).collect();
    if strangers.is_empty() {
        return seat_lines(names.iter().cloned());
    }
    let wrong =
        |name: &String| Violation::new("seats", format_args!("has {name:?}, which is no seat"));
    let named = strangers.into_iter().take(STRANGERS_NAMED_MAX);
    Err(Invalid(named.map(wrong).collect()).into())
}

fn seat_lines(names: impl Iterator<Item = String>) -> Result<Lines, StockRefusal> {
    let one = Quantity::new(1).map_err(|wrong| invalid(&[("quantity", &wrong.to_string())]))?;
    Ok(names.map(|name| (Slot::Seat(name), one)).collect())
}

fn check_nights(
    ticket: &Ticket,
    nights: Nights,
    stocks: &Stocks,
    now: Timestamp,
) -> Result<(), StockRefusal> {
    let today = ticket.terms.time_zone.date_of(now);
    let terms_of = |date| {
        let night = stocks.get(&(ticket.id, Slot::Night(date))).copied();
        night.unwrap_or_default().terms
    };
    check_stay(&ticket.terms, nights, today, terms_of).map_err(StockRefusal::StayNotAllowed)
}

fn invalid(wrong: &[(&str, &str)]) -> StockRefusal {
    Invalid(wrong.iter().map(|(field, what)| Violation::new(*field, what)).collect()).into()
}
