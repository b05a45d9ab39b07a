//! What the wire asks for, checked: every wrong field at once.

use booking::{
    Booked, CancelBooking, CreateBooking, ListBookings, PAYMENT_METHOD_CHARS_MAX, PayBooking,
    SEATS_MAX,
};
use grpc_server::wire::Check;
use kernel::{BookingId, Invalid, TicketId};
use prost::Message;
use proto::boxoffice::booking::v1 as pb;

use crate::convert::booked_fields;

pub(crate) fn create(wire: &pb::CreateBookingRequest) -> Result<CreateBooking, Invalid> {
    let mut check = Check::new();
    let ticket_id = check.id("ticket_id", &wire.ticket_id);
    let booked = booked(&mut check, wire);
    let expected_total = check.optional_money("expected_total", wire.expected_total.as_ref());
    if expected_total.is_some_and(|total| total.minor() < 0) {
        check.violate("expected_total", "must not be negative");
    }
    let payment_method = method(&mut check, &wire.payment_method);
    let read = || {
        Some(CreateBooking {
            ticket_id: ticket_id?,
            booked: booked?,
            expected_total,
            payment_method: payment_method?,
        })
    };
    check.read(read())
}

fn booked(check: &mut Check, wire: &pb::CreateBookingRequest) -> Option<Booked> {
    let pb::CreateBookingRequest { quantity, seats, check_in, check_out, .. } = wire;
    if seats.len() > SEATS_MAX {
        check.violate("seats", format_args!("must be at most {SEATS_MAX}"));
        return None;
    }
    match Booked::read(booked_fields(*quantity, seats, check_in.as_ref(), check_out.as_ref())) {
        Ok(booked) => Some(booked),
        Err(Invalid(wrong)) => {
            wrong.into_iter().for_each(|it| check.violate(it.field, it.description));
            None
        }
    }
}

pub(crate) fn pay(wire: &pb::PayBookingRequest) -> Result<PayBooking, Invalid> {
    let mut check = Check::new();
    let booking_id = check.id("booking_id", &wire.booking_id);
    let payment_method = method(&mut check, &wire.payment_method);
    let read = booking_id.zip(payment_method);
    check.read(read.map(|(booking_id, payment_method)| PayBooking { booking_id, payment_method }))
}

pub(crate) fn cancel(wire: &pb::CancelBookingRequest) -> Result<CancelBooking, Invalid> {
    let mut check = Check::new();
    let booking_id = check.id("booking_id", &wire.booking_id);
    let quantity = wire.quantity.and_then(|quantity| check.quantity("quantity", quantity));
    check.read(booking_id.map(|booking_id| CancelBooking { booking_id, quantity }))
}

pub(crate) fn booking_id(text: &str) -> Result<BookingId, Invalid> {
    let mut check = Check::new();
    let id = check.id("booking_id", text);
    check.read(id)
}

pub(crate) fn ticket_id(text: &str) -> Result<TicketId, Invalid> {
    let mut check = Check::new();
    let id = check.id("ticket_id", text);
    check.read(id)
}

/// The query, and the conditions that its page tokens are bound to.
pub(crate) fn list(wire: &pb::ListBookingsRequest) -> Result<(ListBookings, Vec<u8>), Invalid> {
    let conditions =
        pb::ListBookingsRequest { page_size: 0, page_token: String::new(), ..wire.clone() };
    let conditions = conditions.encode_to_vec();
    let mut check = Check::new();
    let ticket_id = check.optional_id("ticket_id", &wire.ticket_id);
    let status = check.take("status", crate::convert::wanted_status(wire.status)).flatten();
    let page = check.page(wire.page_size, &wire.page_token, &conditions);
    let (page_size, after) = check.read(page)?;
    Ok((ListBookings { ticket_id, status, page_size, after }, conditions))
}

fn method(check: &mut Check, text: &str) -> Option<String> {
    check.text("payment_method", text, 0..=PAYMENT_METHOD_CHARS_MAX)
}
