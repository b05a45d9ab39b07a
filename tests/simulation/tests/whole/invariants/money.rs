//! I9: the provider's books beside ours.

use kernel::BookingId;
use payment::{ChargeKey, Payment, PaymentState, RefundState, Settlement};

use super::{Seen, Verdict, must};
use crate::provider::Books;

/// What was taken for a booking and not given back, by our books.
pub(super) fn net_minor(settlement: &Settlement) -> i64 {
    let approved = settlement.payments.iter().filter(|payment| is_approved(payment));
    approved.map(|payment| payment.amount.minor() - payment.refunded().minor()).sum()
}

/// The same by the provider's.
pub(super) fn provider_net_minor(books: &Books, id: BookingId) -> i64 {
    let charges = books.charges.iter().filter(|(key, _)| key.booking_id == id);
    let taken = charges.filter(|(_, charged)| charged.is_approved);
    let taken: i64 = taken.map(|(_, charged)| charged.amount_minor).sum();
    taken - given_back_minor(books, id)
}

/// What the provider has given back for a booking.
pub(super) fn given_back_minor(books: &Books, id: BookingId) -> i64 {
    let given = books.refunds.values().filter(|given| given.charge.booking_id == id);
    given.filter(|given| given.is_done).map(|given| given.amount_minor).sum()
}

const fn is_approved(payment: &Payment) -> bool {
    matches!(payment.state, PaymentState::Approved { .. })
}

/// What is definite with us is so with the provider, no booking is charged twice, and nothing was asked that makes no
/// sense.
pub(super) fn always(seen: &Seen<'_>) -> Verdict {
    let books = &seen.books;
    if let Some(nonsense) = books.nonsense.first() {
        return Err(format!("I9: {nonsense}"));
    }
    for settlement in seen.settlements.values() {
        for payment in &settlement.payments {
            let charged = books.charges.get(&payment.key());
            let amount_minor = payment.amount.minor();
            let is_so = match payment.state {
                PaymentState::Processing | PaymentState::Unknown => true,
                PaymentState::Approved { .. } => charged.is_some_and(|charged| {
                    charged.is_approved && charged.amount_minor == amount_minor
                }),
                PaymentState::Declined { .. } => {
                    charged.is_some_and(|charged| !charged.is_approved)
                }
            };
            must!(is_so, "I9: {payment:?}, the provider has {charged:?}");
            for refund in payment.refunds.iter().filter(|refund| refund.has_succeeded()) {
                let given = books.refunds.get(&refund.id);
                let is_so = given.is_some_and(|given| {
                    given.is_done
                        && given.charge == payment.key()
                        && given.amount_minor == refund.amount.minor()
                });
                must!(is_so, "I9: {refund:?}, the provider has {given:?}");
            }
        }
        let approved = books.charges.iter().filter(|(key, charged)| {
            key.booking_id == settlement.booking_id && charged.is_approved
        });
        must!(approved.count() <= 1, "I9: charged twice: {settlement:?}");
        let is_live = settlement.next_ask().is_some();
        must!(is_live == settlement.due_in().is_some(), "I5: no timer: {settlement:?}");
    }
    Ok(())
}

/// Neither has anything that the other has not.
pub(super) fn at_rest(seen: &Seen<'_>) -> Verdict {
    let find = |key: &ChargeKey| {
        let settlement = seen.settlements.get(&key.booking_id)?;
        settlement.payments.iter().find(|payment| payment.key() == *key)
    };
    for (key, charged) in &seen.books.charges {
        let ours = find(key);
        let is_so = ours.is_some_and(|payment| is_approved(payment) == charged.is_approved);
        must!(is_so, "I9: {key}: {charged:?}, we have {ours:?}");
    }
    for (id, given) in seen.books.refunds.iter().filter(|(_, given)| given.is_done) {
        let ours = find(&given.charge);
        let refund = ours.iter().flat_map(|payment| &payment.refunds).find(|it| it.id == *id);
        let is_so = refund.is_some_and(|refund| refund.has_succeeded());
        must!(is_so, "I9: {given:?}, we have {ours:?}");
    }
    for settlement in seen.settlements.values() {
        must!(settlement.next_ask().is_none(), "I5: {settlement:?}");
        let mut refunds = settlement.payments.iter().flat_map(|payment| &payment.refunds);
        let is_stuck = refunds.any(|it| matches!(it.state, RefundState::ManualReview { .. }));
        let is_done = !settlement.voided || settlement.is_settled();
        must!(is_done || is_stuck, "I5: {settlement:?}");
    }
    Ok(())
}
