//! The accounts of a slot, broken by hand: which stands alone is found, and counters are mended beside a crowd.

use futures::future::join_all;
use sea_orm_ticket::{Mended, SlotName, explain, mend};
use ticket::{
    Account, CannotMend, Comparison, HoldState, HoldStep, Slot, SlotCounts, StockCommand, Ticket,
    fold,
};

use crate::scene::{Stores, hold_of, over};

contract::over_every_database!(
    i2_each_account_is_found_where_it_stands_alone,
    i2_a_slot_whose_holds_have_ended_in_every_way_agrees,
    i2_counters_are_mended_beside_a_crowd,
    i2_what_is_not_there_is_said,
);

fn slot_of(ticket: &Ticket) -> SlotName {
    SlotName { ticket_id: ticket.id.to_string(), slot: Slot::Admission.to_string() }
}

const fn counts(held: i64, sold: i64) -> SlotCounts {
    SlotCounts { held, sold }
}

async fn i2_each_account_is_found_where_it_stands_alone(stores: &Stores) {
    let ticket = stores.on_sale(10, |_| {}).await;
    let (db, slot) = (&stores.database().db, slot_of(&ticket));
    let sold = stores.held(&ticket, 2, true).await;
    assert!(stores.step(sold.id, HoldStep::Commit).await.is_ok());
    let held = stores.held(&ticket, 1, false).await;
    let whole = explain(db, &slot).await.unwrap();
    assert_eq!((whole.accounts.compare(), whole.apart), (Comparison::Agree, Vec::new()));
    assert_eq!((whole.accounts.ledger, whole.last.len()), (counts(1, 2), 3));
    assert_eq!(mend(db, &slot).await, Ok(Ok(None)));

    stores.tamper("UPDATE stock SET sold = sold - 1").await;
    let found = explain(db, &slot).await.unwrap().accounts;
    assert_eq!(found.compare(), Comparison::StandsAlone(Account::Counters), "{found:?}");
    let mended = Mended { before: counts(1, 1), after: counts(1, 2) };
    assert_eq!(mend(db, &slot).await, Ok(Ok(Some(mended))));
    assert_eq!(explain(db, &slot).await.unwrap().accounts, whole.accounts);

    stores.tamper("UPDATE stock_entry SET d_sold = d_sold + 1 WHERE kind = 'COMMIT'").await;
    let found = explain(db, &slot).await.unwrap();
    assert_eq!(found.accounts.compare(), Comparison::StandsAlone(Account::Ledger), "{found:?}");
    assert_eq!((found.accounts.holds_apart, found.apart.len()), (1, 1));
    let apart = &found.apart[0];
    assert_eq!((&apart.hold_id, apart.state.as_deref()), (&sold.id.to_string(), Some("COMMITTED")));
    assert_eq!((apart.row, apart.ledger), (counts(0, 2), counts(0, 3)));
    assert_eq!(apart.entries.len(), 2);
    assert_eq!(mend(db, &slot).await, Ok(Err(CannotMend::LedgerStandsAlone)));
    stores.tamper("UPDATE stock_entry SET d_sold = d_sold - 1 WHERE kind = 'COMMIT'").await;

    stores.tamper("UPDATE hold SET state = 'EXPIRED' WHERE state = 'ACTIVE'").await;
    let found = explain(db, &slot).await.unwrap();
    assert_eq!(found.accounts.compare(), Comparison::StandsAlone(Account::Holds), "{found:?}");
    assert_eq!(found.apart[0].hold_id, held.id.to_string());
    assert_eq!(mend(db, &slot).await, Ok(Err(CannotMend::HoldsStandAlone)));
    stores.tamper("DELETE FROM hold WHERE state = 'EXPIRED'").await;
    let found = explain(db, &slot).await.unwrap();
    assert_eq!(found.apart[0].state, None, "{found:?}");
    assert_eq!(found.accounts.counters.map(|found| found.counts), Some(counts(1, 2)));
}

async fn i2_a_slot_whose_holds_have_ended_in_every_way_agrees(stores: &Stores) {
    let short = |ticket: &mut Ticket| ticket.terms.hold_ttl = std::time::Duration::from_millis(1);
    let ticket = stores.on_sale(100, short).await;
    let paths: [&[HoldStep]; 7] = [
        &[],
        &[HoldStep::Pin],
        &[HoldStep::Commit],
        &[HoldStep::Commit, HoldStep::Return],
        &[HoldStep::Release],
        &[HoldStep::Expire],
        &[HoldStep::Expire, HoldStep::Commit],
    ];
    for path in paths {
        let hold = stores.held(&ticket, 3, false).await;
        for step in path {
            // It expires once its millisecond is over.
            let done = async || hold_of(stores.step(hold.id, *step).await).state;
            while done().await != HoldState::Expired && *step == HoldStep::Expire {}
        }
    }
    let read = explain(&stores.database().db, &slot_of(&ticket)).await.unwrap();
    let found = read.accounts.counters.unwrap();
    assert_eq!((found.capacity, found.counts), (100, counts(6, 6)));
    assert_eq!((read.accounts.compare(), read.accounts.holds_apart), (Comparison::Agree, 0));
}

async fn i2_counters_are_mended_beside_a_crowd(stores: &Stores) {
    let ticket = stores.on_sale(1_000, |_| {}).await;
    let slot = slot_of(&ticket);
    stores.held(&ticket, 4, true).await;
    stores.tamper("UPDATE stock SET sold = sold + 5, held = held + 1").await;
    let db = &stores.database().db;
    let crowd = (0..40).map(|buyer| {
        let request = stores.request(&ticket, &format!("buyer-{buyer}"), 1);
        stores.execute(StockCommand::Hold(request))
    });
    let menders = (0..4).map(|_| mend(db, &slot));
    let (verdicts, mended) = futures::join!(join_all(crowd), join_all(menders));
    assert!(verdicts.iter().all(Result::is_ok));
    let mended: Vec<_> = mended.into_iter().map(|each| each.unwrap().unwrap()).collect();
    assert_eq!(mended.iter().flatten().count(), 1, "once: {mended:?}");
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.held(), stock.sold()), (44, 0));
    let ledger = fold(&stores.ledger(ticket.id).await);
    assert_eq!(ledger.into_values().collect::<Vec<_>>(), [counts(44, 0)]);
}

async fn i2_what_is_not_there_is_said(stores: &Stores) {
    let ticket = stores.on_sale(10, |_| {}).await;
    let slot = slot_of(&ticket);
    stores.held(&ticket, 4, true).await;
    stores.tamper("DELETE FROM stock").await;
    let db = &stores.database().db;
    let found = explain(db, &slot).await.unwrap();
    assert_eq!(found.accounts.compare(), Comparison::StandsAlone(Account::Counters));
    assert_eq!(mend(db, &slot).await, Ok(Err(CannotMend::NoCounters)));
    let nowhere = SlotName { ticket_id: "nobody".to_owned(), ..slot };
    assert_eq!(mend(db, &nowhere).await, Ok(Err(CannotMend::NoTicket)));
    assert_eq!(explain(db, &nowhere).await.unwrap().last, Vec::new());
}
