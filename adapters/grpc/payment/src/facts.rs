//! This context's events as messages in their envelopes, and what it understands of booking's.

use grpc_server::wire::Check;
use kernel::{BookingId, Envelope, EventId, HandlerError, Money, Recorded};
use payment::{Payment, PaymentEvent, PaymentStatus, Settlement};
use prost::Message;
use proto::boxoffice::booking::v1::BookingCancellationRequested;
use proto::boxoffice::payment::v1 as pb;

use crate::convert;

const SOURCE: &str = "payment";
const PACKAGE: &str = "boxoffice.payment.v1";
const AGGREGATE: &str = "payment";

/// One event of this context, ready to publish. Its aggregate is all money of one booking, by the
/// booking's id.
#[must_use]
pub fn envelope(recorded: &Recorded<PaymentEvent>) -> Envelope {
    let (name, booking_id, payload) = message(&recorded.event);
    Envelope {
        id: recorded.id,
        event_type: format!("{PACKAGE}.{name}"),
        source: SOURCE.to_owned(),
        occurred_at: recorded.at,
        aggregate_type: AGGREGATE.to_owned(),
        aggregate_id: booking_id.to_string(),
        aggregate_version: recorded.version,
        correlation_id: recorded.correlation_id.clone(),
        causation_id: recorded.causation_id.clone(),
        traceparent: None,
        payload,
    }
}

/// The newest event of a booking's money that is about a payment, told as that payment is now: for whoever missed
/// it. An attempt that is undecided was not told yet. `None` while nothing was told.
#[must_use]
pub fn newest(settlement: &Settlement) -> Option<Envelope> {
    let mut payments = settlement.payments.iter().rev();
    let (payment, event) =
        payments.find_map(|payment| Some((payment, told(payment, settlement)?)))?;
    let told = envelope(&Recorded {
        id: EventId::new(settlement.booking_id.as_uuid()),
        at: payment.updated_at,
        version: settlement.event_version,
        correlation_id: settlement.booking_id.to_string(),
        causation_id: None,
        event,
    });
    (settlement.event_version > 0).then_some(told)
}

fn told(payment: &Payment, settlement: &Settlement) -> Option<PaymentEvent> {
    let now = Box::new(payment.clone());
    match payment.status() {
        PaymentStatus::Processing | PaymentStatus::Unknown => None,
        PaymentStatus::Approved => Some(PaymentEvent::Approved(now)),
        PaymentStatus::Declined => Some(PaymentEvent::Declined(now)),
        PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => {
            let refund = payment.refunds.iter().rfind(|refund| refund.has_succeeded())?;
            let refund = Box::new(refund.clone());
            let settled = settlement.is_settled();
            Some(PaymentEvent::RefundSucceeded { payment: now, refund, settled })
        }
    }
}

/// The booking that was cancelled, and its fee.
pub(crate) fn cancelled_booking(
    message: &Envelope,
) -> Result<(BookingId, Option<Money>), HandlerError> {
    let poison = |text: String| HandlerError::Poison(text);
    let event = BookingCancellationRequested::decode(message.payload.as_slice())
        .map_err(|error| poison(error.to_string()))?;
    let booking = event.booking.unwrap_or_default();
    let mut check = Check::new();
    let booking_id = check.id("booking_id", &booking.booking_id);
    let fee = check.optional_money("cancel_fee", booking.cancel_fee.as_ref());
    check.read(booking_id.map(|id| (id, fee))).map_err(|invalid| poison(invalid.to_string()))
}

fn message(event: &PaymentEvent) -> (&'static str, BookingId, Vec<u8>) {
    match event {
        PaymentEvent::Approved(payment) => {
            let (buyer_id, buyer_locale) = buyer(payment);
            let payment_now = Some(convert::payment(payment));
            let wire = pb::PaymentApproved { payment: payment_now, buyer_id, buyer_locale };
            ("PaymentApproved", payment.booking_id, wire.encode_to_vec())
        }
        PaymentEvent::Declined(payment) => {
            let (buyer_id, buyer_locale) = buyer(payment);
            let payment_now = Some(convert::payment(payment));
            let wire = pb::PaymentDeclined { payment: payment_now, buyer_id, buyer_locale };
            ("PaymentDeclined", payment.booking_id, wire.encode_to_vec())
        }
        PaymentEvent::RefundSucceeded { payment, refund, settled } => {
            let (buyer_id, buyer_locale) = buyer(payment);
            let wire = pb::RefundSucceeded {
                payment: Some(convert::payment(payment)),
                refund: Some(convert::refund(refund)),
                buyer_id,
                buyer_locale,
                settled: *settled,
            };
            ("RefundSucceeded", payment.booking_id, wire.encode_to_vec())
        }
        PaymentEvent::RefundFailed { payment, refund } => {
            let (buyer_id, buyer_locale) = buyer(payment);
            let wire = pb::RefundFailed {
                payment: Some(convert::payment(payment)),
                refund: Some(convert::refund(refund)),
                buyer_id,
                buyer_locale,
            };
            ("RefundFailed", payment.booking_id, wire.encode_to_vec())
        }
        PaymentEvent::Voided { booking_id } => {
            let wire = pb::PaymentVoided { booking_id: booking_id.to_string() };
            ("PaymentVoided", *booking_id, wire.encode_to_vec())
        }
    }
}

fn buyer(payment: &Payment) -> (String, String) {
    (payment.payer.buyer_id.to_string(), payment.payer.locale.tag().to_owned())
}
