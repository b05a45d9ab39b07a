//! What an operator may have done to a booking, in every state: the table of `by_hand.rs`.

use std::time::Duration;

use booking::{
    Booking, BookingStatus, CancelReason, Happening, Hold, NotCompensated, NotRetried, Process,
    Release, Sale, State, Timer, Wake,
};
use kernel::Timestamp;

use crate::world::{LATER, NOW, booking_in, every_fact, every_state};

fn at_once() -> Timer {
    Timer { wake: Wake::After(Duration::ZERO), tries: 0, lease: None }
}

/// A process that has asked in vain, is due in an hour, and that nobody drives any more.
fn weary() -> Process {
    let next_action_at = Some(LATER.plus(Duration::from_secs(3_600)));
    let lease_owner = Some("server".to_owned());
    Process { next_action_at, tries: 9, lease_owner, lease_until: Some(NOW) }
}

/// What a retry at this time leads to.
fn expected(booking: &Booking, now: Timestamp) -> Result<Timer, NotRetried> {
    match booking.state {
        State::AwaitingPayment { hold: Hold::Unpinned | Hold::NotTaken, pay_by, .. }
            if now < pay_by =>
        {
            Err(NotRetried::WaitsForBuyer(pay_by))
        }
        State::Confirmed { sale: Sale::Committed, .. }
        | State::Rejected { stock: Release::Done, .. }
        | State::Expired { stock: Release::Done, .. }
        | State::Cancelled { .. } => Err(NotRetried::AtRest(booking.status())),
        State::Pending { .. }
        | State::AwaitingPayment { .. }
        | State::Confirmed { .. }
        | State::Rejected { .. }
        | State::Expired { .. }
        | State::Cancelling { .. } => Ok(at_once()),
    }
}

#[test]
fn whatever_has_something_to_do_is_retried_and_nothing_else() {
    for state in every_state() {
        let booking = booking_in(state);
        for now in [NOW, LATER] {
            let retried = booking.retry_timer(&weary(), now);
            assert_eq!(retried, expected(&booking, now), "{booking:?} at {now}");
            assert_eq!(booking.retry_timer(&Process::default(), now), retried, "{booking:?}");
        }
    }
}

#[test]
fn r20_what_a_server_is_at_work_on_is_left_to_it() {
    for state in every_state() {
        let driven = Process { lease_until: Some(LATER), ..weary() };
        let retried = booking_in(state).retry_timer(&driven, NOW);
        assert_eq!(retried, Err(NotRetried::Driven(LATER)));
    }
}

#[test]
fn an_operator_cancels_what_a_buyer_could_and_nothing_else() {
    for state in every_state() {
        let before = booking_in(state);
        let mut after = before.clone();
        let compensated = after.compensate(LATER);
        match before.status() {
            BookingStatus::Pending | BookingStatus::AwaitingPayment | BookingStatus::Confirmed => {
                assert_eq!(compensated, Ok(Some(Happening::CancellationRequested)));
                assert_eq!(after.status_reason(), "OPERATOR_CANCELLED");
                let State::Cancelling { reason, .. } = after.state else {
                    panic!("{after:?}");
                };
                assert_eq!(reason, CancelReason::OperatorCancelled);
                assert_eq!(after.compensate(LATER), Err(NotCompensated::UnderWay));
            }
            BookingStatus::Cancelling => {
                assert_eq!((compensated, after), (Err(NotCompensated::UnderWay), before));
            }
            status @ (BookingStatus::Cancelled
            | BookingStatus::Rejected
            | BookingStatus::Expired) => {
                let nothing = Err(NotCompensated::NothingLeft(status));
                assert_eq!((compensated, after), (nothing, before));
            }
        }
    }
}

/// Trap R19: wherever facts lead, a booking whose process has nothing left to ask and no time to wait for has ended,
/// and one that has ended is never retried for nothing.
#[test]
fn r19_a_process_that_has_ended_leaves_a_booking_that_has() {
    for state in every_state() {
        for fact in every_fact() {
            let mut booking = booking_in(state.clone());
            let _ = booking.on(&fact, LATER);
            let ended = booking.next_asks().is_empty() && booking.pay_by().is_none();
            assert_eq!(ended, booking.first_wake() == Wake::Never, "{booking:?}");
            let open = matches!(
                booking.status(),
                BookingStatus::Pending | BookingStatus::AwaitingPayment | BookingStatus::Cancelling
            );
            assert!(!(ended && open), "{booking:?}");
        }
    }
}
