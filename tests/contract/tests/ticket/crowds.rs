//! Crowds at one ticket, over several servers and beyond what one can hold: exact, and refused early.

use futures::future::join_all;
use kernel::StoreError;
use sea_orm_database::Batching;
use ticket::{HoldStep, Slot, SlotCounts, StockCommand, StockStore, fold};

use crate::scene::{Stores, over};

contract::over_every_database!(
    r21_servers_with_and_without_batches_never_oversell,
    r22_five_thousand_at_once_are_answered_or_asked_to_come_again,
);

const CAPACITY: i64 = 100;
/// How often a caller asks again.
const ASKED_MAX: usize = 20;

/// As a caller does it: a database that has too much to do is asked again.
async fn held(stores: &Stores, store: &dyn StockStore, command: StockCommand) -> bool {
    for _ in 0..ASKED_MAX {
        match store.execute(vec![stores.order(command.clone())]).await {
            Err(StoreError::Overloaded { .. }) => {}
            verdicts => return verdicts.unwrap()[0].is_ok(),
        }
    }
    panic!("overloaded {ASKED_MAX} times");
}

async fn r21_servers_with_and_without_batches_never_oversell(stores: &Stores) {
    let ticket = stores.on_sale(CAPACITY, |_| {}).await;
    let servers = [stores.beside(Batching::Off).await, stores.beside(Batching::On).await];
    let calls = (0..240_usize).map(async |buyer| {
        let store: &dyn StockStore = match servers.get(buyer % 3) {
            Some(server) => server,
            None => stores.stock.as_ref(),
        };
        let request = stores.request(&ticket, &format!("buyer-{buyer}"), 1);
        let id = request.hold_id;
        // Every fourth is sold at once, by whichever server is next.
        let got = held(stores, store, StockCommand::Hold(request)).await;
        if got && buyer % 4 == 0 {
            let sold = StockCommand::Step(id, HoldStep::Commit);
            assert!(held(stores, &servers[buyer % 2], sold).await);
        }
        i64::from(got)
    });
    let got: i64 = join_all(calls).await.into_iter().sum();
    assert_eq!(got, CAPACITY, "each unit once");
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.available(), stock.held() + stock.sold()), (0, 100));
    let counts = fold(&stores.ledger(ticket.id).await);
    let SlotCounts { held, sold } = counts[&(ticket.id, Slot::Admission)];
    assert_eq!((u64::try_from(held), u64::try_from(sold)), (Ok(stock.held()), Ok(stock.sold())));
}

async fn r22_five_thousand_at_once_are_answered_or_asked_to_come_again(stores: &Stores) {
    let ticket = stores.on_sale(10_000, |_| {}).await;
    let calls = (0..5_000).map(|buyer| {
        let request = stores.request(&ticket, &format!("buyer-{buyer}"), 1);
        let order = stores.order(StockCommand::Hold(request));
        stores.stock.execute(vec![order])
    });
    let mut held = 0;
    for answer in join_all(calls).await {
        match answer {
            Ok(verdicts) => held += u64::from(verdicts[0].is_ok()),
            // What a caller sees as RESOURCE_EXHAUSTED with RetryInfo. Nothing else is an answer here.
            Err(StoreError::Overloaded { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(held > 0, "a crowd does not keep everybody out");
    assert_eq!(stores.find(ticket.id).await.stock.held(), held, "who was refused holds nothing");
}
