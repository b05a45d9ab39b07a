//! Searches: every condition, every order, and pages that others' writes do not shift.

use std::collections::BTreeSet;

use kernel::{Cursor, Money, OrganizerId, PageSize, TicketId, Timestamp};
use ticket::{HoldStep, SortKey, Ticket, TicketKind, TicketOrder, TicketSearch, TicketStatus};

use crate::scene::{Stores, memory, over, won};

contract::over_every_store!(
    t03_every_condition_counts,
    t03_names_are_compared_by_every_letter,
    t03_wildcards_are_letters,
    t03_every_order_is_a_total_one,
    t03_pages_have_no_gap_and_no_double_while_others_write,
);

fn everything() -> TicketSearch {
    TicketSearch {
        words: Vec::new(),
        category: None,
        organizer_id: None,
        kind: None,
        starts_from: None,
        starts_before: None,
        max_unit_price: None,
        available_only: false,
        order: TicketOrder::NEWEST_FIRST,
        page_size: PageSize::new(100).unwrap(),
        after: None,
    }
}

async fn found(stores: &Stores, search: &TicketSearch) -> Vec<TicketId> {
    let page = stores.tickets.search(search).await.unwrap();
    page.listings.iter().map(|listing| listing.ticket.id).collect()
}

fn words(text: &str) -> TicketSearch {
    TicketSearch { words: text.split_whitespace().map(str::to_owned).collect(), ..everything() }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

async fn t03_every_condition_counts(stores: &Stores) {
    let wanted = stores
        .on_sale(2, |ticket| {
            ticket.terms.name = "Große Oper".into();
            ticket.terms.description = "An evening with Ärger".into();
            ticket.terms.venue = "세종문화회관".into();
            ticket.terms.category = "opera".into();
            ticket.terms.starts_at = Some(at(500));
            ticket.organizer_id = OrganizerId::new("grand").unwrap();
        })
        .await;
    let other = stores.on_sale(2, |ticket| ticket.terms.unit_price = won(5_000)).await;
    stores.on_sale(2, |ticket| ticket.status = TicketStatus::Retiring).await;
    stores.on_sale(2, |ticket| ticket.status = TicketStatus::Retired).await;
    let paused = stores.on_sale(2, |ticket| ticket.status = TicketStatus::Paused).await;
    let all: BTreeSet<_> = [wanted.id, other.id, paused.id].into();
    assert_eq!(BTreeSet::from_iter(found(stores, &everything()).await), all);
    let euros = Money::from_units("EUR", 1_000_000, 0).unwrap();
    let only = [
        words("OPER ärger"),
        words("세종 große"),
        TicketSearch { category: Some("opera".into()), ..everything() },
        TicketSearch { organizer_id: OrganizerId::new("grand").ok(), ..everything() },
        TicketSearch { starts_from: Some(at(500)), ..everything() },
        TicketSearch { starts_before: Some(at(501)), ..everything() },
    ];
    for search in only {
        assert_eq!(found(stores, &search).await, [wanted.id], "{search:?}");
    }
    let none = [
        words("oper concert"),
        TicketSearch { category: Some("oper".into()), ..everything() },
        TicketSearch { starts_from: Some(at(501)), ..everything() },
        TicketSearch { starts_before: Some(at(500)), ..everything() },
        TicketSearch { kind: Some(TicketKind::Seated), ..everything() },
        TicketSearch { max_unit_price: Some(euros), ..everything() },
    ];
    for search in none {
        assert!(found(stores, &search).await.is_empty(), "{search:?}");
    }
    let cheap = TicketSearch { max_unit_price: Some(won(1_000)), ..everything() };
    assert_eq!(found(stores, &cheap).await.len(), 2);
    let held = stores.held(&other, 2, false).await;
    let left = TicketSearch { available_only: true, ..everything() };
    assert!(!found(stores, &left).await.contains(&other.id));
    assert!(stores.step(held.id, HoldStep::Release).await.is_ok());
    assert!(found(stores, &left).await.contains(&other.id));
}

async fn t03_names_are_compared_by_every_letter(stores: &Stores) {
    let categories = ["opera", "Opera", "opera ", "ope\u{301}ra", "오페라", "오페라\u{3000}"];
    let mut tickets = Vec::new();
    for category in categories {
        let form = |ticket: &mut Ticket| ticket.terms.category = category.into();
        tickets.push((category, stores.on_sale(1, form).await.id));
    }
    for (category, id) in tickets {
        let search = TicketSearch { category: Some(category.into()), ..everything() };
        assert_eq!(found(stores, &search).await, [id], "{category:?}");
    }
    let shouting = TicketSearch { organizer_id: OrganizerId::new("ACME").ok(), ..everything() };
    assert!(found(stores, &shouting).await.is_empty());
}

async fn t03_wildcards_are_letters(stores: &Stores) {
    let named = async |name: &str| stores.on_sale(1, |t| t.terms.name = name.into()).await.id;
    let (percent, plain) = (named("100% fun!").await, named("1000 fun").await);
    let (under, slash) = (named("a_b").await, named("a\\b 'c'").await);
    named("axb").await;
    for (text, ids) in [
        ("100%", vec![percent]),
        ("n!", vec![percent]),
        ("a_b", vec![under]),
        ("a\\b", vec![slash]),
        ("'c'", vec![slash]),
        ("1000", vec![plain]),
        ("%", vec![percent]),
    ] {
        assert_eq!(found(stores, &words(text)).await, ids, "{text}");
    }
}

async fn t03_every_order_is_a_total_one(stores: &Stores) {
    for number in 0..7 {
        let form = |ticket: &mut Ticket| {
            ticket.created_at = at(1_000 + number / 2);
            ticket.terms.unit_price = won(10 * (number % 3));
            ticket.terms.starts_at = (number % 3 > 0).then(|| at(500 - number / 2));
        };
        stores.on_sale(1, form).await;
    }
    for key in [SortKey::CreateTime, SortKey::StartTime, SortKey::UnitPrice] {
        for descending in [false, true] {
            let order = TicketOrder { key, descending };
            let whole = TicketSearch { order, ..everything() };
            let expected = found(stores, &whole).await;
            assert_eq!(expected.len(), 7);
            let mut walked = Vec::new();
            let mut after = None;
            loop {
                let page_size = PageSize::new(2).unwrap();
                let search = TicketSearch { page_size, after, ..whole.clone() };
                let page = stores.tickets.search(&search).await.unwrap();
                let unknown = |id: TicketId| walked.contains(&id);
                assert!(!page.listings.iter().any(|listing| unknown(listing.ticket.id)));
                walked.extend(page.listings.iter().map(|listing| listing.ticket.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(walked, expected, "{order:?}");
            if key == SortKey::StartTime {
                let last = stores.find(*walked.last().unwrap()).await;
                assert_eq!(last.ticket.terms.starts_at, None, "unknown comes last");
            }
        }
    }
}

async fn t03_pages_have_no_gap_and_no_double_while_others_write(stores: &Stores) {
    let mut before = BTreeSet::new();
    for number in 0..20 {
        before.insert(stores.on_sale(1, |ticket| ticket.created_at = at(number)).await.id);
    }
    let order = TicketOrder { key: SortKey::CreateTime, descending: true };
    let mut walked = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page_size = PageSize::new(3).unwrap();
        let search = TicketSearch { order, page_size, after, ..everything() };
        let page = stores.tickets.search(&search).await.unwrap();
        walked.extend(page.listings.iter().map(|listing| listing.ticket.id));
        // Others write where the walk has been and where it is going.
        for place in [100, 5] {
            stores.on_sale(1, |ticket| ticket.created_at = at(place)).await;
        }
        after = page.next;
        if after.is_none() || walked.len() > 200 {
            break;
        }
    }
    let unique: BTreeSet<_> = walked.iter().copied().collect();
    assert_eq!(unique.len(), walked.len(), "no double");
    assert!(before.is_subset(&unique), "no gap");
}
