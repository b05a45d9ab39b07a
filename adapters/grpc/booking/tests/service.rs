//! The booking service over use cases in memory: deadlines, refusals and their replay, wrong fields.
#![expect(clippy::expect_used, reason = "a test that cannot set up its scene has failed")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use booking::{
    Booked, BookedFields, Bookings, Charge, ChargeOutcome, ChargesHeard, HoldView, Offer, Payments,
    RefundProgress, Refusal, RejectReason, StockAsk, StockDenied, StockFault, TicketTerms, Tickets,
    Unanswered,
};
use grpc_booking::{BookingGrpc, Rests, Turnstile, encode_refusal, encode_reply};
use grpc_server::Tasks;
use in_process_gather::Batching;
use kernel::{
    BookingId, Caller, Clock, Currency, IdSource, Money, OrganizerId, PaymentId, Role, TicketId,
    Timestamp, Uuid,
};
use memory_booking::MemoryBookingStore;
use proto::boxoffice::booking::v1 as pb;
use proto::boxoffice::booking::v1::booking_service_server::BookingService;
use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetails, StatusExt};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000)
    }
}

#[derive(Default)]
struct Counted(AtomicU64);

impl IdSource for Counted {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}

/// Both neighbours: stock is there or not, and the charge takes its time.
struct Neighbours {
    stock: Mutex<Result<(), StockDenied>>,
    /// Whether the ticket itself says that it is sold out, where it is.
    tells_sold_out: bool,
    terms_take: Duration,
    charge_takes: Duration,
}

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").expect("known"))
}

#[async_trait]
impl Tickets for Neighbours {
    async fn terms(&self, id: TicketId) -> Result<Option<TicketTerms>, Unanswered> {
        tokio::time::sleep(self.terms_take).await;
        let known = id == TicketId::new(Uuid::from_u128(42));
        let sold_out = *self.stock.lock().expect("whole") == Err(denied(RejectReason::SoldOut));
        Ok(known.then(|| TicketTerms {
            name: "Recital".into(),
            organizer_id: OrganizerId::new("acme").expect("a name"),
            unit_price: won(1_000),
            one_price: true,
            offer: Offer::OnSale,
            sale_starts_at: None,
            sale_ends_at: None,
            max_per_buyer: None,
            sold_out: self.tells_sold_out && sold_out,
            pay_first: None,
            cancel_policy: None,
        }))
    }

    /// Chooses the seats B1, B2 … for a quantity.
    async fn ask(&self, ask: StockAsk) -> Result<Option<HoldView>, StockFault> {
        self.stock.lock().expect("whole").clone().map_err(StockFault::Refused)?;
        let booked = match ask {
            StockAsk::Hold(order) => match order.booked {
                Booked::Units(count) => {
                    let seats = (1..=count.get()).map(|number| format!("B{number}")).collect();
                    Booked::read(BookedFields { seats, ..BookedFields::default() }).ok()
                }
                as_asked @ (Booked::Seats(_) | Booked::Nights { .. }) => Some(as_asked),
            },
            StockAsk::Pin(_)
            | StockAsk::Unpin(_)
            | StockAsk::Commit(_)
            | StockAsk::Release(_)
            | StockAsk::Return(_)
            | StockAsk::Reduce(..) => None,
        };
        let expires_at = Still.now().plus(Duration::from_secs(600));
        Ok(Some(HoldView { booked, total: won(3_000), expires_at, keeps_stock: true }))
    }
}

#[async_trait]
impl Payments for Neighbours {
    async fn charge(&self, _charge: &Charge) -> ChargeOutcome {
        tokio::time::sleep(self.charge_takes).await;
        ChargeOutcome::Approved { payment_id: PaymentId::new(Uuid::from_u128(7)) }
    }

    async fn refund(&self, _id: BookingId, _keep: Money) -> Result<RefundProgress, Unanswered> {
        Err(Unanswered("not asked here".into()))
    }

    async fn reduce(&self, _id: BookingId, _keep: Money) -> Result<RefundProgress, Unanswered> {
        Err(Unanswered("not asked here".into()))
    }
}

/// A refusal without words, as of a server that keeps none.
fn denied(reason: RejectReason) -> StockDenied {
    let total = (reason == RejectReason::PriceMismatch).then(|| won(9_000));
    StockDenied::Unsaleable { refusal: reason.into(), total }
}

fn service(stock: Result<(), StockDenied>, charge_takes: Duration) -> BookingGrpc {
    let stock = Mutex::new(stock);
    beside(
        Arc::new(Neighbours {
            stock,
            tells_sold_out: false,
            terms_take: Duration::ZERO,
            charge_takes,
        }),
        256,
    )
}

/// With so many bookings at once.
fn beside(neighbours: Arc<Neighbours>, at_once: usize) -> BookingGrpc {
    let bookings = Arc::new(Bookings {
        store: Arc::new(MemoryBookingStore::new(Arc::new(Still))),
        tickets: neighbours.clone(),
        payments: neighbours,
        clock: Arc::new(Still),
        ids: Arc::new(Counted::default()),
        owner: "server".into(),
        encode_reply,
        encode_refusal,
        charges_heard: ChargesHeard::default(),
    });
    let tasks = Tasks::new();
    let rests = Rests::new(bookings.clone(), Batching::On, tasks.clone());
    BookingGrpc { bookings, tasks, turnstile: Turnstile::new(at_once), rests }
}

fn from<T>(subject: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let roles = vec![Role::Buyer];
    let caller = Caller { subject: Some(subject.into()), roles, ..Caller::default() };
    request.extensions_mut().insert(caller);
    request
}

fn create() -> pb::CreateBookingRequest {
    pb::CreateBookingRequest {
        ticket_id: Uuid::from_u128(42).to_string(),
        quantity: 3,
        ..Default::default()
    }
}

fn with_key<T>(mut request: Request<T>) -> Request<T> {
    request.metadata_mut().insert("idempotency-key", "k".parse().expect("ascii"));
    request
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().expect("there").reason
}

#[tokio::test(start_paused = true)]
async fn t05_the_call_answers_with_the_outcome() {
    let service = service(Ok(()), Duration::from_secs(3));
    let answer = service.create_booking(from("alice", create())).await.expect("booked");
    let booking = answer.into_inner().booking.expect("there");
    assert_eq!(booking.status(), pb::BookingStatus::Confirmed);
    assert_eq!(booking.total.expect("there").units, 3_000);
    let get = pb::GetBookingRequest { booking_id: booking.booking_id };
    let read = service.get_booking(from("alice", get.clone())).await.expect("there").into_inner();
    assert_eq!(read.booking.expect("there").status(), pb::BookingStatus::Confirmed);
    let other = service.get_booking(from("bob", get)).await.expect_err("not told");
    assert_eq!((other.code(), reason(&other).as_str()), (Code::NotFound, "BOOKING_NOT_FOUND"));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_place_takes_little_room() {
    let service = service(Ok(()), Duration::ZERO);
    let call = service.create_booking(from("alice", create()));
    assert!(std::mem::size_of_val(&*call) < 2_048, "thousands wait in a crowd");
}

#[tokio::test(start_paused = true)]
async fn an_undecided_booking_is_answered_near_the_deadline_and_goes_on() {
    let service = service(Ok(()), Duration::from_secs(5));
    let mut request = with_key(from("alice", create()));
    request.set_timeout(Duration::from_secs(2));
    let begun = tokio::time::Instant::now();
    let answer = service.create_booking(request).await.expect("no error").into_inner();
    assert!(begun.elapsed() < Duration::from_secs(2));
    let booking = answer.booking.expect("there");
    assert_eq!(booking.status(), pb::BookingStatus::Pending);
    let again = service.create_booking(with_key(from("alice", create()))).await;
    assert_eq!(reason(&again.expect_err("running")), "IDEMPOTENCY_KEY_IN_USE");
    assert!(service.tasks.close_and_wait(Duration::from_secs(9)).await);
    let get = pb::GetBookingRequest { booking_id: booking.booking_id };
    let read = service.get_booking(from("alice", get)).await.expect("there").into_inner();
    assert_eq!(read.booking.expect("there").status(), pb::BookingStatus::Confirmed);
    let mut replay = from("alice", create());
    replay = with_key(replay);
    let replay = service.create_booking(replay).await.expect("replayed");
    assert_eq!(replay.metadata().get("idempotency-replayed").expect("set"), "true");
    let replayed = replay.into_inner().booking.expect("there");
    assert_eq!(replayed.status(), pb::BookingStatus::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn a06_a_caller_that_leaves_while_its_booking_is_placed_leaves_it_to_no_sweep() {
    let (terms_take, charge_takes) = (Duration::from_secs(2), Duration::from_secs(1));
    let stock = Mutex::new(Ok(()));
    let neighbours = Neighbours { stock, tells_sold_out: false, terms_take, charge_takes };
    let service = beside(Arc::new(neighbours), 256);
    let leaves = tokio::time::timeout(
        Duration::from_secs(1),
        service.create_booking(from("alice", create())),
    );
    assert!(leaves.await.is_err());
    tokio::time::sleep(terms_take + charge_takes).await;
    let list = service.list_bookings(from("alice", pb::ListBookingsRequest::default())).await;
    let listed = list.expect("listed").into_inner().bookings;
    let statuses: Vec<_> = listed.iter().map(pb::Booking::status).collect();
    assert_eq!(statuses, [pb::BookingStatus::Confirmed], "long before its lease is over");
}

#[tokio::test(start_paused = true)]
async fn a_booking_keeps_its_place_while_it_goes_on_without_its_caller() {
    let (stock, charge_takes) = (Mutex::new(Ok(())), Duration::from_secs(5));
    let service = beside(
        Arc::new(Neighbours {
            stock,
            tells_sold_out: false,
            terms_take: Duration::ZERO,
            charge_takes,
        }),
        1,
    );
    let alone = service.create_booking(from("alice", create()));
    let gone = tokio::time::timeout(Duration::from_secs(1), alone).await;
    assert!(gone.is_err(), "its caller goes away");
    let refused = service.create_booking(from("bob", create())).await.expect_err("no place");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    assert!(refused.get_details_retry_info().is_some_and(|advice| advice.retry_delay.is_some()));
    assert_eq!(service.tasks.running(), 1, "who waits is no task");
    // Until it has ended: this neighbour never says that it waits for a provider.
    tokio::time::sleep(charge_takes).await;
    assert_eq!(service.tasks.running(), 0);
    let answer = service.create_booking(from("bob", create())).await.expect("booked").into_inner();
    let booking = answer.booking.expect("there");
    assert_eq!(booking.status(), pb::BookingStatus::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn i6_a_refused_booking_is_the_same_error_again() {
    for (refusal, name) in [
        (RejectReason::SoldOut, "SOLD_OUT"),
        (RejectReason::PriceMismatch, "PRICE_MISMATCH"),
        (RejectReason::LimitPerBuyer, "LIMIT_PER_BUYER"),
    ] {
        let service = service(Err(denied(refusal)), Duration::ZERO);
        let mut errors = Vec::new();
        for _ in 0..2 {
            let refused = service.create_booking(with_key(from("alice", create()))).await;
            errors.push(refused.expect_err("refused"));
        }
        for error in &errors {
            assert_eq!((error.code(), reason(error).as_str()), (Code::FailedPrecondition, name));
            let facts = error.get_details_error_info().expect("there").metadata;
            assert!(facts.contains_key("booking_id"));
            let quoted = facts.get("total_units").map(String::as_str);
            assert_eq!(quoted, (name == "PRICE_MISMATCH").then_some("9000"), "R01");
        }
        let replayed = |error: &Status| error.metadata().get("idempotency-replayed").is_some();
        assert_eq!((replayed(&errors[0]), replayed(&errors[1])), (false, true));
        let list = service.list_bookings(from("alice", pb::ListBookingsRequest::default())).await;
        assert_eq!(list.expect("listed").into_inner().bookings.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a04_i6_what_is_known_to_be_sold_out_leaves_no_booking_and_is_the_same_error_again() {
    let neighbours = Arc::new(Neighbours {
        stock: Mutex::new(Err(denied(RejectReason::SoldOut))),
        tells_sold_out: true,
        terms_take: Duration::ZERO,
        charge_takes: Duration::ZERO,
    });
    let service = beside(neighbours.clone(), 256);
    let mut errors = Vec::new();
    for request in [from("alice", create()), with_key(from("alice", create()))] {
        errors.push(service.create_booking(request).await.expect_err("refused"));
    }
    let list = service.list_bookings(from("alice", pb::ListBookingsRequest::default())).await;
    assert_eq!(list.expect("listed").into_inner().bookings, []);
    *neighbours.stock.lock().expect("whole") = Ok(());
    let again = service.create_booking(with_key(from("alice", create()))).await;
    errors.push(again.expect_err("refused, although stock is back"));
    for error in &errors {
        assert_eq!((error.code(), reason(error).as_str()), (Code::FailedPrecondition, "SOLD_OUT"));
        let facts = error.get_details_error_info().expect("there").metadata;
        assert!(facts.is_empty(), "there is no booking to name: {facts:?}");
        assert_eq!((error.message(), error.details()), (errors[0].message(), errors[0].details()));
    }
    let replayed = |error: &Status| error.metadata().get("idempotency-replayed").is_some();
    assert_eq!(errors.iter().map(replayed).collect::<Vec<_>>(), [false, false, true]);
    let other = pb::CreateBookingRequest { quantity: 2, ..create() };
    let other = service.create_booking(with_key(from("alice", other))).await;
    assert_eq!(reason(&other.expect_err("another request")), "IDEMPOTENCY_KEY_REUSED");
    service.create_booking(from("alice", create())).await.expect("booked");
}

/// What the ticket context said, whatever its name, is what the buyer hears, now and again.
#[tokio::test(start_paused = true)]
async fn i6_a_refusal_is_passed_on_with_its_facts_and_violations() {
    let facts = |facts: &[(&str, &str)]| -> HashMap<String, String> {
        facts.iter().map(|(name, fact)| ((*name).to_owned(), (*fact).to_owned())).collect()
    };
    let mut wrong = ErrorDetails::with_error_info("INVALID_FIELD", "boxoffice", facts(&[]));
    wrong.add_bad_request_violation("seats", "are only for kind SEATED");
    wrong.add_bad_request_violation("quantity", "must be given");
    let rule = facts(&[("rule", "MIN_NIGHTS"), ("min_nights", "2")]);
    let stay = ErrorDetails::with_error_info("STAY_NOT_ALLOWED", "boxoffice", rule);
    for (code, details, name, violations) in [
        (Code::InvalidArgument, wrong, "INVALID_FIELD", vec!["seats", "quantity"]),
        (Code::FailedPrecondition, stay, "STAY_NOT_ALLOWED", vec![]),
    ] {
        let said = Status::with_error_details(code, "two nights at least", details);
        let refusal = Refusal::passed_on(name, said.details()).expect("can be kept");
        let denied = StockDenied::Unsaleable { refusal, total: None };
        let service = service(Err(denied), Duration::ZERO);
        for replayed in [false, true] {
            let refused = service.create_booking(with_key(from("alice", create()))).await;
            let error = refused.expect_err("refused");
            assert_eq!((error.code(), reason(&error).as_str()), (code, name));
            assert_eq!(error.message(), "two nights at least");
            let details = error.get_error_details();
            let facts = &details.error_info().expect("there").metadata;
            assert!(facts.contains_key("booking_id"), "{facts:?}");
            let nights = facts.get("min_nights").map(String::as_str);
            assert_eq!(nights, (name == "STAY_NOT_ALLOWED").then_some("2"));
            let wrong = details.bad_request().map(|it| it.field_violations.clone());
            let fields: Vec<_> = wrong.iter().flatten().map(|it| it.field.as_str()).collect();
            assert_eq!(fields, violations);
            assert_eq!(error.metadata().get("idempotency-replayed").is_some(), replayed);
        }
        let list = service.list_bookings(from("alice", pb::ListBookingsRequest::default())).await;
        let bookings = list.expect("listed").into_inner().bookings;
        assert_eq!(bookings.len(), 1, "one booking, and it is not left PENDING");
        assert_eq!(bookings[0].status(), pb::BookingStatus::Rejected);
        assert_eq!(bookings[0].status_reason, name);
    }
}

fn date(year: i32, month: i32, day: i32) -> Option<proto::google::r#type::Date> {
    Some(proto::google::r#type::Date { year, month, day })
}

#[tokio::test(start_paused = true)]
async fn a01_r31_seats_and_nights_are_answered_as_they_are_held() {
    let service = service(Ok(()), Duration::ZERO);
    let seats = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let nights = pb::CreateBookingRequest {
        quantity: 2,
        check_in: date(2024, 12, 30),
        check_out: date(2025, 1, 2),
        ..create()
    };
    let named = pb::CreateBookingRequest { quantity: 0, seats: seats(&["A2", "A1"]), ..create() };
    for (request, quantity, held) in [
        (create(), 3, seats(&["B1", "B2", "B3"])),
        (named.clone(), 2, seats(&["A2", "A1"])),
        (nights.clone(), 2, vec![]),
    ] {
        let answer = service.create_booking(from("alice", request.clone())).await;
        let booking = answer.expect("booked").into_inner().booking.expect("there");
        assert_eq!((booking.quantity, &booking.seats), (quantity, &held));
        let dates = (&booking.check_in, &booking.check_out);
        assert_eq!(dates, (&request.check_in, &request.check_out));
        let get = pb::GetBookingRequest { booking_id: booking.booking_id.clone() };
        let read = service.get_booking(from("alice", get)).await.expect("there").into_inner();
        // Its hold is sold after the answer, and moves its revision.
        let etag = booking.etag.clone();
        assert_eq!(read.booking.map(|read| pb::Booking { etag, ..read }), Some(booking));
    }
    // I6: the key is that of the whole request.
    service.create_booking(with_key(from("alice", nights.clone()))).await.expect("booked");
    let later = pb::CreateBookingRequest { check_out: date(2025, 1, 3), ..nights };
    for other in [later, named] {
        let other = service.create_booking(with_key(from("alice", other))).await;
        assert_eq!(reason(&other.expect_err("another request")), "IDEMPOTENCY_KEY_REUSED");
    }
}

#[tokio::test]
async fn every_wrong_field_is_told_at_once_and_nothing_is_booked() {
    let service = service(Ok(()), Duration::ZERO);
    let wrong = pb::CreateBookingRequest {
        ticket_id: "x".into(),
        quantity: 3,
        seats: vec!["A1".into(), "A1".into()],
        check_in: date(2026, 2, 29),
        expected_total: Some(proto::google::r#type::Money {
            currency_code: "KRW".into(),
            units: -1,
            nanos: 0,
        }),
        payment_method: "a\u{7}".into(),
        ..Default::default()
    };
    let status = service.create_booking(from("alice", wrong)).await.expect_err("refused");
    let violations = status.get_details_bad_request().expect("there").field_violations;
    let fields: Vec<_> = violations.iter().map(|it| it.field.as_str()).collect();
    let expected = [
        "ticket_id",
        "seats",
        "check_in",
        "check_out",
        "seats[1]",
        "quantity",
        "expected_total",
        "payment_method",
    ];
    assert_eq!(fields, expected);
    let crowd = (0..=booking::SEATS_MAX).map(|number| format!("A{number}")).collect();
    let crowd = pb::CreateBookingRequest { quantity: 0, seats: crowd, ..create() };
    let status = service.create_booking(from("alice", crowd)).await.expect_err("refused");
    assert_eq!(reason(&status), "INVALID_FIELD");
    let unknown =
        pb::CreateBookingRequest { ticket_id: Uuid::from_u128(9).to_string(), ..create() };
    let status = service.create_booking(from("alice", unknown)).await.expect_err("refused");
    assert_eq!(reason(&status), "TICKET_NOT_FOUND");
    let status = service.create_booking(Request::new(create())).await.expect_err("refused");
    assert_eq!(status.code(), Code::Unauthenticated);
    let list = service.list_bookings(from("alice", pb::ListBookingsRequest::default())).await;
    assert_eq!(list.expect("listed").into_inner().bookings, []);
}

#[tokio::test(start_paused = true)]
async fn t09_a_cancel_twice_gives_the_same_result() {
    let service = service(Ok(()), Duration::ZERO);
    let answer = service.create_booking(from("alice", create())).await.expect("booked");
    let booking_id = answer.into_inner().booking.expect("there").booking_id;
    let pay = pb::PayBookingRequest { booking_id: booking_id.clone(), ..Default::default() };
    let status = service.pay_booking(from("alice", pay)).await.expect_err("paid already");
    assert_eq!(reason(&status), "NOT_PAYABLE");
    let cancel = pb::CancelBookingRequest { booking_id, quantity: None };
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = service.cancel_booking(from("alice", cancel.clone())).await;
        answers.push(answer.expect("cancelled").into_inner());
    }
    assert_eq!(answers[0], answers[1]);
    let booking = answers[0].booking.as_ref().expect("there");
    assert_eq!(booking.status(), pb::BookingStatus::Cancelling);
    assert_eq!(booking.status_reason, "BUYER_CANCELLED");
}

#[tokio::test(start_paused = true)]
async fn t12_only_a_ticket_of_its_organizer_has_bookings_that_settle() {
    let service = service(Ok(()), Duration::ZERO);
    service.create_booking(from("alice", create())).await.expect("booked");
    let ask = |organizer: &str, ticket: u128| {
        let ticket_id = Uuid::from_u128(ticket).to_string();
        let mut request = Request::new(pb::GetRetirementProgressRequest { ticket_id });
        let (roles, organizer_id) = (vec![Role::Organizer], OrganizerId::new(organizer).ok());
        let subject = Some("somebody".into());
        let caller = Caller { subject, roles, organizer_id, ..Caller::default() };
        request.extensions_mut().insert(caller);
        service.get_retirement_progress(request)
    };
    let told = ask("acme", 42).await.expect("hers").into_inner().progress.expect("there");
    assert_eq!((told.open_bookings, told.settled), (1, false));
    for (organizer, ticket) in [("acme", 43), ("globex", 42)] {
        let refused = ask(organizer, ticket).await.expect_err("nothing is known of it");
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::NotFound, "TICKET_NOT_FOUND")
        );
    }
}
