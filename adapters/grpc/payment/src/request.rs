//! Requests, from the wire to the domain.

use grpc_server::wire::Check;
use kernel::{BookingId, BuyerId, Invalid, Locale, Money, PaymentId};
use payment::{ATTEMPTS_MAX, ChargePayment, ListPayments, PAYMENT_METHOD_CHARS_MAX, Payer};
use prost::Message;
use proto::boxoffice::payment::v1 as pb;

/// A payment's identifier.
pub(crate) fn payment_id(text: &str) -> Result<PaymentId, Invalid> {
    let mut check = Check::new();
    let id = check.id("payment_id", text);
    check.read(id)
}

/// Which booking's money to give back, and what of it to keep.
pub(crate) fn refund(
    wire: &pb::RefundPaymentRequest,
) -> Result<(BookingId, Option<Money>), Invalid> {
    let mut check = Check::new();
    let booking_id = check.id("booking_id", &wire.booking_id);
    let keep = check.optional_money("keep", wire.keep.as_ref());
    if keep.is_some_and(|keep| keep.minor() < 0) {
        check.violate("keep", "must not be negative");
    }
    check.read(booking_id.map(|booking_id| (booking_id, keep)))
}

/// Which booking's money to give back in part, and what of it stays.
pub(crate) fn reduce(wire: &pb::ReducePaymentRequest) -> Result<(BookingId, Money), Invalid> {
    let mut check = Check::new();
    let booking_id = check.id("booking_id", &wire.booking_id);
    let keep = check.money("keep", wire.keep.as_ref());
    if keep.is_some_and(|keep| keep.minor() < 0) {
        check.violate("keep", "must not be negative");
    }
    check.read(booking_id.zip(keep))
}

/// A list's query, with the conditions that its page tokens are bound to.
pub(crate) fn list(wire: &pb::ListPaymentsRequest) -> Result<(ListPayments, Vec<u8>), Invalid> {
    let booking_id = wire.booking_id.clone();
    let conditions = pb::ListPaymentsRequest { booking_id, ..Default::default() }.encode_to_vec();
    let mut check = Check::new();
    let booking_id = check.optional_id("booking_id", &wire.booking_id);
    let page = check.page(wire.page_size, &wire.page_token, &conditions);
    let query = page.map(|(page_size, after)| ListPayments { booking_id, page_size, after });
    check.read(query.map(|query| (query, conditions)))
}

/// Asks to take the money for a booking.
pub(crate) fn charge(wire: &pb::ChargePaymentRequest) -> Result<ChargePayment, Invalid> {
    let mut check = Check::new();
    let booking_id = check.id("booking_id", &wire.booking_id);
    let attempt = attempt(&mut check, wire.attempt);
    let buyer_id = check.take("buyer_id", BuyerId::new(wire.buyer_id.as_str()));
    let amount = check.money("amount", wire.amount.as_ref());
    if amount.is_some_and(|amount: Money| amount.minor() < 0) {
        check.violate("amount", "must not be negative");
    }
    let chars = 0..=PAYMENT_METHOD_CHARS_MAX;
    let payment_method = check.text("payment_method", &wire.payment_method, chars);
    let asked = || {
        Some(ChargePayment {
            booking_id: booking_id?,
            attempt: attempt?,
            payer: Payer { buyer_id: buyer_id?, locale: Locale::nearest(&wire.buyer_locale) },
            amount: amount?,
            payment_method: payment_method?,
        })
    };
    let asked = asked();
    check.read(asked)
}

fn attempt(check: &mut Check, number: i32) -> Option<u32> {
    let attempt = u32::try_from(number).ok().filter(|n| (1..=ATTEMPTS_MAX).contains(n));
    if attempt.is_none() {
        check.violate("attempt", format_args!("must be from 1 to {ATTEMPTS_MAX}"));
    }
    attempt
}
