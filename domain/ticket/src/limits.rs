//! Every limit of the ticket context, with its unit. Reaching one is a named outcome.

use std::time::Duration;

use kernel::QUANTITY_MAX;

/// Longest name of a ticket, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// Longest venue, in characters.
pub const VENUE_CHARS_MAX: usize = 200;
/// Longest category, in characters.
pub const CATEGORY_CHARS_MAX: usize = 64;
/// Most units of one slot.
pub const CAPACITY_MAX: u64 = 10_000_000;
/// Highest price of one unit, in minor units of its currency.
pub const UNIT_PRICE_MINOR_MAX: i64 = 100_000_000_000;
/// Most seats of one ticket.
pub const SEATS_MAX: usize = 10_000;
/// Longest name of a seat or a section, in characters.
pub const SEAT_CHARS_MAX: usize = 40;
/// Most sections with a price of their own.
pub const SECTIONS_MAX: usize = 200;
/// Most seats of one hold. Larger orders are contracts, not bookings.
pub const HOLD_SEATS_MAX: usize = 500;
/// Most nights of one stay, and of one look at what is left.
pub const NIGHTS_MAX: u32 = 365;
/// Most nights that are registered or changed at once, and how many days ahead a night may be.
pub const NIGHTS_AHEAD_MAX: u32 = 1_100;
/// Nights that a look at what is left shows if it names none.
pub const NIGHTS_SHOWN: u32 = 62;
/// Most tickets of one calendar.
pub const CALENDAR_TICKETS_MAX: usize = 100;
/// Most nights of a calendar.
pub const CALENDAR_NIGHTS_MAX: u32 = 62;
/// Shortest time an unpaid hold lives.
pub const HOLD_TTL_MIN: Duration = Duration::from_secs(10);
/// Time an unpaid hold lives when the organizer says nothing.
pub const HOLD_TTL_DEFAULT: Duration = Duration::from_secs(10 * 60);
/// Longest time an unpaid hold lives.
pub const HOLD_TTL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Farthest before the start that a bound of cancelling may lie.
pub const CANCEL_BEFORE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// A hold pinned for longer than this is counted and reported. It is not released: only the booking
/// knows whether its payment went through.
pub const PIN_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Past so many holds that cannot expire a sweep goes on to the others, and no further.
pub(crate) const STUCK_HOLDS_MAX: usize = 2_000;
/// Longest note of a hold of the house, in characters.
pub const HOUSE_NOTE_CHARS_MAX: usize = 200;
/// Longest search text, in characters; it has no more words than that.
pub const SEARCH_WORDS_CHARS_MAX: usize = 200;
/// Words that stand later in a description are not searched, in characters.
pub const SEARCHED_DESCRIPTION_CHARS_MAX: usize = 2_000;

// The price of the largest booking fits into an amount of money.
const _: () = assert!(UNIT_PRICE_MINOR_MAX <= i64::MAX / QUANTITY_MAX as i64 / NIGHTS_MAX as i64);
const _: () = assert!(HOLD_TTL_DEFAULT.as_secs() >= HOLD_TTL_MIN.as_secs());
const _: () = assert!(HOLD_TTL_DEFAULT.as_secs() <= HOLD_TTL_MAX.as_secs());
