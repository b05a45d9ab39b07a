//! Booking's side: its rows, and what `booking::Booking` makes of what it hears.

use booking::{
    Booked, Booking, BookingStatus, CancelReason, CancelTerms, CommitDenied, ExpiryReason, Fact,
    Happening, MoneyBack, NewBooking, RejectReason, Release, Sale, Stage, State, TicketSnapshot,
    Transition, Wake,
};
use kernel::{
    BookingId, BuyerId, Currency, Locale, Money, OrganizerId, PaymentId, Quantity, TicketId,
    Timestamp, Uuid,
};

use crate::mutant::Mutant;
use crate::network::{Few, Request};
use crate::rulebook::Rulebook;

/// When everything happens but what waits for time to pass, which may happen at any moment.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_000_000);
/// After every expiry.
pub(crate) const LATER: Timestamp = Timestamp::from_micros(1_000_000_000_000);
const PAY_BY: Timestamp = Timestamp::from_micros(600_000_000);

pub(crate) type Bookings = Rulebook<Booking, BookingSeen, Said, Transition>;

/// What a booking hears, as a fact without its amounts and names, of which there is one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Said {
    /// Another drive takes the booking over. No fact, but moves it as well.
    TakenOver,
    Held,
    HoldRefused,
    HoldClosed,
    Pinned,
    PinRefused,
    Unpinned,
    HoldCommitted,
    CommitRefused(CommitDenied),
    HoldReleased,
    HoldExpired,
    StockReturned,
    Charged(u32),
    Declined(u32),
    ChargeNotTried,
    ChargeUnknown,
    ChargeVoided,
    PaymentVoided,
    Refund {
        /// Whether money is back.
        refunded: bool,
        settled: bool,
    },
    Unanswered,
    PaySubmitted,
    PayByPassed,
    CancelRequested,
}

/// What of a booking matters to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BookingSeen {
    pub(crate) status: BookingStatus,
    pub(crate) attempt: u32,
    pub(crate) asks: Few<Request>,
    /// Whoever writes it goes on with it at once.
    pub(crate) goes_on: bool,
    /// It is cancelled, and asks nobody for money.
    pub(crate) forgets_money: bool,
}

pub(crate) fn price() -> Money {
    Money::from_minor(3_000, Currency::from_code("KRW").unwrap())
}

pub(crate) fn ticket_id() -> TicketId {
    TicketId::new(Uuid::from_u128(42))
}

pub(crate) fn bookings(pay_first: bool, mutant: Option<Mutant>) -> Bookings {
    Rulebook::new(placed(pay_first), see, move |booking, said| hear(booking, said, mutant))
}

fn placed(pay_first: bool) -> Booking {
    let new = NewBooking {
        id: BookingId::new(Uuid::from_u128(1)),
        ticket: TicketSnapshot {
            id: ticket_id(),
            name: "Recital".into(),
            organizer_id: OrganizerId::new("acme").unwrap(),
        },
        buyer_id: BuyerId::new("alice").unwrap(),
        buyer_locale: Locale::En,
        booked: Booked::Units(Quantity::new(1).unwrap()),
        quote: price(),
        price_agreed: false,
        payment_method: "card".into(),
        cancel_terms: CancelTerms::default(),
        pay_first: pay_first.then_some(PAY_BY),
    };
    Booking::place(new, NOW)
}

fn see(booking: &Booking) -> BookingSeen {
    let asks = booking.next_asks().into_iter().map(|ask| Request::of(booking, ask));
    BookingSeen {
        status: booking.status(),
        attempt: booking.attempt,
        asks: asks.collect(),
        goes_on: matches!(booking.first_wake(), Wake::After(wait) if wait.is_zero()),
        forgets_money: matches!(
            booking.state,
            State::Cancelling { money: MoneyBack::NotTaken, .. }
        ),
    }
}

fn hear(booking: &mut Booking, said: Said, mutant: Option<Mutant>) -> Transition {
    if let Some(transition) = without_a_rule(booking, said, mutant) {
        tidy(booking);
        return transition;
    }
    let was_pending = booking.is_pending();
    // Before that time the word of an expired hold is passed over, as if it had never come.
    let is_over = [Said::PayByPassed, Said::HoldExpired].contains(&said);
    let now = if is_over { LATER } else { NOW };
    let transition = match fact(said) {
        Some(fact) => booking.on(&fact, now),
        None => {
            booking.resume();
            Transition::GoOn
        }
    };
    match (mutant, said, &mut booking.state) {
        (
            Some(Mutant::NewAttemptAfterTimeout | Mutant::NewAttemptAfterTimeoutIsTaken),
            Said::ChargeUnknown,
            State::Pending { stage: Stage::Charging { .. } | Stage::ChargingFirst { .. }, .. },
        ) => booking.attempt = 2,
        (
            Some(Mutant::CancelSkipsRefund),
            Said::CancelRequested,
            State::Cancelling { money, .. },
        ) if was_pending => *money = MoneyBack::NotTaken,
        (
            Some(Mutant::TrustsEveryPin),
            Said::Pinned,
            State::Pending { stage: Stage::Charging { fresh, .. }, .. },
        ) => *fresh = true,
        _ => {}
    }
    tidy(booking);
    transition
}

/// What a booking makes of a refusal, or of a charge, where it lacks a rule about it.
fn without_a_rule(booking: &mut Booking, said: Said, mutant: Option<Mutant>) -> Option<Transition> {
    let State::Pending { stage, unclear } = booking.state else { return None };
    let (state, told) = match (mutant?, said, stage) {
        (Mutant::StockRefusedIsNoRefund, Said::HoldRefused, Stage::Allocating { .. }) => {
            let (refusal, stock) = (RejectReason::SoldOut.into(), Release::Due);
            (State::Rejected { refusal, stock }, Some(Happening::Rejected))
        }
        (Mutant::PaidIsConfirmed, Said::Charged(_), Stage::ChargingFirst { .. }) => {
            let payment_id = PaymentId::new(Uuid::nil());
            let state = State::Confirmed { payment_id, sale: Sale::CommitDue };
            (state, Some(Happening::Confirmed))
        }
        (Mutant::ChargesUnchecked, Said::HoldRefused, Stage::Checking { pay_by, .. }) => {
            (State::Pending { stage: Stage::ChargingFirst { pay_by }, unclear }, None)
        }
        (Mutant::BelievesNotSent, Said::PinRefused, Stage::Pinning { .. }) if !unclear => {
            let (reason, stock) = (ExpiryReason::SoldOut, Release::Due);
            (State::Expired { reason, stock }, Some(Happening::Expired))
        }
        (Mutant::ForgetsAnEarlierDrive, Said::PinRefused, Stage::Pinning { .. }) if unclear => {
            let (reason, stock) = (ExpiryReason::SoldOut, Release::Due);
            (State::Expired { reason, stock }, Some(Happening::Expired))
        }
        (Mutant::BelievesNotSent, Said::HoldRefused, Stage::Checking { .. }) => {
            let (refusal, stock) = (RejectReason::SoldOut.into(), Release::Due);
            (State::Rejected { refusal, stock }, Some(Happening::Rejected))
        }
        _ => return None,
    };
    booking.state = state;
    Some(Transition::Changed(told))
}

/// Drops what tells rows apart but decides nothing: numbers that only rise, times, and the names of reasons.
fn tidy(booking: &mut Booking) {
    booking.revision = 0;
    booking.event_version = 0;
    booking.updated_at = NOW;
    booking.payment_id = None;
    booking.stock_refusal = None;
    match &mut booking.state {
        State::Cancelling { reason, .. } | State::Cancelled { reason } => {
            *reason = CancelReason::BuyerCancelled;
        }
        State::Expired { reason, .. } => *reason = ExpiryReason::PayByPassed,
        State::Pending { .. }
        | State::AwaitingPayment { .. }
        | State::Confirmed { .. }
        | State::Rejected { .. } => {}
    }
}

fn fact(said: Said) -> Option<Fact> {
    let payment_id = |attempt: u32| PaymentId::new(Uuid::from_u128(u128::from(attempt)));
    Some(match said {
        Said::TakenOver => return None,
        Said::Held => Fact::Held { booked: None, total: price(), expires_at: PAY_BY },
        Said::HoldRefused => {
            Fact::HoldRefused { refusal: RejectReason::SoldOut.into(), total: None }
        }
        Said::HoldClosed => Fact::HoldClosed,
        Said::Pinned => Fact::Pinned { expires_at: PAY_BY },
        Said::PinRefused => Fact::PinRefused,
        Said::Unpinned => Fact::Unpinned,
        Said::HoldCommitted => Fact::HoldCommitted,
        Said::CommitRefused(denied) => Fact::CommitRefused(denied),
        Said::HoldReleased => Fact::HoldReleased,
        Said::HoldExpired => Fact::HoldExpired,
        Said::StockReturned => Fact::StockReturned,
        Said::Charged(attempt) => Fact::Charged { attempt, payment_id: payment_id(attempt) },
        Said::Declined(attempt) => Fact::Declined { attempt, payment_id: payment_id(attempt) },
        Said::ChargeNotTried => Fact::ChargeNotTried,
        Said::ChargeUnknown => Fact::ChargeUnknown { payment_id: None },
        Said::ChargeVoided => Fact::ChargeVoided,
        Said::PaymentVoided => Fact::PaymentVoided,
        Said::Refund { refunded, settled } => {
            let none = Money::zero(price().currency());
            Fact::Refund { refunded: if refunded { price() } else { none }, settled }
        }
        Said::Unanswered => Fact::Unanswered,
        Said::PaySubmitted => Fact::PaySubmitted { payment_method: "card".into() },
        Said::PayByPassed => Fact::PayByPassed,
        Said::CancelRequested => Fact::CancelRequested(CancelReason::BuyerCancelled),
    })
}
