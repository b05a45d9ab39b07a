//! What may be said about a ticket, and what its life allows.

use kernel::{CivilDate, Currency, Locale, OrganizerId, Percent, TicketId, Uuid};

use super::*;
use crate::ticket::Decision;
use crate::{Allocation, CAPACITY_MAX, RegisterTicket, TicketKind};

/// 1970-01-12T13:46:40Z.
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
    RegisterTicket::admission(10, draft)
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
        seats: Vec::new(),
        first_night: Some(date("2030-01-01")),
        last_night: None,
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
            min_nights: 1,
            max_nights: -1,
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
        "first_night",
        "hold_ttl",
        "max_nights",
        "max_nights",
        "max_per_buyer",
        "min_nights",
        "name",
        "sale_end_time",
        "seats",
        "time_zone",
        "unit_price",
        "venue",
    ];
    assert_eq!(found, expected);
}

fn date(text: &str) -> CivilDate {
    text.parse().expect("a date")
}

fn seated(seats: &[&str]) -> RegisterTicket {
    let seats = seats.iter().map(|seat| (*seat).to_owned()).collect();
    RegisterTicket { kind: TicketKind::Seated, capacity: 0, seats, ..request() }
}

/// It is 1970-01-12 at the place.
fn nightly(first: &str, last: &str) -> RegisterTicket {
    let (first_night, last_night) = (Some(date(first)), Some(date(last)));
    RegisterTicket { kind: TicketKind::Nightly, first_night, last_night, ..request() }
}

#[test]
fn t01_seats_have_names_of_their_own() {
    let good = seated(&["A1", "Stalls/Row-2", "가1"]);
    assert_eq!(fields(&good), Vec::<String>::new());
    let slots: Vec<_> =
        good.slots().into_iter().map(|slot| (slot.position, slot.capacity)).collect();
    assert_eq!(slots, [(0, 1), (1, 1), (2, 1)]);
    let long = "x".repeat(crate::SEAT_CHARS_MAX + 1);
    let wrong = seated(&["A1", "", "A1", "a\n", " B1", &long]);
    let expected = ["seats[1]", "seats[2]", "seats[3]", "seats[4]", "seats[5]"];
    assert_eq!(fields(&wrong), expected);
    assert_eq!(fields(&RegisterTicket { capacity: 2, ..seated(&["A1"]) }), ["capacity"]);
    let many = RegisterTicket { seats: vec![String::new(); crate::SEATS_MAX + 1], ..seated(&[]) };
    assert_eq!(fields(&many), ["seats"]);
    let pay_first = RegisterTicket { allocation: Allocation::PayFirst, ..request() };
    assert_eq!(fields(&pay_first), [""; 0]);
}

#[test]
fn t01_sections_have_prices_in_the_tickets_currency() {
    let section = |name: &str, price| SectionPrice { name: name.into(), unit_price: price };
    let mut ticket = seated(&["Stalls/A1", "A1"]);
    ticket.draft.sections = vec![section("Stalls", won(9)), section("", won(0))];
    assert_eq!(fields(&ticket), Vec::<String>::new());
    let euro = Money::from_minor(1, Currency::from_code("EUR").expect("known"));
    ticket.draft.sections = vec![section("a/b", won(1)), section("c", won(-1)), section("c", euro)];
    let expected = [
        "sections[0].name",
        "sections[1].unit_price",
        "sections[2].name",
        "sections[2].unit_price.currency_code",
    ];
    assert_eq!(fields(&ticket), expected);
    let admission = RegisterTicket { seats: Vec::new(), kind: TicketKind::Admission, ..ticket };
    assert!(fields(&admission).contains(&"sections".to_owned()));
}

#[test]
fn t01_nights_are_neither_over_nor_too_far_ahead() {
    assert_eq!(nightly("1970-01-12", "1970-01-14").slots().len(), 3);
    for (first, last, wrong) in [
        ("1970-01-12", "1970-01-12", ""),
        ("1970-01-12", "1973-01-15", ""),
        ("1970-01-11", "1970-01-12", "first_night"),
        ("1970-01-14", "1970-01-13", "last_night"),
        ("1970-01-12", "1973-01-16", "last_night"),
    ] {
        let found = fields(&nightly(first, last)).concat();
        assert_eq!(found, wrong, "{first} to {last}");
    }
    let mut odd = nightly("1970-01-12", "1970-01-14");
    (odd.draft.min_nights, odd.draft.max_nights) = (3, 2);
    assert_eq!(fields(&odd), ["max_nights"]);
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

#[test]
fn t09_a_cancel_policy_is_checked_as_a_whole_and_needs_a_start() {
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    let fee_percent = Percent::new(30).expect("a part");
    let policy =
        |free_before, closed_before| CancelPolicy { free_before, fee_percent, closed_before };
    let with = |policy: CancelPolicy, starts_at: Option<Timestamp>| {
        let mut request = request();
        request.draft.cancel_policy = Some(policy);
        (request.draft.starts_at, request.draft.ends_at) = (starts_at, None);
        request
    };
    let (free, closed) = ("cancel_policy.free_before", "cancel_policy.closed_before");
    let year = 366 * 24;
    for (said, starts_at, wrong) in [
        (policy(hours(72), hours(24)), later(100), vec![]),
        (policy(hours(24), hours(24)), later(100), vec![]),
        (policy(hours(year), hours(0)), later(100), vec![]),
        (policy(None, hours(24)), later(100), vec![]),
        (policy(None, None), None, vec![]),
        (policy(hours(72), hours(24)), None, vec![free, closed]),
        (policy(hours(24), hours(72)), later(100), vec![closed]),
        (policy(hours(year + 1), hours(year + 2)), None, vec![free, closed, closed, free, closed]),
    ] {
        assert_eq!(fields(&with(said, starts_at)), wrong, "{said:?}");
    }
    let mut rooms = RegisterTicket {
        kind: TicketKind::Nightly,
        first_night: Some(date("1970-01-20")),
        last_night: Some(date("1970-01-21")),
        ..with(policy(hours(72), hours(24)), None)
    };
    assert_eq!(fields(&rooms), [""; 0], "a night begins by itself");
    rooms.kind = TicketKind::Admission;
    (rooms.first_night, rooms.last_night) = (None, None);
    assert_eq!(fields(&rooms), [free, closed]);

    let mut ticket = registered();
    let said = Some(policy(hours(72), hours(24)));
    let priced = TicketDraft::of(&ticket).changed(TermsChange::CancelPolicy(said));
    assert_eq!(ticket.update(&priced, NOW), Ok(Decision::Happened));
    assert_eq!(ticket.terms.cancel_policy, said);
    let unset = TicketDraft::of(&ticket).changed(TermsChange::EndsAt(None));
    let unset = unset.changed(TermsChange::StartsAt(None));
    let refused = ticket.update(&unset, NOW).expect_err("its bounds hang in the air");
    let refused: Vec<_> = refused.0.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(refused, [free, closed]);
}
