//! Stock commands and holds, between the wire and the domain.

use grpc_server::batch::{self, Asker};
use grpc_server::refuse;
use grpc_server::wire::{Check, date, money, timestamp};
use kernel::{BookingId, BuyerId, HoldId, Invalid, Quantity, Violation};
use proto::boxoffice::ticket::v1 as pb;
use proto::boxoffice::ticket::v1::stock_command::Command;
use proto::boxoffice::ticket::v1::stock_verdict::Outcome;
use proto::google::r#type::Date;
use ticket::{
    Hold, HoldOwner, HoldRequest, HoldState, HoldStep, StockCommand, StockOutcome, Wanted, Wishes,
};

use crate::convert;

/// A hold as booking sees it.
pub(crate) fn hold(hold: &Hold) -> pb::Hold {
    let lines = hold.lines.iter().map(|(slot, quantity)| pb::HoldLine {
        slot: convert::slot(slot),
        quantity: units(*quantity),
    });
    pb::Hold {
        hold_id: hold.id.to_string(),
        booking_id: hold.booking_id().to_string(),
        ticket_id: hold.ticket_id.to_string(),
        buyer_id: hold.owner.buyer_id().map(ToString::to_string).unwrap_or_default(),
        lines: lines.collect(),
        unit_price: Some(money(hold.unit_price)),
        total: Some(money(hold.total)),
        state: state(hold.state).into(),
        expire_time: Some(timestamp(hold.expires_at)),
        pinned: hold.is_pinned(),
        quantity: units(hold.quantity),
        seats: hold.seats().map(str::to_owned).collect(),
        check_in: hold.nights().map(|nights| date(nights.from())),
        check_out: hold.nights().map(|nights| date(nights.until())),
    }
}

/// At most 10,000.
pub(crate) fn units(quantity: Quantity) -> i32 {
    i32::try_from(quantity.get()).unwrap_or(i32::MAX)
}

/// The hold of an outcome; `None` is a tombstone.
pub(crate) fn outcome(outcome: &StockOutcome) -> Option<pb::Hold> {
    match outcome {
        StockOutcome::Hold(taken) => Some(hold(taken)),
        StockOutcome::Tombstone => None,
    }
}

/// One verdict of a batch; a refusal is the error that the single call would have given.
pub(crate) fn verdict(decided: Result<StockOutcome, tonic::Status>) -> pb::StockVerdict {
    let outcome = match decided {
        Ok(StockOutcome::Hold(taken)) => Outcome::Hold(hold(&taken)),
        Ok(StockOutcome::Tombstone) => Outcome::Tombstone(true),
        Err(status) => Outcome::Refusal(batch::refusal(&status)),
    };
    pb::StockVerdict { outcome: Some(outcome) }
}

/// Asks to set stock aside.
pub(crate) fn read_hold(wire: &pb::HoldStockRequest) -> Result<StockCommand, Invalid> {
    let mut check = Check::new();
    let hold_id = check.id::<HoldId>("hold_id", &wire.hold_id);
    let booking_id = check.id::<BookingId>("booking_id", &wire.booking_id);
    if let (Some(hold), Some(booking)) = (hold_id, booking_id)
        && hold != HoldId::of_booking(booking)
    {
        check.violate("hold_id", "must be the identifier of the booking");
    }
    let ticket_id = check.id("ticket_id", &wire.ticket_id);
    let buyer_id = check.take("buyer_id", BuyerId::new(wire.buyer_id.as_str()));
    let dates = (wire.check_in.as_ref(), wire.check_out.as_ref());
    let wanted = wanted(&mut check, wire.quantity, &wire.seats, dates);
    let expected_total = check.optional_money("expected_total", wire.expected_total.as_ref());
    let request = || {
        Some(HoldRequest {
            hold_id: hold_id?,
            ticket_id: ticket_id?,
            owner: HoldOwner::Buyer(buyer_id?),
            wanted: wanted?,
            expected_total,
            pinned: wire.pinned,
            surely_new: wire.surely_new,
            check_only: wire.check_only,
        })
    };
    let request = request();
    check.read(request).map(StockCommand::Hold)
}

/// What is to be set aside.
pub(crate) fn wanted(
    check: &mut Check,
    quantity: i32,
    seats: &[String],
    (check_in, check_out): (Option<&Date>, Option<&Date>),
) -> Option<Wanted> {
    let wishes = Wishes {
        quantity: i64::from(quantity),
        seats: seats.to_vec(),
        check_in: check.optional_date("check_in", check_in),
        check_out: check.optional_date("check_out", check_out),
    };
    match wishes.read() {
        Ok(wanted) => Some(wanted),
        Err(Invalid(found)) => {
            found.into_iter().for_each(|wrong| check.violate(wrong.field, wrong.description));
            None
        }
    }
}

/// Asks to do something with a hold.
pub(crate) fn read_step(hold_id: &str, step: HoldStep) -> Result<StockCommand, Invalid> {
    read_hold_id(hold_id).map(|hold_id| StockCommand::Step(hold_id, step))
}

/// Asks to give a part of a hold back.
pub(crate) fn read_reduce(wire: &pb::ReduceHoldRequest) -> Result<StockCommand, Invalid> {
    let mut check = Check::new();
    let hold_id = check.id("hold_id", &wire.hold_id);
    let quantity = check.quantity("quantity", wire.quantity);
    check.read(hold_id.zip(quantity)).map(|(hold_id, stays)| StockCommand::Reduce(hold_id, stays))
}

/// A hold's identifier alone.
pub(crate) fn read_hold_id(text: &str) -> Result<HoldId, Invalid> {
    let mut check = Check::new();
    let id = check.id("hold_id", text);
    check.read(id)
}

/// A command of a batch, which may be one that cannot be read, with whoever asks for it.
pub(crate) fn member(wire: pb::StockCommand) -> (Asker, Result<StockCommand, tonic::Status>) {
    let command = read_command(&wire).map_err(|e| refuse(&e));
    (Asker { traceparent: wire.traceparent, request_id: wire.request_id }, command)
}

fn read_command(wire: &pb::StockCommand) -> Result<StockCommand, Invalid> {
    match &wire.command {
        Some(Command::Hold(hold)) => read_hold(hold),
        Some(Command::Pin(pin)) => read_step(&pin.hold_id, HoldStep::Pin),
        Some(Command::Unpin(unpin)) => read_step(&unpin.hold_id, HoldStep::Unpin),
        Some(Command::Commit(commit)) => read_step(&commit.hold_id, HoldStep::Commit),
        Some(Command::Release(release)) => read_step(&release.hold_id, HoldStep::Release),
        Some(Command::Return(back)) => read_step(&back.hold_id, HoldStep::Return),
        Some(Command::Reduce(reduce)) => read_reduce(reduce),
        None => Err(Invalid(vec![Violation::new("command", "must be given")])),
    }
}

const fn state(state: HoldState) -> pb::HoldState {
    match state {
        HoldState::Active { .. } => pb::HoldState::Active,
        HoldState::Committed => pb::HoldState::Committed,
        HoldState::Returned => pb::HoldState::Returned,
        HoldState::Released { .. } => pb::HoldState::Released,
        HoldState::Expired => pb::HoldState::Expired,
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, TicketId, Timestamp, Uuid};
    use prost::Message;
    use proto::google::r#type as google;
    use ticket::{Slot, StockRefusal};
    use tonic_types::StatusExt;

    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const OTHER: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

    fn request() -> pb::HoldStockRequest {
        pb::HoldStockRequest {
            hold_id: ID.into(),
            booking_id: ID.into(),
            ticket_id: OTHER.into(),
            buyer_id: "alice".into(),
            quantity: 2,
            ..pb::HoldStockRequest::default()
        }
    }

    fn wrong(read: Result<impl Sized, Invalid>) -> Vec<String> {
        let found = read.err().map(|Invalid(found)| found).unwrap_or_default();
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn a_hold_is_of_its_booking() {
        let Ok(StockCommand::Hold(read)) = read_hold(&request()) else { panic!("a hold") };
        assert_eq!(read.wanted.quantity().map(Quantity::get), Some(2));
        let other = pb::HoldStockRequest { booking_id: OTHER.into(), ..request() };
        assert_eq!(wrong(read_hold(&other)), ["hold_id"]);
        let expected = ["hold_id", "booking_id", "ticket_id", "buyer_id", "quantity"];
        assert_eq!(wrong(read_hold(&pb::HoldStockRequest::default())), expected);
    }

    #[test]
    fn r25_a_hold_tells_its_seats_and_nights() {
        let day = |day| Some(google::Date { year: 2030, month: 12, day });
        let nights = pb::HoldStockRequest { check_in: day(30), check_out: day(31), ..request() };
        let Ok(StockCommand::Hold(read)) = read_hold(&nights) else { panic!("a hold") };
        assert!(matches!(read.wanted, Wanted::Nights { .. }));
        let seats = vec!["A2".to_owned(), "A1".to_owned()];
        let seats = pb::HoldStockRequest { seats, ..request() };
        let Ok(StockCommand::Hold(read)) = read_hold(&seats) else { panic!("a hold") };
        assert!(matches!(read.wanted, Wanted::Seats(_)));
        let odd = pb::HoldStockRequest { check_in: day(32), ..request() };
        assert_eq!(wrong(read_hold(&odd)), ["check_in"]);

        let held = |lines: Vec<Slot>| {
            let one = Quantity::new(1).expect("one");
            hold(&Hold {
                id: HoldId::new(Uuid::nil()),
                ticket_id: TicketId::new(Uuid::nil()),
                owner: HoldOwner::Buyer(BuyerId::new("alice").expect("a name")),
                quantity: one,
                lines: lines.into_iter().map(|slot| (slot, one)).collect(),
                unit_price: Money::zero(Currency::from_code("KRW").expect("known")),
                total: Money::zero(Currency::from_code("KRW").expect("known")),
                state: HoldState::Committed,
                expires_at: Timestamp::from_micros(1),
                revision: 1,
                event_version: 0,
            })
        };
        let night = |text: &str| Slot::Night(text.parse().expect("a date"));
        let shown = held(vec![night("2030-12-30"), night("2030-12-31")]);
        let until = Some(google::Date { year: 2031, month: 1, day: 1 });
        assert_eq!((shown.check_in, shown.check_out, shown.seats.len()), (day(30), until, 0));
        let shown = held(vec![Slot::Seat("A1".into())]);
        assert_eq!((shown.check_in, shown.seats), (None, vec!["A1".to_owned()]));
    }

    #[test]
    fn a_wrong_command_of_a_batch_is_refused_as_it_is_by_itself() {
        let pin = pb::PinHoldRequest { hold_id: "x".into() };
        let commands = [Some(Command::Hold(request())), Some(Command::Pin(pin)), None];
        let fields = commands.map(|command| {
            let (_, read) = member(pb::StockCommand { command, ..Default::default() });
            let status = read.err()?;
            let mut violations = status.get_details_bad_request()?.field_violations;
            violations.pop().map(|violation| violation.field)
        });
        assert_eq!(fields, [None, Some("hold_id".to_owned()), Some("command".to_owned())]);
    }

    #[test]
    fn a_hold_is_new_only_where_its_caller_says_so() {
        for surely_new in [false, true] {
            let wire = pb::HoldStockRequest { surely_new, ..request() };
            let Ok(StockCommand::Hold(read)) = read_hold(&wire) else { panic!("a hold") };
            assert_eq!(read.surely_new, surely_new);
        }
        let Ok(StockCommand::Hold(read)) = read_hold(&request()) else { panic!("a hold") };
        assert!(!read.surely_new, "who says nothing may have asked before");
    }

    #[test]
    fn a04_a_hold_is_only_checked_where_its_caller_says_so() {
        for check_only in [false, true] {
            let wire = pb::HoldStockRequest { check_only, ..request() };
            let Ok(StockCommand::Hold(read)) = read_hold(&wire) else { panic!("a hold") };
            assert_eq!(read.check_only, check_only);
        }
    }

    #[test]
    fn a_refusal_in_a_batch_is_the_error_of_the_single_call() {
        // One without metadata: the order of those is by chance.
        let refusal = StockRefusal::SoldOut;
        let Some(Outcome::Refusal(wire)) = verdict(Err(refuse(&refusal))).outcome else {
            panic!("a refusal")
        };
        assert_eq!(wire.encode_to_vec(), refuse(&refusal).details());
        let total = Money::from_minor(7, Currency::from_code("KRW").expect("known"));
        let details = refuse(&StockRefusal::PriceMismatch { total }).get_error_details();
        let info = details.error_info().expect("there");
        assert_eq!(info.reason, "PRICE_MISMATCH");
        assert_eq!(info.metadata.get("total_units").map(String::as_str), Some("7"));
    }

    #[test]
    fn a_tombstone_is_no_hold() {
        assert_eq!(outcome(&StockOutcome::Tombstone), None);
        let shown = verdict(Ok(StockOutcome::Tombstone)).outcome;
        assert_eq!(shown, Some(Outcome::Tombstone(true)));
        assert_eq!(read_hold_id(&Uuid::nil().to_string()).map(HoldId::as_uuid), Ok(Uuid::nil()));
    }
}
