//! I3, I4, I5 and N01: bookings beside their holds and their money.

use booking::{Booking, BookingStatus, Release, Sale, State, Stay, Stored};
use ticket::{Hold, HoldState};

use super::money::{net_minor, provider_net_minor};
use super::{Seen, Verdict, is_at_rest, must};

pub(super) fn always(seen: &Seen<'_>) -> Verdict {
    for Stored { booking, process } in seen.bookings.values() {
        let all = || seen.all_of(booking);
        let has_timer = process.next_action_at.is_some();
        let goes_on = booking.status() == BookingStatus::Cancelling || booking.reduction.is_some();
        let has_end = is_at_rest(booking) && !goes_on;
        must!(has_timer != has_end, "I5: timer {process:?}: {}", all());
        must!(booking.refunded.minor() <= booking.total.minor(), "I4: {}", all());
        match booking.state {
            State::Confirmed { payment_id, sale } => {
                let settlement = seen.settlements.get(&booking.id);
                let mut payments = settlement.iter().flat_map(|settlement| &settlement.payments);
                let paid = payments.find(|payment| payment.id == payment_id);
                let is_paid = paid.is_some_and(|payment| payment.amount == booking.total);
                must!(is_paid, "N01: {}", all());
                is_booked(seen, booking, sale)?;
                is_paid_for_what_is_left(seen, booking)?;
            }
            State::Cancelled { .. } => {
                keeps_nothing(seen, booking)?;
                let fee_minor = booking.cancel_fee.minor();
                let left_minor = booking.total.minor() - booking.refunded.minor();
                must!(fee_minor == 0 || left_minor == fee_minor, "I4: {}", all());
            }
            State::Rejected { stock, .. } | State::Expired { stock, .. } => {
                if stock == Release::Done {
                    keeps_nothing(seen, booking)?;
                }
            }
            State::AwaitingPayment { .. } | State::Pending { .. } | State::Cancelling { .. } => {}
        }
        // Where a second copy of a charge may take the money still, only at rest.
        if !seen.world.turned_away.contains(booking.id) {
            keeps_no_money(seen, booking)?;
        }
    }
    sold_is_somebodys(seen)
}

/// I3: what is neither given back nor on its way back.
fn is_paid_for_what_is_left(seen: &Seen<'_>, booking: &Booking) -> Verdict {
    let total = booking.total.minor();
    let refunded = booking.refunded.minor();
    let Some(part) = booking.reduction else {
        return net_is(seen, booking, total - refunded, "I3");
    };
    let due = part.refund_due.minor();
    let net = seen.settlements.get(&booking.id).map_or(0, net_minor);
    let is_between = (total - due..=total - refunded).contains(&net);
    must!(refunded <= due && is_between, "I3: {net}: {}", seen.all_of(booking));
    Ok(())
}

/// I3, the second half; what its booking has not heard yet it is about to.
fn sold_is_somebodys(seen: &Seen<'_>) -> Verdict {
    for hold in seen.taken().filter(|hold| hold.owner.buyer_id().is_some()) {
        let stored = seen.bookings.get(&hold.booking_id());
        let Some(Stored { booking, .. }) = stored else {
            return Err(format!("I3: of no booking: {hold:?}"));
        };
        let may_be_sold = match booking.status() {
            BookingStatus::Pending | BookingStatus::Confirmed | BookingStatus::Cancelling => true,
            BookingStatus::AwaitingPayment
            | BookingStatus::Cancelled
            | BookingStatus::Rejected
            | BookingStatus::Expired => false,
        };
        let is_sold = hold.state == HoldState::Committed;
        must!(may_be_sold || !is_sold, "I3: sold to {}", seen.all_of(booking));
    }
    Ok(())
}

/// I3, the first half: its hold is sold, or pinned while the sale is under way.
fn is_booked(seen: &Seen<'_>, booking: &Booking, sale: Sale) -> Verdict {
    let is_right = |hold: &Hold| match hold.state {
        HoldState::Committed => true,
        HoldState::Active { pinned_since } => sale == Sale::CommitDue && pinned_since.is_some(),
        HoldState::Returned | HoldState::Released { .. } | HoldState::Expired => false,
    };
    let hold = seen.hold_of(booking.id);
    must!(hold.is_some_and(is_right), "I3: {}", seen.all_of(booking));
    let is_same = hold.is_some_and(|hold| is_same(booking, hold));
    must!(is_same, "A01: booked is not what is held: {}", seen.all_of(booking));
    Ok(())
}

fn is_same(booking: &Booking, hold: &Hold) -> bool {
    let booked = &booking.booked;
    let nights = hold.nights().map(|nights| (nights.from(), nights.until()));
    let stay = booked.stay().map(|stay: Stay| (stay.check_in(), stay.check_out()));
    let mut seats = booked.seats().to_vec();
    seats.sort();
    hold.total == booking.total
        && (hold.quantity == booked.quantity()
            || booking.reduction.is_some() && hold.quantity > booked.quantity())
        && hold.ticket_id == booking.ticket.id
        && hold.owner.buyer_id() == Some(&booking.buyer_id)
        && hold.seats().eq(seats.iter().map(String::as_str))
        && nights == stay
}

/// I4.
fn keeps_nothing(seen: &Seen<'_>, booking: &Booking) -> Verdict {
    let keeps = seen.hold_of(booking.id).is_some_and(|hold| hold.state.keeps_stock());
    must!(!keeps, "I4: it keeps stock: {}", seen.all_of(booking));
    Ok(())
}

/// I4: of one that is not paid, or not any more, nothing but its fee.
fn keeps_no_money(seen: &Seen<'_>, booking: &Booking) -> Verdict {
    match booking.status() {
        BookingStatus::Cancelled => net_is(seen, booking, booking.cancel_fee.minor(), "I4"),
        BookingStatus::AwaitingPayment | BookingStatus::Rejected | BookingStatus::Expired => {
            net_is(seen, booking, 0, "I4")
        }
        BookingStatus::Pending | BookingStatus::Confirmed | BookingStatus::Cancelling => Ok(()),
    }
}

/// By our books and by the provider's.
fn net_is(seen: &Seen<'_>, booking: &Booking, minor: i64, which: &str) -> Verdict {
    let ours = seen.settlements.get(&booking.id).map_or(0, net_minor);
    let theirs = provider_net_minor(&seen.books, booking.id);
    let is_right = (ours, theirs) == (minor, minor);
    must!(is_right, "{which}: {ours} and {theirs} instead of {minor}: {}", seen.all_of(booking));
    Ok(())
}

/// Everything has come to its end.
pub(super) fn at_rest(seen: &Seen<'_>) -> Verdict {
    for Stored { booking, .. } in seen.bookings.values() {
        must!(is_at_rest(booking), "I5: {}", seen.all_of(booking));
        keeps_no_money(seen, booking)?;
        let Some(hold) = seen.hold_of(booking.id) else { continue };
        let is_sold = hold.state == HoldState::Committed;
        let is_confirmed = booking.status() == BookingStatus::Confirmed;
        must!(is_sold == is_confirmed, "I3: {}", seen.all_of(booking));
    }
    Ok(())
}
