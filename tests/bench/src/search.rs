//! Searches among as many tickets as `--tickets` says, over each engine: how long the first page takes, and fifty
//! pages in a row. It compares nothing, so nothing is kept.

use std::sync::Arc;
use std::time::Duration;

use contract::{Engine, Fresh};
use grpc_ticket::envelope;
use kernel::{Currency, Money, OrganizerId, PageSize, TicketId, Timestamp, Uuid};
use sea_orm_database::Batching;
use sea_orm_ticket::{SeaOrmTicketStore, migrations};
use ticket::{RegisterTicket, SearchWord, TicketDraft, TicketOrder, TicketSearch, TicketStore};
use tokio::time::Instant;

use crate::catalogue::copied;
use crate::in_server;
use crate::measurement::percentile_ms;
use crate::report::Found;

/// All others are copies of these, with a place of their own in each order.
const PATTERNS: u64 = 1_000;
const RARE: u64 = 15;
const PAGES: usize = 50;
const REPEATED: usize = 20;
const CAPACITY: i64 = 100;
const ORDERS: [&str; 3] = ["create_time desc", "start_time", "unit_price"];

/// Fills each engine with so many tickets and tells how long searches take.
pub(crate) async fn measure(tickets: u64) -> Found {
    for engine in [Engine::Postgres, Engine::Sqlite, Engine::MariaDb] {
        let fresh = Fresh::new(engine, migrations()).await;
        let store = Arc::new(SeaOrmTicketStore::new(fresh.db.clone(), envelope, Batching::On));
        let begun = Instant::now();
        fill(engine, &fresh, &store, tickets).await;
        println!("{engine:?}: {tickets} tickets in {:.0?}", begun.elapsed());
        for (name, search) in searches() {
            for order in ORDERS {
                let order = TicketOrder::parse(order).unwrap_or(TicketOrder::NEWEST_FIRST);
                let search = TicketSearch { order, ..search.clone() };
                println!(
                    "{engine:?}  {name:<28} {:<12} {}",
                    key(order),
                    told(&store, &search).await
                );
            }
        }
        fresh.db.close().await;
    }
    Found::default()
}

fn key(order: TicketOrder) -> String {
    format!("{:?}", order.key)
}

async fn told(store: &SeaOrmTicketStore, search: &TicketSearch) -> String {
    let mut firsts = Vec::new();
    for _ in 0..REPEATED {
        let begun = Instant::now();
        if let Err(error) = store.search(search).await {
            return format!("after {:?}: {error}", begun.elapsed());
        }
        firsts.push(begun.elapsed());
    }
    let (mut walked, mut rows, mut search) = (Vec::new(), 0, search.clone());
    while walked.len() < PAGES {
        let begun = Instant::now();
        let page = match store.search(&search).await {
            Ok(page) => page,
            Err(error) => return format!("page {}: {error}", walked.len() + 1),
        };
        walked.push(begun.elapsed());
        rows += page.listings.len();
        search.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    let pages = walked.len();
    format!("first page {}; {pages} pages of {rows} rows {}", spread(firsts), spread(walked))
}

fn spread(mut waits: Vec<Duration>) -> String {
    waits.sort();
    let (p50, p99) = (percentile_ms(&waits, 500), percentile_ms(&waits, 990));
    format!("p50 {p50:.1} ms, p99 {p99:.1} ms")
}

fn searches() -> Vec<(&'static str, TicketSearch)> {
    let all = TicketSearch {
        words: Vec::new(),
        category: None,
        organizer_id: None,
        kind: None,
        starts_from: None,
        starts_before: None,
        max_unit_price: None,
        available_only: false,
        order: TicketOrder::NEWEST_FIRST,
        page_size: PageSize::new(20).unwrap_or_else(|error| panic!("{error}")),
        after: None,
    };
    let words = |text: &str| TicketSearch { words: SearchWord::asked(text), ..all.clone() };
    let at = |micros: i64| Some(Timestamp::from_micros(micros));
    vec![
        ("all", all.clone()),
        ("word of 1 in 5", words("concert")),
        ("its beginning", words("c")),
        ("two of them", words("concert festival")),
        ("korean, 1 in 10", words("문화회관")),
        ("word of 1 in 1,000", words("artist7x")),
        ("common and rare", words("concert rarity")),
        ("word of 15", words("rarity")),
        ("word of none", words("nowhere")),
        ("available, 1 in 2", TicketSearch { available_only: true, ..all.clone() }),
        ("word and available", TicketSearch { available_only: true, ..words("concert") }),
        ("category, 1 in 10", TicketSearch { category: Some("c3".into()), ..all.clone() }),
        ("category of 15", TicketSearch { category: Some("rare".into()), ..all.clone() }),
        (
            "organizer, 1 in 50",
            TicketSearch { organizer_id: OrganizerId::new("o7").ok(), ..all.clone() },
        ),
        ("price of 1 in 100", TicketSearch { max_unit_price: Some(won(10_500)), ..all.clone() }),
        (
            "window of 1 in 1,000",
            TicketSearch { starts_from: at(1_000_000), starts_before: at(2_000_000), ..all },
        ),
    ]
}

async fn fill(engine: Engine, fresh: &Fresh, store: &SeaOrmTicketStore, tickets: u64) {
    for number in 0..PATTERNS {
        register(store, number, &pattern(number)).await;
    }
    for round in 1..tickets.div_ceil(PATTERNS) {
        for sql in copied(round, "< '00000001'") {
            fresh.tamper(&sql).await.unwrap_or_else(|error| panic!("{error}"));
        }
    }
    let rare = TicketDraft { name: "Rarity concert".into(), category: "rare".into(), ..pattern(0) };
    for number in 0..RARE {
        register(store, PATTERNS + number, &rare).await;
    }
    // As the servers do by themselves after a while. SQLite does so when it is told, which nobody does.
    for (of, analyze) in
        [(Engine::Postgres, "ANALYZE ticket"), (Engine::MariaDb, "ANALYZE TABLE ticket")]
    {
        if engine == of {
            fresh.tamper(analyze).await.unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// Fifty words, some of which one ticket in five has.
fn pattern(number: u64) -> TicketDraft {
    let often = |word: &str, each: u64, rest: u64| {
        if number % each == rest { word.to_owned() } else { format!("other{}", number % 13) }
    };
    let text: Vec<_> =
        (0..40).map(|place| format!("w{}", (number * 31 + place * place) % 4_001)).collect();
    TicketDraft {
        name: format!("{} {} artist{number}x", often("concert", 5, 0), often("festival", 7, 0)),
        venue: often("서울 세종문화회관 대극장", 10, 1),
        description: text.join(" "),
        category: format!("c{}", number % 10),
        unit_price: Some(won(10_000 + i64::try_from(number).unwrap_or_default() * 50)),
        starts_at: Some(Timestamp::from_micros(
            2_000 + i64::try_from(number).unwrap_or_default() * 7_001,
        )),
        ..TicketDraft::default()
    }
}

async fn register(store: &SeaOrmTicketStore, number: u64, draft: &TicketDraft) {
    let request = RegisterTicket::admission(CAPACITY, draft.clone());
    let id = TicketId::new(Uuid::from_u128(u128::from(number)));
    let at = Timestamp::from_micros(i64::try_from(number).unwrap_or_default());
    in_server::register(store, (id, &format!("o{}", number % 50)), &request, at).await;
}

fn won(amount: i64) -> Money {
    let won = Currency::from_code("KRW").unwrap_or_else(|error| panic!("{error}"));
    Money::from_minor(amount, won)
}
