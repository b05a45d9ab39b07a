//! What the booking context tells the others.

use crate::Booking;

/// A booking's news. Complete: it carries the booking as it is after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingEvent {
    /// What happened.
    pub what: Happening,
    /// The booking after it.
    pub booking: Box<Booking>,
}

/// What can happen to a booking, by the names of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// `BookingPlaced`
    Placed,
    /// `BookingAwaitingPayment`
    AwaitingPayment,
    /// `BookingRejected`
    Rejected,
    /// `BookingExpired`
    Expired,
    /// `BookingConfirmed`
    Confirmed,
    /// `BookingCancellationRequested`
    CancellationRequested,
    /// `BookingCancelled`
    Cancelled,
    /// `BookingReduced`
    Reduced,
}
