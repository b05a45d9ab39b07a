//! The memory stores behind gates. They outlive every server.

mod booking;
mod payment;
mod readers;
mod ticket;

pub(crate) use booking::Rows as BookingRows;
pub(crate) use payment::Rows as PaymentRows;
pub(crate) use readers::{Letters, Views};
pub(crate) use ticket::Rows as TicketRows;
