//! Bookings between the wire and the domain.

use booking::{
    BookedFields, Booking, BookingRefused, BookingStatus, CancelTerms, RejectReason,
    RetirementProgress, State, Stay,
};
use grpc_server::{refuse, wire};
use kernel::{CivilDate, TicketId};
use prost::Message;
use proto::boxoffice::booking::v1 as pb;
use proto::google::rpc;
use proto::google::r#type::Date;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The answer of CreateBooking, PayBooking and CancelBooking as it is kept for their keys. All of them hold the
/// booking in field 1 and nothing else, so one encoding serves them all; they pass over what stands beside it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Reply {
    #[prost(message, optional, tag = "1")]
    pub(crate) booking: Option<pb::Booking>,
    /// A `google.rpc.Status`: why there is no booking, in the words of who refused it.
    #[prost(bytes = "vec", tag = "15")]
    pub(crate) refusal: Vec<u8>,
}

/// A booking as an answer.
pub(crate) fn reply(of: &Booking) -> Reply {
    let refusal = match &of.state {
        State::Rejected { refusal, .. } => refusal.words().to_vec(),
        State::Pending { .. }
        | State::AwaitingPayment { .. }
        | State::Confirmed { .. }
        | State::Cancelling { .. }
        | State::Cancelled { .. }
        | State::Expired { .. } => Vec::new(),
    };
    Reply { booking: Some(booking(of)), refusal }
}

/// A refusal that left no booking as an answer. It has the form of a rejected booking that has no id, because that is
/// told as this very refusal, also by an older server that is asked with the same key.
pub(crate) fn refused_reply(refused: &BookingRefused) -> Reply {
    let booking = pb::Booking {
        booking_id: refused.booking_id.map(|id| id.to_string()).unwrap_or_default(),
        total: refused.total.map(wire::money),
        status: pb::BookingStatus::Rejected.into(),
        status_reason: refused.reason.as_str().to_owned(),
        ..pb::Booking::default()
    };
    Reply { booking: Some(booking), refusal: Vec::new() }
}

/// A booking as the wire shows it.
pub(crate) fn booking(booking: &Booking) -> pb::Booking {
    pb::Booking {
        booking_id: booking.id.to_string(),
        ticket_id: booking.ticket.id.to_string(),
        ticket_name: booking.ticket.name.clone(),
        organizer_id: booking.ticket.organizer_id.to_string(),
        buyer_id: booking.buyer_id.to_string(),
        // Below 10,000 by construction.
        quantity: i32::try_from(booking.booked.quantity().get()).unwrap_or(i32::MAX),
        seats: booking.booked.seats().to_vec(),
        check_in: booking.booked.stay().map(Stay::check_in).map(wire::date),
        check_out: booking.booked.stay().map(Stay::check_out).map(wire::date),
        total: Some(wire::money(booking.total)),
        refunded: Some(wire::money(booking.refunded)),
        status: status(booking.status()).into(),
        status_reason: booking.status_reason().to_owned(),
        pay_by: booking.pay_by().map(wire::timestamp),
        payment_id: booking.payment_id.map(|id| id.to_string()).unwrap_or_default(),
        create_time: Some(wire::timestamp(booking.created_at)),
        update_time: Some(wire::timestamp(booking.updated_at)),
        etag: booking.revision.to_string(),
        version: booking.event_version,
        cancel_terms: cancel_terms(booking.cancel_terms),
        cancel_fee: Some(wire::money(booking.cancel_fee)),
        stock_refusal: booking
            .stock_refusal
            .as_ref()
            .map(|refusal| refusal.reason().to_owned())
            .unwrap_or_default(),
    }
}

/// Nothing where cancelling is free at any time.
fn cancel_terms(terms: CancelTerms) -> Option<pb::CancelTerms> {
    (terms != CancelTerms::default()).then(|| pb::CancelTerms {
        free_until: terms.free_until.map(wire::timestamp),
        fee_percent: i32::from(terms.fee_percent.get()),
        not_after: terms.not_after.map(wire::timestamp),
    })
}

/// How far the bookings of a deleted ticket have come.
pub(crate) fn progress(ticket_id: TicketId, of: &RetirementProgress) -> pb::RetirementProgress {
    let bookings = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    pb::RetirementProgress {
        ticket_id: ticket_id.to_string(),
        open_bookings: bookings(of.open),
        cancelling_bookings: bookings(of.cancelling),
        stuck_bookings: bookings(of.stuck),
        cancelled_bookings: bookings(of.cancelled),
        settled: of.is_settled(),
    }
}

/// What is booked as the wire says it, unread.
pub(crate) fn booked_fields(
    quantity: i32,
    seats: &[String],
    check_in: Option<&Date>,
    check_out: Option<&Date>,
) -> BookedFields {
    let date = |wire: &Date| CivilDate::new(wire.year, wire.month, wire.day);
    BookedFields {
        quantity: quantity.into(),
        seats: seats.to_vec(),
        check_in: check_in.map(date),
        check_out: check_out.map(date),
    }
}

/// The error that this outcome of making or paying a booking is told as: in the words of who refused it where they
/// are kept, else in ours.
pub(crate) fn refusal(reply: &Reply) -> Option<Status> {
    let booking = reply.booking.as_ref()?;
    let ended =
        matches!(booking.status(), pb::BookingStatus::Rejected | pb::BookingStatus::Expired);
    let passed_on = || passed_on(&reply.refusal, &booking.booking_id);
    ended.then(|| passed_on().or_else(|| refused(booking).map(|own| refuse(&own)))).flatten()
}

/// Somebody else's refusal, with the booking that came to nothing.
fn passed_on(words: &[u8], booking_id: &str) -> Option<Status> {
    let said = rpc::Status::decode(words).ok().filter(|said| said.code != 0)?;
    let code = Code::from_i32(said.code);
    let mut details = Status::with_details(code, said.message.as_str(), words.to_vec().into())
        .get_error_details();
    let info = details.error_info()?.clone();
    let mut facts = info.metadata;
    facts.insert("booking_id".to_owned(), booking_id.to_owned());
    details.set_error_info(info.reason, info.domain, facts);
    Some(Status::with_error_details(code, said.message, details))
}

fn refused(booking: &pb::Booking) -> Option<BookingRefused> {
    let reason = RejectReason::parse(&booking.status_reason)?;
    let total = wire::Check::new().optional_money("total", booking.total.as_ref());
    Some(BookingRefused {
        reason,
        total: total.filter(|_| reason == RejectReason::PriceMismatch),
        booking_id: booking.booking_id.parse().ok(),
    })
}

/// A status as the wire names it.
pub(crate) const fn status(status: BookingStatus) -> pb::BookingStatus {
    match status {
        BookingStatus::Pending => pb::BookingStatus::Pending,
        BookingStatus::AwaitingPayment => pb::BookingStatus::AwaitingPayment,
        BookingStatus::Confirmed => pb::BookingStatus::Confirmed,
        BookingStatus::Cancelling => pb::BookingStatus::Cancelling,
        BookingStatus::Cancelled => pb::BookingStatus::Cancelled,
        BookingStatus::Rejected => pb::BookingStatus::Rejected,
        BookingStatus::Expired => pb::BookingStatus::Expired,
    }
}

/// The status a wire name asks for; `None` where it asks for none.
///
/// # Errors
/// The number is no status.
pub(crate) fn wanted_status(number: i32) -> Result<Option<BookingStatus>, &'static str> {
    let named = pb::BookingStatus::try_from(number).map_err(|_| "must be a booking status")?;
    Ok(BookingStatus::ALL.into_iter().find(|known| status(*known) == named))
}
