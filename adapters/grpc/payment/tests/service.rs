//! From the wire to the use cases and back, over the memory store and a provider that approves.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use grpc_payment::{PaymentGrpc, RefundConsumer, envelope};
use grpc_server::Tasks;
use kernel::{
    Caller, Clock, Envelope, EventHandler, EventId, HandlerError, IdSource, Role, Timestamp, Uuid,
};
use memory_payment::MemorySettlementStore;
use payment::{
    ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, Guard, GuardRules, Paying,
    PaymentProvider, RefundAnswer, RefundOrder,
};
use prost::Message;
use proto::boxoffice::booking::v1::{Booking, BookingCancellationRequested};
use proto::boxoffice::payment::v1 as pb;
use proto::boxoffice::payment::v1::payment_service_server::PaymentService;
use proto::boxoffice::payment::v1::payment_verdict::Outcome;
use proto::google::r#type::Money;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

/// Tells a later time at every look, and names a later id.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.0.fetch_add(1, Ordering::SeqCst)).unwrap())
    }
}

impl IdSource for Ticking {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

/// Declines the token `declined`, never answers to `hangs`, and approves all others.
struct Till;

#[async_trait]
impl PaymentProvider for Till {
    async fn charge(&self, order: &ChargeOrder) -> ChargeAnswer {
        match order.payment_method.as_str() {
            "declined" => ChargeAnswer::Declined { reason: "card declined".to_owned() },
            "hangs" => std::future::pending().await,
            _ => ChargeAnswer::Approved { provider_ref: "ch".to_owned() },
        }
    }

    async fn query(&self, _key: ChargeKey) -> ChargeFinding {
        ChargeFinding::NotFound
    }

    async fn refund(&self, _order: &RefundOrder) -> RefundAnswer {
        RefundAnswer::Succeeded { provider_ref: "re".to_owned() }
    }
}

struct Scene {
    store: Arc<MemorySettlementStore>,
    consumer: RefundConsumer,
    grpc: PaymentGrpc,
}

fn scene() -> Scene {
    let clock = Arc::new(Ticking::default());
    let store = Arc::new(MemorySettlementStore::new(clock.clone()));
    let paying = Arc::new(Paying {
        settlements: store.clone(),
        provider: Arc::new(Till),
        guard: Guard::new(GuardRules {
            breaks: true,
            at_once_max: 256,
            slow_after: Duration::from_secs(2),
        }),
        clock,
        ids: Arc::new(Ticking::default()),
    });
    let consumer = RefundConsumer::new(paying.clone());
    Scene { store, consumer, grpc: PaymentGrpc { paying, tasks: Tasks::new() } }
}

impl Scene {
    /// The events so far, as they are published.
    fn published(&self) -> Vec<Envelope> {
        self.store.events().iter().map(envelope).collect()
    }
}

fn id(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

fn by<T>(role: Role, subject: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let subject = Some(subject.to_owned());
    request.extensions_mut().insert(Caller { subject, roles: vec![role], ..Caller::anonymous() });
    request
}

fn by_service<T>(message: T) -> Request<T> {
    by(Role::Service, "booking", message)
}

fn krw(units: i64) -> Money {
    Money { currency_code: "KRW".to_owned(), units, nanos: 0 }
}

fn charge(booking: u128, attempt: i32, payment_method: &str) -> pb::ChargePaymentRequest {
    pb::ChargePaymentRequest {
        booking_id: id(booking),
        attempt,
        buyer_id: "alice".to_owned(),
        amount: Some(krw(55_000)),
        payment_method: payment_method.to_owned(),
        buyer_locale: "ko-KR".to_owned(),
    }
}

fn cancellation(event: u128, payload: Vec<u8>) -> Envelope {
    Envelope {
        id: EventId::new(Uuid::from_u128(event)),
        event_type: "boxoffice.booking.v1.BookingCancellationRequested".to_owned(),
        source: "booking".to_owned(),
        occurred_at: Timestamp::from_micros(1),
        aggregate_type: "booking".to_owned(),
        aggregate_id: id(1),
        aggregate_version: 3,
        correlation_id: id(1),
        causation_id: None,
        traceparent: None,
        payload,
    }
}

fn of_booking(booking: u128) -> Vec<u8> {
    let booking = Some(Booking { booking_id: id(booking), ..Booking::default() });
    BookingCancellationRequested { booking, buyer_locale: "en".to_owned() }.encode_to_vec()
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

#[tokio::test]
async fn t05_a_charge_is_read_by_its_buyer_and_told_to_the_others() {
    let scene = scene();
    let charged = scene.grpc.charge_payment(by_service(charge(1, 1, "ok"))).await.unwrap();
    let charged = charged.into_inner().payment.unwrap();
    assert_eq!(charged.status(), pb::PaymentStatus::Approved);
    assert_eq!(
        (charged.amount.clone(), charged.refunded.clone()),
        (Some(krw(55_000)), Some(krw(0)))
    );

    let get = pb::GetPaymentRequest { payment_id: charged.payment_id.clone() };
    let read = scene.grpc.get_payment(by(Role::Buyer, "alice", get.clone())).await.unwrap();
    assert_eq!(read.into_inner().payment.as_ref(), Some(&charged));
    let others = scene.grpc.get_payment(by(Role::Buyer, "bob", get)).await.unwrap_err();
    assert_eq!((others.code(), reason(&others)), (Code::NotFound, "PAYMENT_NOT_FOUND".to_owned()));

    let published = scene.published();
    assert_eq!(published[0].event_type, "boxoffice.payment.v1.PaymentApproved");
    assert_eq!((&published[0].aggregate_id, published[0].aggregate_version), (&id(1), 1));
    assert_eq!(published[0].correlation_id, id(1));
    let told = pb::PaymentApproved::decode(published[0].payload.as_slice()).unwrap();
    assert_eq!((told.payment, told.buyer_id.as_str()), (Some(charged), "alice"));
    assert_eq!(told.buyer_locale, "ko");
}

#[tokio::test]
async fn a_refusal_has_its_reason_and_a_wrong_request_all_its_violations() {
    let scene = scene();
    scene.grpc.charge_payment(by_service(charge(1, 1, "ok"))).await.unwrap();
    for (request, wanted) in [
        (charge(1, 2, "ok"), "ATTEMPT_LIVE"),
        (charge(2, 2, "ok"), "ATTEMPT_OUT_OF_TURN"),
        (
            pb::ChargePaymentRequest { amount: Some(krw(1)), ..charge(1, 1, "ok") },
            "AMOUNT_MISMATCH",
        ),
    ] {
        let refused = scene.grpc.charge_payment(by_service(request)).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, wanted));
    }
    let nonsense = pb::ChargePaymentRequest {
        attempt: 0,
        amount: Some(krw(-1)),
        payment_method: "x".repeat(256),
        ..pb::ChargePaymentRequest::default()
    };
    let refused = scene.grpc.charge_payment(by_service(nonsense)).await.unwrap_err();
    let details = refused.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let mut fields: Vec<&str> = violations.iter().map(|v| v.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["amount", "attempt", "booking_id", "buyer_id", "payment_method"]);
}

#[tokio::test]
async fn only_our_servers_move_money() {
    let scene = scene();
    let buyers = by(Role::Buyer, "alice", charge(1, 1, "ok"));
    let denied = scene.grpc.charge_payment(buyers).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let refund = pb::RefundPaymentRequest { booking_id: id(1), keep: None };
    let denied = scene.grpc.refund_payment(Request::new(refund)).await.unwrap_err();
    assert_eq!(denied.code(), Code::Unauthenticated);
    assert!(scene.published().is_empty());
}

#[tokio::test]
async fn a_batch_gives_each_item_the_verdict_of_its_single_call() {
    let scene = scene();
    let requests = vec![
        charge(1, 1, "ok"),
        charge(2, 1, "declined"),
        charge(3, 2, "ok"),
        pb::ChargePaymentRequest::default(),
    ];
    let batch = pb::BatchChargePaymentsRequest { requests };
    let answer = scene.grpc.batch_charge_payments(by_service(batch)).await.unwrap().into_inner();
    let verdicts: Vec<String> = answer.verdicts.into_iter().map(verdict).collect();
    assert_eq!(verdicts, ["Approved", "Declined", "FailedPrecondition", "InvalidArgument"]);

    let requests =
        (1..=3).map(|n| pb::RefundPaymentRequest { booking_id: id(n), keep: None }).collect();
    let batch = pb::BatchRefundPaymentsRequest { requests };
    let answer = scene.grpc.batch_refund_payments(by_service(batch)).await.unwrap().into_inner();
    let verdicts: Vec<String> = answer.verdicts.into_iter().map(verdict).collect();
    assert_eq!(verdicts, ["settled", "settled", "settled"]);

    for size in [0, 257] {
        let requests = vec![pb::RefundPaymentRequest::default(); size];
        let batch = pb::BatchRefundPaymentsRequest { requests };
        let refused = scene.grpc.batch_refund_payments(by_service(batch)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{size}");
    }
}

#[tokio::test]
async fn a_charge_that_takes_its_time_keeps_no_neighbour_from_its_verdict() {
    let scene = scene();
    let charges =
        [charge(1, 1, "hangs"), charge(2, 1, "ok"), charge(3, 1, "declined"), charge(4, 2, "ok")];
    let command = |charge| pb::ChargeCommand { charge: Some(charge), ..Default::default() };
    let mut commands: Vec<_> = charges.into_iter().map(command).collect();
    commands.push(pb::ChargeCommand::default());
    let batch = pb::ChargePaymentsRequest { commands };
    let mut stream = scene.grpc.charge_payments(by_service(batch)).await.unwrap().into_inner();
    let mut verdicts = std::collections::BTreeMap::new();
    while verdicts.len() < 4 {
        for ended in stream.next().await.unwrap().unwrap().verdicts {
            assert!(verdicts.insert(ended.index, verdict(ended.verdict.unwrap())).is_none());
        }
    }
    let expected = ["Approved", "Declined", "FailedPrecondition", "InvalidArgument"];
    assert_eq!(verdicts.into_values().collect::<Vec<_>>(), expected);
    assert_eq!(stream.next().now_or_never().map(drop), None, "the last one is not given up");

    for size in [0, 257] {
        let commands = vec![pb::ChargeCommand::default(); size];
        let batch = pb::ChargePaymentsRequest { commands };
        let refused = scene.grpc.charge_payments(by_service(batch)).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument, "{size}");
    }
    let batch = by(Role::Buyer, "alice", pb::ChargePaymentsRequest::default());
    let denied = scene.grpc.charge_payments(batch).await.err().unwrap();
    assert_eq!(denied.code(), Code::PermissionDenied);
}

fn verdict(verdict: pb::PaymentVerdict) -> String {
    match verdict.outcome.unwrap() {
        Outcome::Charge(charged) => format!("{:?}", charged.payment.unwrap().status()),
        Outcome::Refund(refunded) => if refunded.settled { "settled" } else { "open" }.to_owned(),
        Outcome::Refusal(status) => {
            assert!(!status.details.is_empty(), "a refusal says why");
            format!("{:?}", Code::from(status.code))
        }
    }
}

#[tokio::test]
async fn t10_a_cancelled_bookings_money_goes_back_once() {
    let scene = scene();
    scene.grpc.charge_payment(by_service(charge(1, 1, "ok"))).await.unwrap();
    for _ in 0..2 {
        assert_eq!(scene.consumer.handle(&cancellation(900, of_booking(1))).await, Ok(()));
    }
    assert_eq!(scene.grpc.paying.sweep(10).await, Ok(1));
    assert_eq!(scene.grpc.paying.sweep(10).await, Ok(0));
    let published = scene.published();
    let names: Vec<&str> = published.iter().map(Envelope::name).collect();
    assert_eq!(names, ["PaymentApproved", "RefundSucceeded"]);
    let told = pb::RefundSucceeded::decode(published[1].payload.as_slice()).unwrap();
    assert!(told.settled);
    assert_eq!(told.refund.unwrap().status(), pb::RefundStatus::Succeeded);
    let payment = told.payment.unwrap();
    assert_eq!(payment.status(), pb::PaymentStatus::Refunded);
    assert_eq!(payment.refunded, Some(krw(55_000)));
}

#[tokio::test]
async fn a_cancellation_before_any_charge_voids_and_says_so() {
    let scene = scene();
    assert_eq!(scene.consumer.handle(&cancellation(900, of_booking(1))).await, Ok(()));
    let published = scene.published();
    assert_eq!(published[0].name(), "PaymentVoided");
    assert_eq!(published[0].causation_id, Some(id(900)));
    let told = pb::PaymentVoided::decode(published[0].payload.as_slice()).unwrap();
    assert_eq!(told.booking_id, id(1));
    let late = scene.grpc.charge_payment(by_service(charge(1, 1, "ok"))).await.unwrap_err();
    assert_eq!(reason(&late), "PAYMENT_VOIDED");
}

#[tokio::test]
async fn r18_what_cannot_be_read_is_poison_and_can_be_parked() {
    let scene = scene();
    let nobody = BookingCancellationRequested::default().encode_to_vec();
    for payload in [vec![0xff], nobody] {
        let message = cancellation(900, payload);
        let handled = scene.consumer.handle(&message).await;
        assert!(matches!(handled, Err(HandlerError::Poison(_))), "{handled:?}");
        assert_eq!(scene.consumer.park(&message, "unreadable").await, Ok(()));
    }
    assert_eq!(scene.store.parked().len(), 1);
}

#[tokio::test]
async fn a_page_token_continues_only_its_own_list() {
    let scene = scene();
    for n in 1..=3 {
        scene.grpc.charge_payment(by_service(charge(n, 1, "ok"))).await.unwrap();
    }
    let mut list = pb::ListPaymentsRequest { page_size: 2, ..Default::default() };
    let ask = async |list: &pb::ListPaymentsRequest| {
        let request = by(Role::Buyer, "alice", list.clone());
        scene.grpc.list_payments(request).await.map(tonic::Response::into_inner)
    };
    let first = ask(&list).await.unwrap();
    list.page_token = first.next_page_token;
    let second = ask(&list).await.unwrap();
    let bookings = first.payments.iter().chain(&second.payments).map(|p| p.booking_id.clone());
    assert_eq!(bookings.collect::<Vec<_>>(), [id(3), id(2), id(1)]);
    assert!(second.next_page_token.is_empty());
    list.booking_id = id(1);
    assert_eq!(ask(&list).await.unwrap_err().code(), Code::InvalidArgument);
}
