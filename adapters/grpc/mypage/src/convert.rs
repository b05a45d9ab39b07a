//! Between the contract's my page messages and this context's types.

use grpc_server::wire::{self, Check};
use kernel::{BookingId, Invalid, TicketId};
use mypage::{
    BookingStatus, CurrencyTotal, ListMyBookings, ListMySales, MyBooking, Page, PaymentStatus,
    SalesSummary,
};
use prost::Message;
use proto::boxoffice::booking::v1::BookingStatus as WireBookingStatus;
use proto::boxoffice::mypage::v1 as pb;
use proto::boxoffice::payment::v1::PaymentStatus as WirePaymentStatus;

/// The query, and the conditions that its page tokens are bound to.
pub(crate) fn list_my_bookings(
    request: &pb::ListMyBookingsRequest,
) -> Result<(ListMyBookings, Vec<u8>), Invalid> {
    let alone = pb::ListMyBookingsRequest { status: request.status, ..Default::default() };
    let conditions = [b"ListMyBookings".as_slice(), &alone.encode_to_vec()].concat();
    let mut check = Check::new();
    let status = status_condition(&mut check, request.status);
    let page = check.page(request.page_size, &request.page_token, &conditions);
    check.finish()?;
    let (page_size, after) = page.ok_or_else(|| Invalid(Vec::new()))?;
    Ok((ListMyBookings { status, page_size, after }, conditions))
}

/// The query, and the conditions that its page tokens are bound to.
pub(crate) fn list_my_sales(
    request: &pb::ListMySalesRequest,
) -> Result<(ListMySales, Vec<u8>), Invalid> {
    let alone = pb::ListMySalesRequest {
        ticket_id: request.ticket_id.clone(),
        status: request.status,
        ..Default::default()
    };
    let conditions = [b"ListMySales".as_slice(), &alone.encode_to_vec()].concat();
    let mut check = Check::new();
    let ticket_id = check.optional_id("ticket_id", &request.ticket_id);
    let status = status_condition(&mut check, request.status);
    let page = check.page(request.page_size, &request.page_token, &conditions);
    check.finish()?;
    let (page_size, after) = page.ok_or_else(|| Invalid(Vec::new()))?;
    Ok((ListMySales { ticket_id, status, page_size, after }, conditions))
}

/// Which booking, and at which version at least.
pub(crate) fn wanted_booking(
    request: &pb::GetMyBookingRequest,
) -> Result<(BookingId, i64), Invalid> {
    let mut check = Check::new();
    let booking_id = check.id("booking_id", &request.booking_id);
    if request.min_version < 0 {
        check.violate("min_version", "must not be negative");
    }
    check.read(booking_id.map(|id| (id, request.min_version)))
}

pub(crate) fn summary_ticket(
    request: &pb::GetSalesSummaryRequest,
) -> Result<Option<TicketId>, Invalid> {
    let mut check = Check::new();
    let ticket_id = check.optional_id("ticket_id", &request.ticket_id);
    check.finish()?;
    Ok(ticket_id)
}

pub(crate) fn my_bookings(page: Page, conditions: &[u8]) -> pb::ListMyBookingsResponse {
    pb::ListMyBookingsResponse {
        next_page_token: wire::page_token(page.next, conditions),
        bookings: page.bookings.into_iter().map(my_booking).collect(),
    }
}

pub(crate) fn my_sales(page: Page, conditions: &[u8]) -> pb::ListMySalesResponse {
    pb::ListMySalesResponse {
        next_page_token: wire::page_token(page.next, conditions),
        sales: page.bookings.into_iter().map(sale).collect(),
    }
}

pub(crate) fn my_booking(row: MyBooking) -> pb::MyBooking {
    pb::MyBooking {
        booking_id: row.booking_id.to_string(),
        ticket_id: row.booking.ticket_id.to_string(),
        ticket_name: row.booking.ticket_name,
        organizer_id: row.booking.organizer_id.to_string(),
        buyer_id: row.booking.buyer_id.to_string(),
        quantity: i32::try_from(row.booking.quantity.get()).unwrap_or(i32::MAX),
        seats: row.booking.seats,
        check_in: row.booking.check_in.map(wire::date),
        check_out: row.booking.check_out.map(wire::date),
        total: Some(wire::money(row.booking.total)),
        refunded: Some(wire::money(row.refunded)),
        status: booking_status(row.booking.status).into(),
        status_reason: row.booking.status_reason,
        payment_status: payment_status(row.payment_status).into(),
        pay_by: row.booking.pay_by.map(wire::timestamp),
        create_time: Some(wire::timestamp(row.booking.create_time)),
        update_time: Some(wire::timestamp(row.update_time)),
        version: row.version,
    }
}

fn sale(row: MyBooking) -> pb::Sale {
    let row = my_booking(row);
    pb::Sale {
        booking_id: row.booking_id,
        ticket_id: row.ticket_id,
        ticket_name: row.ticket_name,
        organizer_id: row.organizer_id,
        buyer_id: row.buyer_id,
        quantity: row.quantity,
        seats: row.seats,
        check_in: row.check_in,
        check_out: row.check_out,
        total: row.total,
        refunded: row.refunded,
        status: row.status,
        payment_status: row.payment_status,
        create_time: row.create_time,
        update_time: row.update_time,
        version: row.version,
    }
}

pub(crate) fn summary(ticket_id: Option<TicketId>, sums: SalesSummary) -> pb::SalesSummary {
    pb::SalesSummary {
        ticket_id: ticket_id.map(|id| id.to_string()).unwrap_or_default(),
        confirmed_bookings: sums.confirmed_bookings,
        cancelled_bookings: sums.cancelled_bookings,
        open_bookings: sums.open_bookings,
        sold_quantity: sums.sold_quantity,
        totals: sums.totals.into_iter().map(currency_total).collect(),
    }
}

fn currency_total(total: CurrencyTotal) -> pb::CurrencyTotal {
    pb::CurrencyTotal {
        gross: Some(wire::money(total.gross)),
        refunded: Some(wire::money(total.refunded)),
        net: Some(wire::money(total.net)),
    }
}

const fn booking_status(status: BookingStatus) -> WireBookingStatus {
    match status {
        BookingStatus::Pending => WireBookingStatus::Pending,
        BookingStatus::AwaitingPayment => WireBookingStatus::AwaitingPayment,
        BookingStatus::Confirmed => WireBookingStatus::Confirmed,
        BookingStatus::Cancelling => WireBookingStatus::Cancelling,
        BookingStatus::Cancelled => WireBookingStatus::Cancelled,
        BookingStatus::Rejected => WireBookingStatus::Rejected,
        BookingStatus::Expired => WireBookingStatus::Expired,
    }
}

const fn payment_status(status: Option<PaymentStatus>) -> WirePaymentStatus {
    match status {
        None => WirePaymentStatus::Unspecified,
        Some(PaymentStatus::Processing) => WirePaymentStatus::Processing,
        Some(PaymentStatus::Approved) => WirePaymentStatus::Approved,
        Some(PaymentStatus::Declined) => WirePaymentStatus::Declined,
        Some(PaymentStatus::Unknown) => WirePaymentStatus::Unknown,
        Some(PaymentStatus::PartiallyRefunded) => WirePaymentStatus::PartiallyRefunded,
        Some(PaymentStatus::Refunded) => WirePaymentStatus::Refunded,
    }
}

/// `None` for unspecified and for values this version does not know.
pub(crate) fn read_booking_status(wire: i32) -> Option<BookingStatus> {
    match WireBookingStatus::try_from(wire).ok()? {
        WireBookingStatus::Unspecified => None,
        WireBookingStatus::Pending => Some(BookingStatus::Pending),
        WireBookingStatus::AwaitingPayment => Some(BookingStatus::AwaitingPayment),
        WireBookingStatus::Confirmed => Some(BookingStatus::Confirmed),
        WireBookingStatus::Cancelling => Some(BookingStatus::Cancelling),
        WireBookingStatus::Cancelled => Some(BookingStatus::Cancelled),
        WireBookingStatus::Rejected => Some(BookingStatus::Rejected),
        WireBookingStatus::Expired => Some(BookingStatus::Expired),
    }
}

/// `None` for unspecified and for values this version does not know.
pub(crate) fn read_payment_status(wire: i32) -> Option<PaymentStatus> {
    match WirePaymentStatus::try_from(wire).ok()? {
        WirePaymentStatus::Unspecified => None,
        WirePaymentStatus::Processing => Some(PaymentStatus::Processing),
        WirePaymentStatus::Approved => Some(PaymentStatus::Approved),
        WirePaymentStatus::Declined => Some(PaymentStatus::Declined),
        WirePaymentStatus::Unknown => Some(PaymentStatus::Unknown),
        WirePaymentStatus::PartiallyRefunded => Some(PaymentStatus::PartiallyRefunded),
        WirePaymentStatus::Refunded => Some(PaymentStatus::Refunded),
    }
}

fn status_condition(check: &mut Check, wire: i32) -> Option<BookingStatus> {
    let status = read_booking_status(wire);
    if status.is_none() && wire != i32::from(WireBookingStatus::Unspecified) {
        check.violate("status", "must be a booking status");
    }
    status
}
