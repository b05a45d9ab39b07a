//! What may be said about a ticket, and what its life allows.

use kernel::{Currency, Locale, OrganizerId, TicketId, Uuid};

use super::*;
use crate::ticket::Decision;
use crate::{Allocation, CAPACITY_MAX, RegisterTicket, TicketKind};

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);

fn later(secs: u64) -> Option<Timestamp> {
    Some(NOW.plus(Duration::from_secs(secs)))
}

fn won(amount: i64) -> Money {
    Money::from_minor(amount, Currency::from_code("KRW").expect("known"))
}

fn request() -> RegisterTicket {
    let draft = TicketDraft {
        name: "Concert".into(),
        unit_price: Some(won(55_000)),
        time_zone: "Asia/Seoul".into(),
        starts_at: later(100),
        ends_at: later(200),
        ..TicketDraft::default()
    };
    RegisterTicket {
        kind: TicketKind::Admission,
        allocation: Allocation::HoldFirst,
        capacity: 10,
        draft,
    }
}

fn fields(request: &RegisterTicket) -> Vec<String> {
    request.violations(NOW).into_iter().map(|violation| violation.field).collect()
}

fn registered() -> Ticket {
    let seller = (OrganizerId::new("acme").expect("a name"), Locale::Ko);
    Ticket::register(TicketId::new(Uuid::nil()), seller, &request(), NOW).expect("sound").ticket
}

#[test]
fn t01_defaults_fill_what_is_not_said() {
    let ticket = registered();
    assert_eq!(ticket.terms.hold_ttl, HOLD_TTL_DEFAULT);
    assert_eq!((ticket.terms.max_per_buyer, ticket.status), (None, TicketStatus::OnSale));
    assert_eq!((ticket.revision, ticket.event_version), (1, 1));
    let mut plain = request();
    plain.draft.time_zone.clear();
    let terms = plain.draft.check(NOW, None).expect("sound");
    assert_eq!(terms.time_zone.as_str(), "UTC");
}

#[test]
fn t01_all_violations_come_at_once() {
    let wrong = RegisterTicket {
        kind: TicketKind::Seated,
        allocation: Allocation::PayFirst,
        capacity: -1,
        draft: TicketDraft {
            name: " ".into(),
            venue: "v".repeat(VENUE_CHARS_MAX + 1),
            category: "a\u{7}".into(),
            time_zone: "Mars/Olympus".into(),
            unit_price: Some(won(-1)),
            sale_ends_at: Some(NOW),
            starts_at: later(200),
            ends_at: later(100),
            max_per_buyer: -1,
            hold_ttl: Some(Duration::from_secs(1)),
            ..TicketDraft::default()
        },
    };
    let mut found = fields(&wrong);
    found.sort_unstable();
    let expected = [
        "allocation",
        "capacity",
        "category",
        "end_time",
        "hold_ttl",
        "kind",
        "max_per_buyer",
        "name",
        "sale_end_time",
        "time_zone",
        "unit_price",
        "venue",
    ];
    assert_eq!(found, expected);
}

#[test]
fn seats_and_nights_are_not_sold_yet() {
    for kind in [TicketKind::Seated, TicketKind::Nightly] {
        assert_eq!(fields(&RegisterTicket { kind, ..request() }), ["kind"]);
    }
    let pay_first = RegisterTicket { allocation: Allocation::PayFirst, ..request() };
    assert_eq!(fields(&pay_first), ["allocation"]);
}

#[test]
fn r28_capacities_have_a_limit() {
    let most = i64::try_from(CAPACITY_MAX).expect("fits");
    for (capacity, wrong) in [(0, false), (most, false), (most + 1, true), (i64::MAX, true)] {
        let found = fields(&RegisterTicket { capacity, ..request() });
        assert_eq!(!found.is_empty(), wrong, "{capacity}");
    }
}

#[test]
fn an_update_changes_what_it_names_and_an_old_ticket_keeps_its_dates() {
    let mut ticket = registered();
    let after = NOW.plus(Duration::from_secs(1_000));
    let same = TicketDraft::of(&ticket);
    assert_eq!(ticket.update(&same, after), Ok(Decision::AlreadyDone));
    let paused = same.clone().changed(TermsChange::Paused(true));
    assert_eq!(ticket.update(&paused, after), Ok(Decision::Happened));
    assert_eq!((ticket.status, ticket.revision), (TicketStatus::Paused, 2));
    let past = same.clone().changed(TermsChange::EndsAt(later(300)));
    let Err(Invalid(found)) = ticket.update(&past, after) else { panic!("in the past") };
    assert_eq!(found[0].field, "end_time");
    let euro = Currency::from_code("EUR").expect("known");
    let price = TermsChange::UnitPrice(Some(Money::from_minor(1, euro)));
    let Err(Invalid(found)) = ticket.update(&same.changed(price), after) else {
        panic!("currency")
    };
    assert_eq!(found[0].field, "unit_price.currency_code");
    assert_eq!(ticket.revision, 2, "a refused change changes nothing");
}

#[test]
fn t02_deleting_twice_is_once() {
    let mut ticket = registered();
    assert_eq!(ticket.end_retirement(NOW), Decision::AlreadyDone, "not before it is deleted");
    assert_eq!(ticket.retire(NOW), Decision::Happened);
    assert_eq!(ticket.retire(NOW), Decision::AlreadyDone);
    assert!(!ticket.is_on_sale(NOW));
    assert_eq!(ticket.end_retirement(NOW), Decision::Happened);
    assert_eq!(ticket.end_retirement(NOW), Decision::AlreadyDone);
    assert_eq!(ticket.retire(NOW), Decision::AlreadyDone);
    assert_eq!((ticket.status, ticket.event_version), (TicketStatus::Retired, 3));
}

#[test]
fn the_sale_window_is_half_open() {
    let mut ticket = registered();
    ticket.terms.sale_starts_at = later(10);
    ticket.terms.sale_ends_at = later(20);
    let open: Vec<_> = [9, 10, 19, 20].map(|s| ticket.is_on_sale(later(s).expect("some"))).into();
    assert_eq!(open, [false, true, true, false]);
}
