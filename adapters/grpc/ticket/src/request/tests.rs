//! What callers send, right and wrong.

use proto::google::r#type::Money;
use ticket::{SearchWord, SortKey, TermsChange};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn won(units: i64) -> Option<Money> {
    Some(Money { currency_code: "KRW".into(), units, nanos: 0 })
}

fn concert() -> pb::Ticket {
    pb::Ticket {
        kind: pb::TicketKind::Admission.into(),
        name: "Concert".into(),
        unit_price: won(55_000),
        capacity: 10,
        ..pb::Ticket::default()
    }
}

fn registered(ticket: pb::Ticket) -> Result<RegisterTicket, Vec<String>> {
    let request = pb::RegisterTicketRequest { ticket: Some(ticket) };
    register(request, NOW).map_err(|Invalid(found)| fields(found))
}

fn fields(found: Vec<kernel::Violation>) -> Vec<String> {
    let mut fields: Vec<_> = found.into_iter().map(|violation| violation.field).collect();
    fields.sort_unstable();
    fields
}

#[test]
fn t01_a_plain_ticket_is_on_sale_at_once() {
    let request = registered(concert()).expect("sound");
    assert_eq!((request.capacity, request.draft.paused), (10, false));
    let output_only = pb::Ticket {
        ticket_id: ID.into(),
        etag: "7".into(),
        available: 99,
        status: pb::TicketStatus::Paused.into(),
        ..concert()
    };
    assert!(registered(output_only).expect("output only fields are passed over").draft.paused);
}

#[test]
fn t01_wire_and_domain_tell_all_violations_at_once() {
    let wrong = pb::Ticket {
        kind: 99,
        name: String::new(),
        unit_price: Some(Money { currency_code: "won".into(), units: 1, nanos: 0 }),
        capacity: -1,
        sale_start_time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        hold_ttl: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
        allocation: 99,
        status: pb::TicketStatus::Retired.into(),
        max_per_buyer: -1,
        ..pb::Ticket::default()
    };
    let expected = [
        "allocation",
        "capacity",
        "hold_ttl",
        "kind",
        "max_per_buyer",
        "name",
        "sale_start_time",
        "status",
        "unit_price.currency_code",
    ];
    assert_eq!(registered(wrong), Err(expected.map(str::to_owned).to_vec()));
    let nothing = register(pb::RegisterTicketRequest { ticket: None }, NOW);
    let missing = nothing.map_err(|Invalid(found)| fields(found));
    assert_eq!(missing, Err(["kind", "name", "unit_price"].map(str::to_owned).to_vec()));
}

#[test]
fn t01_seats_and_nights_are_registered() {
    let seats = ["A1", "A2"].map(str::to_owned).to_vec();
    let seated = |seats: &[String]| pb::Ticket {
        kind: pb::TicketKind::Seated.into(),
        seats: seats.to_vec(),
        capacity: 0,
        sections: vec![pb::Section { name: String::new(), unit_price: won(1) }],
        ..concert()
    };
    let read = registered(seated(&seats)).expect("sound");
    assert_eq!((read.seats.as_slice(), read.draft.sections.len()), (seats.as_slice(), 1));
    assert_eq!(registered(seated(&[])), Err(vec!["seats".to_owned()]));
    let seats = pb::Ticket { seats, ..concert() };
    assert_eq!(registered(seats), Err(vec!["seats".to_owned()]));
    let night = |day| Some(proto::google::r#type::Date { year: 1970, month: 1, day });
    let nightly = |first, last| pb::Ticket {
        kind: pb::TicketKind::Nightly.into(),
        first_night: first,
        last_night: last,
        min_nights: 2,
        ..concert()
    };
    assert_eq!(registered(nightly(night(1), night(9))).expect("sound").draft.min_nights, 2);
    let wrong = vec!["first_night".to_owned(), "last_night".to_owned()];
    assert_eq!(registered(nightly(None, None)), Err(wrong));
    assert_eq!(registered(nightly(night(3), night(2))), Err(vec!["last_night".to_owned()]));
    assert_eq!(registered(nightly(night(3), night(99))), Err(vec!["last_night".to_owned()]));
}

#[test]
fn an_update_names_its_fields() {
    let ticket = pb::Ticket { ticket_id: ID.into(), etag: "3".into(), ..concert() };
    let masked = |paths: &[&str]| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let update_mask = Some(prost_types::FieldMask { paths });
        update(pb::UpdateTicketRequest { ticket: Some(ticket.clone()), update_mask })
    };
    let named = masked(&["name", "venue"]).expect("sound");
    let changes = [TermsChange::Name("Concert".into()), TermsChange::Venue(String::new())];
    assert_eq!((named.etag.as_str(), named.changes), ("3", changes.to_vec()));
    let unmasked = masked(&[]).expect("sound");
    assert_eq!(
        unmasked.changes.len(),
        2,
        "name and unit_price are set; kind and capacity cannot change"
    );
    for path in ["capacity", "kind", "etag", "unit_price.units", "Name"] {
        let Err(Invalid(found)) = masked(&[path]) else { panic!("{path} cannot be changed") };
        assert_eq!(fields(found), ["update_mask"]);
    }
    let Err(Invalid(found)) = masked(&["*"]) else { panic!("a whole ticket needs a status") };
    assert_eq!(fields(found), ["status"]);
}

#[test]
fn t03_a_search_is_read_whole_and_its_tokens_are_bound_to_it() {
    let request = pb::SearchTicketsRequest {
        query: " rock  seoul ".into(),
        order_by: "unit_price desc".into(),
        max_unit_price: won(9),
        ..pb::SearchTicketsRequest::default()
    };
    let (read, conditions) = search(request.clone()).expect("sound");
    assert_eq!(read.words.iter().map(SearchWord::as_str).collect::<Vec<_>>(), ["rock", "seoul"]);
    assert_eq!((read.order.key, read.order.descending), (SortKey::UnitPrice, true));
    let cursor = kernel::Cursor { sort: -5, id: kernel::Uuid::from_u128(9) };
    let page_token = grpc_server::wire::page_token(Some(cursor), &conditions);
    let next = pb::SearchTicketsRequest { page_token, page_size: 7, ..request };
    assert_eq!(search(next.clone()).expect("sound").0.after, Some(cursor));
    let other = pb::SearchTicketsRequest { query: "jazz".into(), ..next };
    let Err(Invalid(found)) = search(other) else { panic!("another search's token") };
    assert_eq!(fields(found), ["page_token"]);
}

#[test]
fn t03_a_wrong_search_hears_of_everything() {
    let wrong = pb::SearchTicketsRequest {
        query: "x".repeat(SEARCH_WORDS + 1),
        organizer_id: "a b".into(),
        kind: 42,
        order_by: "name".into(),
        page_size: -1,
        page_token: "?".into(),
        ..pb::SearchTicketsRequest::default()
    };
    let Err(Invalid(found)) = search(wrong) else { panic!("wrong") };
    let expected = ["kind", "order_by", "organizer_id", "page_size", "page_token", "query"];
    assert_eq!(fields(found), expected);
}

/// PostgreSQL takes no text with a NUL.
#[test]
fn t03_a_search_has_no_control_characters() {
    for text in ["\0", "rock\0", "\u{7f}", "a\r"] {
        let wrong = pb::SearchTicketsRequest {
            query: text.into(),
            category: text.into(),
            ..pb::SearchTicketsRequest::default()
        };
        let Err(Invalid(found)) = search(wrong) else { panic!("{text:?} is no text") };
        assert_eq!(fields(found), ["category", "query"], "{text:?}");
    }
}

#[test]
fn t03_a_search_for_signs_is_refused() {
    for query in ["%", "!!!", " 🎫 "] {
        let wrong = pb::SearchTicketsRequest { query: query.into(), ..Default::default() };
        let Err(Invalid(found)) = search(wrong) else { panic!("{query:?} has no word") };
        assert_eq!(fields(found), ["query"], "{query:?}");
    }
    let blank = pb::SearchTicketsRequest { query: " ".into(), ..Default::default() };
    assert!(search(blank).expect("no condition").0.words.is_empty());
}

const SEARCH_WORDS: usize = ticket::SEARCH_WORDS_CHARS_MAX;

#[test]
fn identifiers_and_nights_are_checked() {
    assert!(ticket_id(ID).is_ok());
    let night = |day| Some(proto::google::r#type::Date { year: 2030, month: 1, day });
    let none = pb::SetCapacityRequest { start_date: night(1), ..pb::SetCapacityRequest::default() };
    let Err(Invalid(found)) = set_capacity(&none) else { panic!("no id, and half of a range") };
    assert_eq!(fields(found), ["capacity", "end_date", "ticket_id"]);
    let (first, second) = (night(1), night(2));
    let read = |from, until| availability(ID, (from, until));
    assert!(read(first.as_ref(), second.as_ref()).is_ok_and(|(_, nights)| nights.is_some()));
    assert!(read(None, None).is_ok_and(|(_, nights)| nights.is_none()));
    let Err(Invalid(found)) = read(second.as_ref(), first.as_ref()) else { panic!("reversed") };
    assert_eq!(fields(found), ["end_date"]);
}

#[test]
fn a_calendar_is_of_tickets_or_of_an_organizer() {
    let night = |day| Some(proto::google::r#type::Date { year: 2030, month: 1, day });
    let of_acme = pb::GetCalendarRequest {
        organizer_id: "acme".into(),
        start_date: night(1),
        end_date: night(31),
        ..pb::GetCalendarRequest::default()
    };
    assert!(calendar(of_acme.clone()).is_ok());
    let named = vec![ID.to_owned(), "x".to_owned()];
    let both = pb::GetCalendarRequest { ticket_ids: named, end_date: None, ..of_acme };
    let Err(Invalid(found)) = calendar(both) else { panic!("wrong") };
    assert_eq!(fields(found), ["end_date", "organizer_id", "ticket_ids[1]"]);
}

#[test]
fn nights_are_changed_by_what_is_given() {
    let night = |day| Some(proto::google::r#type::Date { year: 2030, month: 1, day });
    let request = pb::SetNightsRequest {
        ticket_id: ID.into(),
        start_date: night(1),
        end_date: night(3),
        unit_price: won(7),
        closed_to_arrival: Some(true),
        ..pb::SetNightsRequest::default()
    };
    let change = set_nights(&request).expect("sound").change;
    assert_eq!((change.nights.count(), change.closed_to_departure), (2, None));
    assert_eq!(change.closed_to_arrival, Some(true));
    assert_eq!(change.unit_price.and_then(ticket::NightPrice::own_minor), Some(7));
    let both = pb::SetNightsRequest { reset_unit_price: true, ..request };
    let Err(Invalid(found)) = set_nights(&both) else { panic!("both prices") };
    assert_eq!(fields(found), ["reset_unit_price"]);
}

#[test]
fn row20_the_longest_and_the_least_length_of_time_are_refused_and_break_nothing() {
    for seconds in [i64::MIN, i64::MAX] {
        let extreme = Some(prost_types::Duration { seconds, nanos: 0 });
        let policy =
            pb::CancelPolicy { free_before: extreme, fee_percent: 0, closed_before: extreme };
        let ticket = pb::Ticket { hold_ttl: extreme, cancel_policy: Some(policy), ..concert() };
        let named = registered(ticket).expect_err("no such length");
        assert!(named.iter().any(|field| field == "hold_ttl"), "{seconds}: {named:?}");
    }
}

#[test]
fn t09_a_cancel_policy_is_read_and_changed_as_a_whole() {
    let hours = |hours: i64| Some(prost_types::Duration { seconds: hours * 3_600, nanos: 0 });
    let policy = |free_before, fee_percent, closed_before| {
        Some(pb::CancelPolicy { free_before, fee_percent, closed_before })
    };
    let start_time = Some(prost_types::Timestamp { seconds: 86_400, nanos: 0 });
    let said = || policy(hours(72), 30, hours(24));
    let ticket = pb::Ticket { start_time, cancel_policy: said(), ..concert() };
    let read = registered(ticket).expect("sound").draft.cancel_policy.expect("said");
    assert_eq!(Some(crate::convert::cancel_policy(read)), said());
    let wrong = pb::Ticket { cancel_policy: policy(hours(-1), 101, hours(1)), ..concert() };
    let fields =
        ["closed_before", "fee_percent", "free_before"].map(|name| format!("cancel_policy.{name}"));
    assert_eq!(registered(wrong), Err(fields.to_vec()));
    let wish = |paths: &[&str], cancel_policy| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let ticket = pb::Ticket { ticket_id: ID.into(), cancel_policy, ..pb::Ticket::default() };
        let update_mask = Some(prost_types::FieldMask { paths });
        let request = pb::UpdateTicketRequest { ticket: Some(ticket), update_mask };
        update(request).expect("sound").changes
    };
    let changed = vec![TermsChange::CancelPolicy(Some(read))];
    assert_eq!(wish(&["cancel_policy"], said()), changed);
    assert_eq!(wish(&[], said()), changed, "what is set");
    assert_eq!(wish(&["cancel_policy"], None), vec![TermsChange::CancelPolicy(None)]);
}
