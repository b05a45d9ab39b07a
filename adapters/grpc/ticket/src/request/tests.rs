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
fn seats_and_nights_are_not_sold_yet() {
    let seated =
        pb::Ticket { kind: pb::TicketKind::Seated.into(), seats: vec!["A1".into()], ..concert() };
    assert_eq!(registered(seated), Err(vec!["kind".to_owned()]));
    let seats = pb::Ticket { seats: vec!["A1".into()], ..concert() };
    assert_eq!(registered(seats), Err(vec!["seats".to_owned()]));
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
    let night = Some(proto::google::r#type::Date { year: 2030, month: 1, day: 1 });
    let request = pb::SetCapacityRequest { start_date: night, ..pb::SetCapacityRequest::default() };
    let Err(Invalid(found)) = set_capacity(&request) else { panic!("no id, and nights") };
    assert_eq!(fields(found), ["capacity", "start_date", "ticket_id"]);
    assert!(availability("x", false, true).is_err_and(|Invalid(found)| found.len() == 2));
}
