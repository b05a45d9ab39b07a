//! Searches: every condition, every order, and pages that others' writes do not shift.

use std::collections::BTreeSet;

use kernel::{Committed, Cursor, Money, OrganizerId, PageSize, TicketId, Timestamp};
use ticket::{
    HoldStep, SearchWord, SortKey, Ticket, TicketKind, TicketOrder, TicketSearch, TicketStatus,
};

use crate::scene::{Stores, memory, over, won};

contract::over_every_store!(
    t03_every_condition_counts,
    t03_names_are_compared_by_every_letter,
    t03_words_are_the_same_for_every_engine,
    t03_changed_words_find_and_old_ones_do_not,
    t03_every_order_is_a_total_one,
    t03_pages_have_no_gap_and_no_double_while_others_write;
    t03_what_few_meet_is_found_among_many,
);

pub(crate) fn everything() -> TicketSearch {
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
    TicketSearch { words: SearchWord::asked(text), ..everything() }
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
        words("회관 gros even"),
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
        words("vening"),
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

/// Short words, common ones, such as mean something to an engine, and letters that few know.
async fn t03_words_are_the_same_for_every_engine(stores: &Stores) {
    words_find_what_they_begin(stores).await;
}

async fn words_find_what_they_begin(stores: &Stores) {
    let named = async |name: &str| stores.on_sale(1, |t| t.terms.name = name.into()).await.id;
    let (percent, plain) = (named("100% fun! or").await, named("1000 fun").await);
    let (under, quoted) = (named("a_b -the").await, named("+a\\b 'c' near").await);
    let (old, quartet) = (named("𒀀 not").await, named("Quartet").await);
    let hall = named("예술의전당 콘서트홀").await;
    for (text, ids) in [
        ("100%", vec![plain, percent]),
        ("1000", vec![plain]),
        ("or", vec![percent]),
        ("b a", vec![quoted, under]),
        ("the", vec![under]),
        ("a* c", vec![quoted]),
        ("'near'", vec![quoted]),
        ("not", vec![old]),
        ("𒀀", vec![old]),
        ("QUARTET", vec![quartet]),
        ("qq", vec![]),
        ("전당", vec![hall]),
        ("홀", vec![hall]),
        ("콘서트홀 예술의전당", vec![hall]),
        ("예술전당", vec![]),
        ("z", vec![]),
    ] {
        assert_eq!(found(stores, &words(text)).await, ids, "{text}");
    }
}

async fn t03_changed_words_find_and_old_ones_do_not(stores: &Stores) {
    changed_words_find(stores).await;
}

async fn changed_words_find(stores: &Stores) {
    let ticket = stores.on_sale(1, |ticket| ticket.terms.name = "Winter".into()).await;
    let mut listing = stores.find(ticket.id).await;
    listing.ticket.terms.name = "Summer".into();
    (listing.ticket.revision, listing.ticket.event_version) = (2, 2);
    let change = stores.change(&listing, 1);
    assert_eq!(stores.tickets.commit(change).await, Ok(Committed::Done));
    assert_eq!(found(stores, &words("summer")).await, [ticket.id]);
    assert!(found(stores, &words("winter")).await.is_empty());
    stores.delete(ticket.id).await;
    assert!(found(stores, &words("summer")).await.is_empty());
}

/// More than a page looks at. They all are like the first, but for their place in each order.
const MANY: i64 = 21_000;

async fn many(stores: &Stores) {
    let columns = "organizer_id, organizer_locale, kind, allocation, status, name, description, venue, category, \
                   search_text, time_zone, currency, sale_starts_at_us, sale_ends_at_us, starts_at_us, ends_at_us, \
                   max_per_buyer, hold_ttl_us, updated_at_us, revision, event_version, findable";
    let mut copied = 1;
    while copied < MANY {
        let more = copied.min(MANY - copied);
        let copy = format!(
            "INSERT INTO ticket (id, created_at_us, unit_price_minor, starts_first_us, starts_last_us, {columns}) \
             SELECT CONCAT('ffffffff-ffff-7fff-8fff-', 100000000000 + {copied} + number), \
             created_at_us + {copied} + number, unit_price_minor + {copied} + number, starts_first_us, \
             starts_last_us, {columns} FROM (SELECT ROW_NUMBER() OVER (ORDER BY id) AS number, ticket.* \
             FROM ticket WHERE category = 'many') AS copied WHERE number <= {more}"
        );
        stores.tamper(&copy).await;
        copied += more;
    }
}

/// Words, an organizer, a category, a day: what an index tells is found however far away it stands. Among so many
/// the engine's own index finds the words.
async fn t03_what_few_meet_is_found_among_many(stores: &Stores) {
    let rare = stores
        .on_sale(1, |ticket| {
            ticket.terms.name = "Rare 희귀".into();
            ticket.terms.category = "rare".into();
            ticket.terms.starts_at = Some(at(700));
            ticket.organizer_id = OrganizerId::new("rare").unwrap();
            ticket.created_at = at(1);
            ticket.terms.unit_price = won(1_000_000);
        })
        .await;
    stores.on_sale(1, |ticket| ticket.terms.category = "many".into()).await;
    many(stores).await;
    for order in
        ["create_time desc", "create_time", "unit_price", "unit_price desc", "start_time desc"]
    {
        let order = TicketOrder::parse(order).unwrap();
        for search in [
            words("rare"),
            words("희귀"),
            TicketSearch { organizer_id: OrganizerId::new("rare").ok(), ..everything() },
            TicketSearch { category: Some("rare".into()), ..everything() },
            TicketSearch { starts_before: Some(at(701)), ..everything() },
        ] {
            let search = TicketSearch { order, ..search };
            let page = stores.tickets.search(&search).await.unwrap();
            let ids: Vec<_> = page.listings.iter().map(|listing| listing.ticket.id).collect();
            assert_eq!((ids, page.next), (vec![rare.id], None), "{search:?}");
        }
    }
    let all = stores.tickets.search(&words("concert")).await.unwrap();
    assert_eq!(all.listings.len(), 100, "what many meet is there at once");
    words_find_what_they_begin(stores).await;
    changed_words_find(stores).await;
    a_page_looks_at_so_many(stores).await;
}

/// What no index tells is looked for a while, and then the page says where to go on.
async fn a_page_looks_at_so_many(stores: &Stores) {
    let cheap = stores
        .on_sale(1, |ticket| {
            ticket.created_at = at(1);
            ticket.terms.unit_price = won(10);
        })
        .await;
    let search = TicketSearch { max_unit_price: Some(won(10)), ..everything() };
    let page = stores.tickets.search(&search).await.unwrap();
    assert!(page.listings.is_empty(), "it stands behind all that one page looks at");
    let rest = TicketSearch { after: page.next, ..search.clone() };
    assert!(rest.after.is_some());
    assert_eq!(found(stores, &rest).await, [cheap.id]);
    // In the order of the price itself it is the first.
    let order = TicketOrder { key: SortKey::UnitPrice, descending: false };
    assert_eq!(found(stores, &TicketSearch { order, ..search }).await, [cheap.id]);
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
