//! What operators see of bookings, and what is kept of what they change.

use std::time::Duration;

use booking::{
    AwaitReason, Booking, BookingChange, CancelReason, Hold, Lease, MoneyBack, Release, Sale,
    Stage, State, StockBack, Timer,
};
use kernel::{BookingId, Clock, Committed, Instruction, OperatorEntry};
use sea_orm_booking::{OpenBooking, OpenBookings};
use sea_orm_database::LoggedEntry;

use crate::scene::{LONG, Scene, SystemClock, at, commit, commit_of, id, paid_with, placed};

/// Who changed what, and why, as the store tells it.
async fn operator_log(scene: &Scene) -> Vec<[String; 5]> {
    if let Some(memory) = &scene.memory {
        let told = |entry: OperatorEntry| {
            let (operator, reason) = (entry.instruction.operator(), entry.instruction.reason());
            [operator, entry.command, &entry.subject_id, reason, entry.outcome].map(str::to_owned)
        };
        return memory.operator_log().into_iter().map(told).collect();
    }
    let logged = scene.database.as_ref().unwrap().db.operator_log(10).await.unwrap();
    let told = |entry: LoggedEntry| {
        [entry.operator, entry.command, entry.subject_id, entry.reason, entry.outcome]
    };
    logged.into_iter().map(told).collect()
}

pub(crate) async fn an_operators_word_is_kept_with_the_change_or_not_at_all(scene: &Scene) {
    let first = commit(scene, commit_of(placed(1))).await;
    assert_eq!(operator_log(scene).await, Vec::<[String; 5]>::new());
    let word = Instruction::new("kim", "the buyer called").unwrap();
    let by_operator = Some(word.entry("sagas retry", first.id, "DUE"));
    // A retry tells nothing: the entry stands alone beside the row.
    let retried = BookingChange { events: Vec::new(), by_operator, ..commit_of(first.clone()) };
    assert_eq!(scene.store.commit(retried.clone()).await.unwrap(), Committed::Done);
    assert_eq!(scene.store.commit(retried).await.unwrap(), Committed::Stale, "nothing is kept");
    let kept = ["kim", "sagas retry", &first.id.to_string(), "the buyer called", "DUE"];
    assert_eq!(operator_log(scene).await, [kept.map(str::to_owned)]);
}

pub(crate) async fn open_bookings_are_listed_the_longest_unmoved_first(scene: &Scene) {
    let database = scene.database.as_ref().unwrap();
    let open = OpenBookings::new(database.db.clone());
    let now = SystemClock.now();
    let reason = AwaitReason::PaymentDeclined;
    let awaiting = |pay_by, hold| State::AwaitingPayment { pay_by, reason, hold };
    let cancelling = State::Cancelling {
        reason: CancelReason::OperatorCancelled,
        money: MoneyBack::Stuck,
        stock: StockBack::Returned,
    };
    let confirmed = |sale| State::Confirmed { payment_id: kernel::PaymentId::new(id(77)), sale };
    let charging = Stage::Charging { pay_by: at(5), fresh: true };
    let states = [
        (State::Pending { stage: charging, unclear: true }, Some("CHARGING_FRESH")),
        (awaiting(now.plus(LONG), Hold::Unpinned), None),
        (awaiting(now.plus(LONG), Hold::UnpinDue), Some("UNPIN_DUE")),
        (awaiting(at(5), Hold::Unpinned), Some("UNPINNED")),
        (confirmed(Sale::CommitDue), Some("COMMIT_DUE")),
        (confirmed(Sale::Committed), None),
        (cancelling, Some("STUCK RETURNED")),
        (State::Cancelled { reason: CancelReason::StockGone }, None),
        (
            State::Expired { reason: booking::ExpiryReason::SoldOut, stock: Release::Due },
            Some("RELEASE_DUE"),
        ),
    ];
    let mut expected = Vec::new();
    for (n, (state, stage)) in (1_u8..).zip(states) {
        // The first has not moved for the shortest time.
        let updated_at = at(1_000_000 - i64::from(n));
        let payment_id = paid_with(&state);
        let booking = Booking { state, payment_id, updated_at, ..placed(n.into()) };
        let wake = booking.first_wake();
        let lease = Some(Lease { owner: "server".to_owned(), lasts: LONG });
        let timer = Timer { wake, tries: n.into(), lease: lease.filter(|_| n == 1) };
        commit(scene, BookingChange { timer, ..commit_of(booking) }).await;
        expected.extend(stage.map(|stage| (BookingId::new(id(n.into())), stage)));
    }
    expected.reverse();
    let found = open.list(Duration::ZERO, 10).await.unwrap();
    let told = |open: &OpenBooking| (open.stored.booking.id, open.stage.clone());
    let told: Vec<_> = found.bookings.iter().map(told).collect();
    let owned = |(id, stage): &(BookingId, &str)| (*id, (*stage).to_owned());
    assert_eq!(told, expected.iter().map(owned).collect::<Vec<_>>());
    let first = found.bookings.last().unwrap();
    assert_eq!((first.status.as_str(), first.stored.process.tries), ("PENDING", 1));
    assert_eq!(first.stored.process.lease_owner.as_deref(), Some("server"));
    assert_eq!(open.list(Duration::ZERO, 2).await.unwrap().bookings, found.bookings[..2]);
    let ids: Vec<_> = expected.iter().map(|(id, _)| *id).collect();
    assert_eq!(open.ids(Duration::ZERO).await, Ok(ids));
    let ages = Duration::from_secs(60 * 60 * 24 * 365 * 200);
    assert_eq!(open.ids(ages).await, Ok(Vec::new()), "nothing is so old");
    database.tamper("UPDATE booking SET currency = 'XXZ' WHERE status = 'EXPIRED'").await.unwrap();
    let found = open.list(Duration::ZERO, 10).await.unwrap();
    assert_eq!((found.bookings.len(), found.unreadable.len()), (expected.len() - 1, 1));
}
