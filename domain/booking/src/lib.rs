//! The booking context: one buyer's purchase of places, seats or nights of one ticket, and the
//! processes it goes through.
//!
//! Start with [`Bookings`], whose methods are the use cases, then `checkout.rs`, `cancellation.rs` and
//! `reduction.rs`, whose first lines are the tables of what is asked and what follows from the answer.

mod booked;
mod booking;
mod by_hand;
mod cancel_terms;
mod cancellation;
mod charges_heard;
mod checkout;
mod events;
mod limits;
mod ports;
mod process;
mod reasons;
mod reduction;
mod refused;
mod use_cases;

pub use booked::{Booked, BookedFields, InvalidStay, Seats, Stay};
pub use booking::{
    Booking, BookingStatus, Hold, MoneyBack, NewBooking, Release, Sale, Stage, State, StockBack,
    TicketSnapshot,
};
pub use by_hand::{NotCompensated, NotRetried};
pub use cancel_terms::{CancelPolicy, CancelTerms};
pub use charges_heard::ChargesHeard;
pub use events::{BookingEvent, Happening};
pub use limits::{
    BATCH_MAX, LEASE, NIGHTS_MAX, PAY_AGAIN_AFTER, PAYMENT_METHOD_CHARS_MAX, PROCESS_CALL,
    REASON_CHARS_MAX, REFUSAL_BYTES_MAX, SEAT_CHARS_MAX, SEATS_MAX, SWEEP_ROWS_MAX, backoff,
};
pub use ports::{
    BookingChange, BookingFilter, BookingStore, Charge, ChargeOutcome, HoldOrder, HoldView, Lease,
    Offer, Payments, Process, RefundProgress, StockAsk, StockDenied, StockFault, Stored,
    TicketTerms, Tickets, Timer, Unanswered,
};
pub use process::{Ask, CommitDenied, Fact, Transition, Wake};
pub use reasons::{AwaitReason, CancelReason, ExpiryReason, RejectReason};
pub use reduction::{NotReduced, Reduction};
pub use refused::{BookingRefused, Refusal};
pub use use_cases::{
    Begun, BookingPage, Bookings, CancelBooking, CancelBookingError, CompensateSagaError,
    CreateBooking, CreateBookingError, Driven, GetBookingError, GetRetirementProgressError,
    ListBookings, ListBookingsError, PayBooking, PayBookingError, RetirementProgress,
    RetrySagaError, SagaDesk, Sweep,
};
