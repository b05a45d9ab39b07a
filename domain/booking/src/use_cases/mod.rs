//! What can be asked of the booking context, one file each.

mod booking_change;
mod cancel_booking;
mod cancel_bookings_of_ticket;
mod compensate_saga;
mod create_booking;
mod drive;
mod get_booking;
mod get_retirement_progress;
mod list_bookings;
mod pay_booking;
mod record_fact;
mod retry_saga;
mod sweep;

use std::sync::Arc;

use kernel::{Clock, IdSource};

pub use cancel_booking::{CancelBooking, CancelBookingError};
pub use compensate_saga::CompensateSagaError;
pub use create_booking::{CreateBooking, CreateBookingError};
pub use drive::{Begun, Driven};
pub use get_booking::GetBookingError;
pub use get_retirement_progress::{GetRetirementProgressError, RetirementProgress};
pub use list_bookings::{BookingPage, ListBookings, ListBookingsError};
pub use pay_booking::{PayBooking, PayBookingError};
pub use retry_saga::RetrySagaError;
pub use sweep::Sweep;

use crate::{Booking, BookingRefused, BookingStore, ChargesHeard, Payments, Tickets};

/// The booking context: its use cases are its methods.
pub struct Bookings {
    /// Where bookings are kept.
    pub store: Arc<dyn BookingStore>,
    /// The ticket context.
    pub tickets: Arc<dyn Tickets>,
    /// The payment context.
    pub payments: Arc<dyn Payments>,
    /// The time, for all but timers and leases.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn IdSource>,
    /// This process's name in leases.
    pub owner: String,
    /// Encodes the answer of the calls that answer with a booking, to be replayed for its key.
    pub encode_reply: fn(&Booking) -> Vec<u8>,
    /// Encodes a refusal that leaves no booking, to be replayed for its key as what it is now.
    pub encode_refusal: fn(&BookingRefused) -> Vec<u8>,
    /// Charges that need no second look.
    pub charges_heard: ChargesHeard,
}

/// What operators do about bookings by hand. It asks nobody anything: the servers do, as soon as they see what was
/// decided here.
pub struct SagaDesk {
    /// Where bookings are kept.
    pub store: Arc<dyn BookingStore>,
    /// The time, for all but timers and leases.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn IdSource>,
    /// Encodes the answer of calls that are still open on a booking.
    pub encode_reply: fn(&Booking) -> Vec<u8>,
}
