//! Payments, from the domain to the wire.

use grpc_server::wire::{money, timestamp};
use payment::{Payment, PaymentState, PaymentStatus, Refund, RefundState, Settlement};
use proto::boxoffice::payment::v1 as pb;

/// A payment as callers see it.
pub(crate) fn payment(payment: &Payment) -> pb::Payment {
    let decline_reason = match &payment.state {
        PaymentState::Declined { reason } => reason.clone(),
        PaymentState::Processing | PaymentState::Unknown | PaymentState::Approved { .. } => {
            String::new()
        }
    };
    pb::Payment {
        payment_id: payment.id.to_string(),
        booking_id: payment.booking_id.to_string(),
        amount: Some(money(payment.amount)),
        refunded: Some(money(payment.refunded())),
        status: status(payment.status()).into(),
        refunds: payment.refunds.iter().map(refund).collect(),
        // At most `ATTEMPTS_MAX`.
        attempt: i32::try_from(payment.attempt).unwrap_or(i32::MAX),
        decline_reason,
        create_time: Some(timestamp(payment.created_at)),
        update_time: Some(timestamp(payment.updated_at)),
    }
}

/// A refund as callers see it.
pub(crate) fn refund(refund: &Refund) -> pb::Refund {
    pb::Refund {
        refund_id: refund.id.to_string(),
        amount: Some(money(refund.amount)),
        status: refund_status(&refund.state).into(),
    }
}

/// The answer to a charge.
pub(crate) fn charged(charged: &Payment) -> pb::ChargePaymentResponse {
    pb::ChargePaymentResponse { payment: Some(payment(charged)) }
}

/// The answer to a refund.
pub(crate) fn refunded(settlement: &Settlement) -> pb::RefundPaymentResponse {
    pb::RefundPaymentResponse {
        payments: settlement.payments.iter().map(payment).collect(),
        settled: settlement.is_settled(),
    }
}

/// The answer to a reduction.
pub(crate) fn reduced(settlement: &Settlement) -> pb::ReducePaymentResponse {
    let payments = settlement.payments.iter().map(payment).collect();
    pb::ReducePaymentResponse { payments }
}

const fn status(status: PaymentStatus) -> pb::PaymentStatus {
    match status {
        PaymentStatus::Processing => pb::PaymentStatus::Processing,
        PaymentStatus::Unknown => pb::PaymentStatus::Unknown,
        PaymentStatus::Approved => pb::PaymentStatus::Approved,
        PaymentStatus::Declined => pb::PaymentStatus::Declined,
        PaymentStatus::PartiallyRefunded => pb::PaymentStatus::PartiallyRefunded,
        PaymentStatus::Refunded => pb::PaymentStatus::Refunded,
    }
}

const fn refund_status(state: &RefundState) -> pb::RefundStatus {
    match state {
        RefundState::Requested => pb::RefundStatus::Requested,
        RefundState::Pending => pb::RefundStatus::Pending,
        RefundState::Failed { .. } => pb::RefundStatus::Failed,
        RefundState::ManualReview { .. } => pb::RefundStatus::ManualReview,
        RefundState::Succeeded { .. } => pb::RefundStatus::Succeeded,
    }
}
