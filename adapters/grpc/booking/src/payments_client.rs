//! The payment context over gRPC: the outbound port [`Payments`].

use std::sync::Arc;

use async_trait::async_trait;
use autometrics::autometrics;
use booking::{Charge, ChargeOutcome, PROCESS_CALL, Payments, RefundProgress, Unanswered};
use grpc_client::Calls;
use grpc_server::batch::{self, Asker};
use grpc_server::wire::{self, Check};
use in_process_gather::Batching;
use kernel::{BookingId, Money};
use proto::boxoffice::payment::v1 as pb;
use proto::boxoffice::payment::v1::payment_service_client::PaymentServiceClient;
use proto::boxoffice::payment::v1::payment_verdict::Outcome;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::transport::Channel;

use crate::peer::{Failed, Peer, ServiceBearer, reason};
use crate::together::{Calling, Together};
use crate::{steps, turnstile};

/// Calls the payment context. Refunds are asked for one by one: a cancellation tells of itself by an event, and asks
/// only where that stays out.
pub struct PaymentsClient {
    charges: Together<Charges>,
    payments: PaymentServiceClient<Calls>,
    peer: Peer,
    refunds: Semaphore,
}

/// Refunds that are asked for at a time: a sweep has many, each of which may wait for the provider, and buyers' charges
/// go over the same connections.
const REFUNDS_AT_ONCE: usize = 16;

impl PaymentsClient {
    /// A client of the payment context behind `channel`; `batching` says whether what waits together goes together.
    #[must_use]
    pub fn new(channel: Channel, bearer: ServiceBearer, batching: Batching) -> Self {
        let payments = PaymentServiceClient::new(Calls::new(channel));
        let peer = Peer::new(Arc::clone(&bearer));
        let charges = Charges { payments: payments.clone(), peer: Peer::new(bearer) };
        let refunds = Semaphore::new(REFUNDS_AT_ONCE);
        Self { charges: Together::new(charges, batching), payments, peer, refunds }
    }
}

/// Charges. How long one takes is its provider's to say, so several are answered by a stream, each when it has ended:
/// one answer for all of them would come with the slowest.
struct Charges {
    payments: PaymentServiceClient<Calls>,
    peer: Peer,
}

#[async_trait]
impl Calling for Charges {
    type Message = pb::ChargePaymentRequest;
    type Answer = pb::ChargePaymentResponse;

    async fn single(&self, charge: Self::Message) -> Result<Self::Answer, Failed> {
        let answer = self.peer.ask(charge, |request| {
            let mut payments = self.payments.clone();
            async move { payments.charge_payment(request).await }
        });
        answer.await
    }

    async fn several(
        &self,
        members: Vec<(Asker, Self::Message)>,
        tell: &mut (dyn FnMut(usize, Result<Self::Answer, Failed>) + Send),
    ) -> Result<(), Failed> {
        let commands = members.into_iter().map(|(asker, charge)| {
            let Asker { traceparent, request_id } = asker;
            pb::ChargeCommand { charge: Some(charge), traceparent, request_id }
        });
        let request = pb::ChargePaymentsRequest { commands: commands.collect() };
        let answer = self.peer.ask(request, |request| {
            let mut payments = self.payments.clone();
            async move { payments.charge_payments(request).await }
        });
        let mut verdicts = answer.await?;
        // From here on the server has them all, whatever becomes of the stream.
        let taken = |status| Failed { status, never_sent: false };
        while let Some(ended) = verdicts.message().await.map_err(taken)? {
            for pb::IndexedVerdict { index, verdict } in ended.verdicts {
                let place = usize::try_from(index).unwrap_or(usize::MAX);
                match verdict.and_then(|verdict| verdict.outcome) {
                    Some(Outcome::Charge(charged)) => tell(place, Ok(charged)),
                    Some(Outcome::Refusal(refusal)) => {
                        tell(place, Err(taken(batch::refused(&refusal))));
                    }
                    // No answer to a charge.
                    Some(Outcome::Refund(_)) | None => {}
                }
            }
        }
        Ok(())
    }
}

#[autometrics]
#[async_trait]
impl Payments for PaymentsClient {
    async fn charge(&self, charge: &Charge) -> ChargeOutcome {
        let key = charge.booking_id.as_uuid();
        let charging = async {
            match turnstile::outside(self.charges.ask(key, 1, charge_request(charge))).await {
                Ok(answer) => outcome(&answer.payment.unwrap_or_default()),
                Err(failed) => undecided(&failed),
            }
        };
        steps::measured("charge", charging).await
    }

    async fn refund(
        &self,
        booking_id: BookingId,
        keep: Money,
    ) -> Result<RefundProgress, Unanswered> {
        let (booking_id, keep) = (booking_id.to_string(), Some(wire::money(keep)));
        let request = pb::RefundPaymentRequest { booking_id, keep };
        let asking = async {
            let answer = self.peer.ask(request, |request| {
                let mut payments = self.payments.clone();
                async move { payments.refund_payment(request).await }
            });
            let pb::RefundPaymentResponse { payments, settled } = answer.await?;
            progress(&payments, settled)
        };
        steps::measured("refund_payment", self.in_its_place(asking)).await
    }

    async fn reduce(
        &self,
        booking_id: BookingId,
        keep: Money,
    ) -> Result<RefundProgress, Unanswered> {
        let (booking_id, keep) = (booking_id.to_string(), Some(wire::money(keep)));
        let request = pb::ReducePaymentRequest { booking_id, keep };
        let asking = async {
            let answer = self.peer.ask(request, |request| {
                let mut payments = self.payments.clone();
                async move { payments.reduce_payment(request).await }
            });
            progress(&answer.await?.payments, false)
        };
        steps::measured("reduce_payment", self.in_its_place(asking)).await
    }
}

impl PaymentsClient {
    /// Not too many at once, and all of it in time.
    async fn in_its_place(
        &self,
        asking: impl Future<Output = Result<RefundProgress, Unanswered>>,
    ) -> Result<RefundProgress, Unanswered> {
        let placed = async {
            // Never closed.
            let _place = self.refunds.acquire().await;
            asking.await
        };
        let late = |_| Unanswered("no place for a refund and no answer in time".to_owned());
        timeout(PROCESS_CALL, placed).await.map_err(late)?
    }
}

fn charge_request(charge: &Charge) -> pb::ChargePaymentRequest {
    pb::ChargePaymentRequest {
        booking_id: charge.booking_id.to_string(),
        attempt: i32::try_from(charge.attempt).unwrap_or(i32::MAX),
        buyer_id: charge.buyer_id.to_string(),
        amount: Some(wire::money(charge.amount)),
        payment_method: charge.payment_method.clone(),
        buyer_locale: charge.buyer_locale.tag().to_owned(),
    }
}

fn outcome(payment: &pb::Payment) -> ChargeOutcome {
    let payment_id = payment.payment_id.parse().ok();
    match (payment.status(), payment_id) {
        (pb::PaymentStatus::Approved, Some(payment_id)) => ChargeOutcome::Approved { payment_id },
        (pb::PaymentStatus::Declined, Some(payment_id)) => ChargeOutcome::Declined { payment_id },
        // Taken and given back: the booking was voided since, and must not be confirmed.
        (pb::PaymentStatus::PartiallyRefunded | pb::PaymentStatus::Refunded, _) => {
            ChargeOutcome::Voided
        }
        (_, payment_id) => ChargeOutcome::Unknown { payment_id },
    }
}

/// An error says that nothing was tried only where there was no connection, or where the server
/// refused the call before it stored an attempt.
fn undecided(Failed { status, never_sent }: &Failed) -> ChargeOutcome {
    if *never_sent {
        return ChargeOutcome::NotTried;
    }
    match reason(status).as_deref() {
        Some("PAYMENT_VOIDED") => ChargeOutcome::Voided,
        Some("PROVIDER_AWAY" | "OVERLOADED" | "INVALID_FIELD" | "ATTEMPT_OUT_OF_TURN") => {
            ChargeOutcome::NotTried
        }
        Some(_) | None => {
            tracing::warn!(code = ?status.code(), status = status.message(), "a charge got no outcome");
            ChargeOutcome::Unknown { payment_id: None }
        }
    }
}

fn progress(payments: &[pb::Payment], settled: bool) -> Result<RefundProgress, Unanswered> {
    let mut check = Check::new();
    let mut refunded: Option<Money> = None;
    for payment in payments {
        let amount = check.money("refunded", payment.refunded.as_ref());
        refunded = match (refunded, amount) {
            (Some(sum), Some(amount)) => check.take("refunded", sum.checked_add(amount)),
            (sum, amount) => sum.or(amount),
        };
    }
    let stuck = payments.iter().flat_map(|payment| &payment.refunds);
    let stuck =
        stuck.map(pb::Refund::status).any(|status| status == pb::RefundStatus::ManualReview);
    check.finish().map_err(|invalid| Unanswered(invalid.to_string()))?;
    Ok(RefundProgress { refunded, settled, stuck })
}

#[cfg(test)]
mod tests {
    use kernel::{BuyerId, Currency, Locale, PaymentId, Uuid};
    use tonic::transport::Endpoint;
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn refused(code: Code, reason: &str) -> Status {
        let info = ErrorDetails::with_error_info(reason, "boxoffice", []);
        Status::with_error_details(code, "", info)
    }

    #[test]
    fn r04_only_a_definite_answer_is_definite() {
        let unknown = ChargeOutcome::Unknown { payment_id: None };
        for (status, outcome) in [
            (Status::cancelled("Timeout expired"), unknown),
            (Status::deadline_exceeded(""), unknown),
            (Status::unavailable("the connection broke"), unknown),
            (Status::internal(""), unknown),
            (refused(Code::Unavailable, "UNAVAILABLE"), unknown),
            (refused(Code::Aborted, "CONTENDED"), unknown),
            (refused(Code::FailedPrecondition, "ATTEMPT_LIVE"), unknown),
            (refused(Code::FailedPrecondition, "AMOUNT_MISMATCH"), unknown),
            (refused(Code::FailedPrecondition, "PAYMENT_VOIDED"), ChargeOutcome::Voided),
            (refused(Code::ResourceExhausted, "OVERLOADED"), ChargeOutcome::NotTried),
            (refused(Code::ResourceExhausted, "PROVIDER_AWAY"), ChargeOutcome::NotTried),
            (refused(Code::InvalidArgument, "INVALID_FIELD"), ChargeOutcome::NotTried),
        ] {
            let failed = Failed { status, never_sent: false };
            assert_eq!(undecided(&failed), outcome, "{failed:?}");
        }
    }

    #[test]
    fn an_answer_says_what_became_of_the_money() {
        let payment_id = PaymentId::new(Uuid::from_u128(7));
        for (status, becomes) in [
            (pb::PaymentStatus::Approved, ChargeOutcome::Approved { payment_id }),
            (pb::PaymentStatus::Declined, ChargeOutcome::Declined { payment_id }),
            (
                pb::PaymentStatus::Processing,
                ChargeOutcome::Unknown { payment_id: Some(payment_id) },
            ),
            (pb::PaymentStatus::Unknown, ChargeOutcome::Unknown { payment_id: Some(payment_id) }),
            (pb::PaymentStatus::Refunded, ChargeOutcome::Voided),
        ] {
            let mut payment =
                pb::Payment { payment_id: payment_id.to_string(), ..Default::default() };
            payment.set_status(status);
            assert_eq!(outcome(&payment), becomes);
        }
        let nothing = outcome(&pb::Payment::default());
        assert_eq!(nothing, ChargeOutcome::Unknown { payment_id: None });
    }

    #[tokio::test]
    async fn a_charge_without_a_connection_was_not_tried() {
        // Nothing listens there, and the system says so at once.
        let channel = Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
        let bearer: ServiceBearer = Arc::new(|| Ok("Bearer x".parse().expect("ascii")));
        let client = PaymentsClient::new(channel, bearer, Batching::On);
        let charge = Charge {
            booking_id: BookingId::new(Uuid::from_u128(1)),
            attempt: 1,
            buyer_id: BuyerId::new("alice").expect("a name"),
            buyer_locale: Locale::En,
            amount: Money::from_minor(1, Currency::from_code("KRW").expect("known")),
            payment_method: "ok".into(),
        };
        assert_eq!(client.charge(&charge).await, ChargeOutcome::NotTried);
        assert!(client.refund(charge.booking_id, charge.amount).await.is_err());
    }
}
