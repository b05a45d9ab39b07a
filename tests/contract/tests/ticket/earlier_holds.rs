//! Holds of a version that knew of admission alone keep their meaning.

use contract::{Engine, Fresh};
use sea_orm_ticket::migrations;

contract::over_every_database!(r27_holds_that_were_there_have_their_quantity);

const KINDS: &str = "m0004_kinds";

/// As the version before left it.
async fn over(engine: Engine) -> Fresh {
    let older = migrations().into_iter().take_while(|migration| migration.name() != KINDS);
    Fresh::new(engine, older.collect()).await
}

async fn r27_holds_that_were_there_have_their_quantity(fresh: &Fresh) {
    let columns = "id, state, told, ticket_id, buyer_id, currency, unit_price_minor, total_minor, \
                   expires_at_us, revision, event_version";
    let held = "'held', 'ACTIVE', FALSE, 'ticket', 'alice', 'KRW', 1, 3, 1, 1, 0";
    let tombstone = "'tombstone', 'RELEASED', FALSE, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0";
    for values in [held, tombstone] {
        fresh.tamper(&format!("INSERT INTO hold ({columns}) VALUES ({values})")).await.unwrap();
    }
    let line = "INSERT INTO hold_line (hold_id, slot, quantity) VALUES ('held', 'admission', 3)";
    fresh.tamper(line).await.unwrap();
    let newer = fresh.open_again(migrations()).await;
    let counted = async |condition: &str| {
        fresh.value::<i64>(&format!("SELECT COUNT(*) FROM hold WHERE {condition}")).await
    };
    assert_eq!(counted("id = 'held' AND quantity = 3").await, 1);
    assert_eq!(counted("id = 'tombstone' AND quantity IS NULL").await, 1);
    newer.close().await;
}
