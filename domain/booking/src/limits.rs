//! Every limit of the booking context, in one place.

use std::time::Duration;

/// The most seats one booking may name, as many as one hold takes; its events carry all of them, and a message has its
/// limit.
pub const SEATS_MAX: usize = 500;
/// The longest name of a seat, in characters.
pub const SEAT_CHARS_MAX: usize = 40;
/// The most nights of one stay.
pub const NIGHTS_MAX: u32 = 365;
/// The longest stable name of a refusal.
pub const REASON_CHARS_MAX: usize = 32;
/// The most bytes of a refusal in the words of who refused; they travel in a header.
pub const REFUSAL_BYTES_MAX: usize = 8 * 1024;
/// The longest token for a means of payment.
pub const PAYMENT_METHOD_CHARS_MAX: usize = 255;
/// The most that may have been told of a booking of which a part is cancelled: with it parts have an end. Each is a refund
/// of its own, and every event of the payment carries all of them.
pub(crate) const EVENTS_MAX: i64 = 500;
/// The most attempts to pay one booking; the payment context takes no more.
pub(crate) const ATTEMPTS_MAX: u32 = 100;
/// How long one call to the ticket or payment context may take. Their clients end it then, as unanswered.
pub const PROCESS_CALL: Duration = Duration::from_secs(10);
/// How long whoever drives a booking keeps others from doing so.
pub const LEASE: Duration = Duration::from_secs(15);
/// The lease is renewed before a call once so much of it is gone: the call must end within it.
pub(crate) const LEASE_RENEWAL: Duration = Duration::from_secs(5);
/// How long events have to settle a cancellation before its booking asks by itself.
pub(crate) const EVENTS_FIRST: Duration = Duration::from_secs(5);
/// The wait after the first ask without an answer; it doubles with each.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest such wait.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How often a decision is made again because others changed the booking meanwhile.
pub(crate) const DECISIONS_MAX: usize = 5;
/// When to pay again where a charge could not be tried: as long as the payment context leaves a provider alone.
pub const PAY_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The most steps of one drive; no process has so many.
pub(crate) const STEPS_MAX: usize = 16;
/// Bookings that one pass of the sweep takes and drives: as many as make one batch of calls and one of commits. With
/// fewer, the commits of holds fall behind a sale.
pub const SWEEP_ROWS_MAX: u32 = 256;
/// Bookings of a deleted ticket that are cancelled at the same time, of a page of them.
pub(crate) const CANCELS_AT_ONCE: usize = 16;
/// Bookings of a deleted ticket read, and cancelled, in one go.
pub const BATCH_MAX: u32 = 100;

const _: () = assert!(LEASE_RENEWAL.as_secs() + PROCESS_CALL.as_secs() <= LEASE.as_secs());
const _: () = assert!(BACKOFF_MIN.as_secs() < BACKOFF_MAX.as_secs());

/// The wait after so many asks without an answer.
#[must_use]
pub fn backoff(tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    (BACKOFF_MIN * (1 << doublings)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r04_the_wait_doubles_from_one_second_to_a_minute() {
        let waits: Vec<u64> = (0..9).map(|tries| backoff(tries).as_secs()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
    }
}
