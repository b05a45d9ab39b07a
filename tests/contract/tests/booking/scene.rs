//! A store and, where there are tables, its database; the clock; bookings and changes to write.

use std::sync::Arc;
use std::time::Duration;

use booking::{
    AwaitReason, Booked, Booking, BookingChange, BookingEvent, BookingStore, CancelReason,
    CancelTerms, ExpiryReason, Happening, Hold, Lease, MoneyBack, NewBooking, REASON_CHARS_MAX,
    REFUSAL_BYTES_MAX, Refusal, RejectReason, Release, Sale, Stage, State, StockBack,
    TicketSnapshot, Timer, Wake,
};
use contract::{Engine, Fresh};
use kernel::{
    BookingId, BuyerId, Cause, Clock, Committed, Currency, Envelope, EventId, Locale, Money,
    OrganizerId, PaymentId, Quantity, Recorded, ReplyChange, ReplyKey, TicketId, Timestamp, Uuid,
};
use memory_booking::MemoryBookingStore;
use sea_orm_booking::{SeaOrmBookingStore, migrations};
use sea_orm_database::Batching;

pub(crate) struct Scene {
    pub(crate) store: Arc<dyn BookingStore>,
    pub(crate) memory: Option<Arc<MemoryBookingStore>>,
    pub(crate) database: Option<Fresh>,
}

/// The database has its own time, so the memory store gets a real one too.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "stands for the database's own clock")]
    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap())
    }
}

pub(crate) async fn memory() -> Scene {
    let memory = Arc::new(MemoryBookingStore::new(Arc::new(SystemClock)));
    Scene { store: memory.clone(), memory: Some(memory), database: None }
}

pub(crate) async fn over(engine: Engine) -> Scene {
    let fresh = Fresh::new(engine, migrations()).await;
    Scene {
        store: Arc::new(SeaOrmBookingStore::new(fresh.db.clone(), envelope, Batching::On)),
        memory: None,
        database: Some(fresh),
    }
}

pub(crate) fn envelope(recorded: &Recorded<BookingEvent>) -> Envelope {
    message(recorded.id, recorded.event.booking.id, recorded.version)
}

pub(crate) fn message(id: EventId, booking_id: BookingId, aggregate_version: i64) -> Envelope {
    Envelope {
        id,
        event_type: "boxoffice.booking.v1.BookingPlaced".to_owned(),
        source: "booking".to_owned(),
        occurred_at: at(1),
        aggregate_type: "booking".to_owned(),
        aggregate_id: booking_id.to_string(),
        aggregate_version,
        correlation_id: booking_id.to_string(),
        causation_id: None,
        traceparent: None,
        payload: Vec::new(),
    }
}

pub(crate) fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(crate) fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(crate) fn placed(n: u128) -> Booking {
    let new = NewBooking {
        id: BookingId::new(id(n)),
        ticket: TicketSnapshot {
            id: TicketId::new(id(1_000_000)),
            name: "Recital \u{1f3b9}".to_owned(),
            organizer_id: OrganizerId::new("acme").unwrap(),
        },
        buyer_id: BuyerId::new("alice").unwrap(),
        buyer_locale: Locale::Ko,
        booked: Booked::Units(Quantity::new(3).unwrap()),
        quote: won(165_000),
        price_agreed: false,
        payment_method: "tok".to_owned(),
        cancel_terms: CancelTerms::default(),
        pay_first: None,
    };
    Booking::place(new, at(1_000))
}

/// The next commit of a booking, which tells something.
pub(crate) fn commit_of(mut booking: Booking) -> BookingChange {
    let expected_revision = booking.revision;
    booking.revision += 1;
    booking.event_version += 1;
    let event = Recorded {
        id: EventId::new(id(booking.id.as_uuid().as_u128() * 1_000 + booking.revision as u128)),
        at: at(2_000),
        version: booking.event_version,
        correlation_id: booking.id.to_string(),
        causation_id: None,
        event: BookingEvent { what: Happening::Placed, booking: Box::new(booking.clone()) },
    };
    BookingChange {
        booking,
        expected_revision,
        timer: Timer { wake: Wake::After(Duration::ZERO), tries: 0, lease: None },
        events: vec![event],
        caused_by: None,
        reply: ReplyChange::None,
        by_operator: None,
    }
}

pub(crate) async fn commit(scene: &Scene, change: BookingChange) -> Booking {
    let booking = change.booking.clone();
    assert_eq!(scene.store.commit(change).await.unwrap(), Committed::Done);
    booking
}

pub(crate) fn states() -> Vec<State> {
    let paid = PaymentId::new(id(77));
    let mut states = Vec::new();
    for unclear in [false, true] {
        for stage in [
            Stage::Holding { price_agreed: false },
            Stage::Holding { price_agreed: true },
            Stage::Pinning { pay_by: at(5), after: AwaitReason::PaymentDeclined },
            Stage::Pinning { pay_by: at(5), after: AwaitReason::PaymentUnavailable },
            Stage::Checking { pay_by: at(5), price_agreed: false, after: None },
            Stage::Checking {
                pay_by: at(5),
                price_agreed: true,
                after: Some(AwaitReason::PaymentUnavailable),
            },
            Stage::Charging { pay_by: at(5), fresh: true },
            Stage::Charging { pay_by: at(5), fresh: false },
            Stage::Committing { payment_id: paid },
            Stage::ChargingFirst { pay_by: at(5) },
            Stage::Allocating { payment_id: paid },
        ] {
            states.push(State::Pending { stage, unclear });
        }
    }
    for hold in [Hold::UnpinDue, Hold::Unpinned, Hold::NotTaken] {
        let of =
            |reason: &AwaitReason| State::AwaitingPayment { pay_by: at(5), reason: *reason, hold };
        states.extend(AwaitReason::ALL.iter().map(of));
    }
    for sale in [Sale::CommitDue, Sale::Committed] {
        states.push(State::Confirmed { payment_id: paid, sale });
    }
    for reason in CancelReason::ALL.iter().copied() {
        states.push(State::Cancelled { reason });
        for money in [MoneyBack::NotTaken, MoneyBack::Waiting, MoneyBack::Stuck, MoneyBack::Settled]
        {
            for stock in [StockBack::Waiting, StockBack::Returned] {
                states.push(State::Cancelling { reason, money, stock });
            }
        }
    }
    for stock in [Release::Due, Release::Done] {
        states.extend(refusals().into_iter().map(|refusal| State::Rejected { refusal, stock }));
        states.extend(
            ExpiryReason::ALL.iter().map(|reason| State::Expired { reason: *reason, stock }),
        );
    }
    states
}

/// Ours, and one in the words of who refused, which are no text.
fn refusals() -> Vec<Refusal> {
    let ours = RejectReason::ALL.iter().map(|reason| Refusal::from(*reason));
    let words: Vec<u8> = (0..=255).cycle().take(REFUSAL_BYTES_MAX).collect();
    ours.chain(Refusal::passed_on(&"X".repeat(REASON_CHARS_MAX), &words)).collect()
}

pub(crate) fn paid_with(state: &State) -> Option<PaymentId> {
    match state {
        State::Confirmed { payment_id, .. }
        | State::Pending {
            stage: Stage::Committing { payment_id } | Stage::Allocating { payment_id },
            ..
        } => Some(*payment_id),
        State::Pending { .. }
        | State::AwaitingPayment { .. }
        | State::Cancelling { .. }
        | State::Cancelled { .. }
        | State::Rejected { .. }
        | State::Expired { .. } => None,
    }
}

pub(crate) fn cause(n: u128) -> Cause {
    Cause { consumer: "booking.process", event_id: EventId::new(id(n)) }
}

pub(crate) fn key(name: &str, fingerprint: u8) -> ReplyKey {
    let scope = "BookingService/CreateBooking alice".to_owned();
    ReplyKey { scope, key: name.to_owned(), fingerprint: vec![fingerprint] }
}

pub(crate) fn lease(owner: &str, lasts: Duration) -> Lease {
    Lease { owner: owner.to_owned(), lasts }
}

pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Rows of a table, where there are tables.
pub(crate) async fn rows(scene: &Scene, table: &str) -> Option<i64> {
    let database = scene.database.as_ref()?;
    Some(database.value(&format!("SELECT COUNT(*) FROM {table}")).await)
}
