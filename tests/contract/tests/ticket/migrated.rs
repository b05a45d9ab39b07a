//! Tickets of an older version's database are found by the newer one.

use contract::{Engine, Fresh};
use sea_orm_ticket::migrations;

contract::over_every_database!(t03_tickets_that_were_there_are_found);

const SEARCHES: &str = "m0005_ticket_search";

/// As the version before searches left it.
async fn over(engine: Engine) -> Fresh {
    let older = migrations().into_iter().filter(|migration| migration.name() != SEARCHES);
    Fresh::new(engine, older.collect()).await
}

async fn t03_tickets_that_were_there_are_found(fresh: &Fresh) {
    for (number, status, starts_at) in [(1, "ON_SALE", "NULL"), (2, "RETIRED", "7")] {
        let insert = format!(
            "INSERT INTO ticket (id, organizer_id, organizer_locale, kind, allocation, status, name, description, \
             venue, category, search_text, time_zone, currency, unit_price_minor, starts_at_us, max_per_buyer, \
             hold_ttl_us, created_at_us, updated_at_us, revision, event_version) VALUES \
             ('00000000-0000-0000-0000-00000000000{number}', 'acme', 'ko', 'ADMISSION', 'HOLD_FIRST', '{status}', \
             'Old Opera', '', '', '', 'old opera', 'UTC', 'KRW', 1, {starts_at}, 0, 1000000, 1, 1, 1, 1)"
        );
        fresh.tamper(&insert).await.unwrap();
    }
    let newer = fresh.open_again(migrations()).await;
    let counted = async |condition: &str| {
        fresh.value::<i64>(&format!("SELECT COUNT(*) FROM ticket WHERE {condition}")).await
    };
    assert_eq!(counted("search_text = ' zzold zzopera'").await, 2);
    assert_eq!(counted("findable AND status = 'ON_SALE'").await, 1);
    assert_eq!(counted("findable").await, 1);
    assert_eq!(counted(&format!("starts_first_us = {}", i64::MAX)).await, 1);
    assert_eq!(counted("starts_first_us = 7 AND starts_last_us = 7").await, 1);
    newer.close().await;
}
