//! A part of what was sold comes back: once, of exactly so many units, in the counters, the ledger and the hold alike.

use futures::future::join_all;
use kernel::{HoldId, Quantity};
use ticket::{HoldRecord, HoldStep, StockCommand, StockOutcome};

use crate::scene::{Stores, hold_of, memory, over};

contract::over_every_store!(
    t09_a_reduced_hold_reads_back_and_gives_back_once,
    t09_of_ten_who_reduce_to_the_same_one_gives_back,
    t09_what_came_back_counts_for_no_limit,
);

fn stays(id: HoldId, units: i64) -> StockCommand {
    StockCommand::Reduce(id, Quantity::new(units).unwrap())
}

async fn t09_a_reduced_hold_reads_back_and_gives_back_once(stores: &Stores) {
    let ticket = stores.on_sale(10, |_| {}).await;
    for committed in [false, true] {
        let hold = stores.held(&ticket, 5, true).await;
        if committed {
            assert!(stores.step(hold.id, HoldStep::Commit).await.is_ok());
        }
        for (units, left) in [(3, 3), (3, 3), (4, 3), (1, 1)] {
            let reduced = hold_of(stores.execute(stays(hold.id, units)).await);
            assert_eq!(i64::from(reduced.quantity.get()), left);
            assert_eq!(reduced.total, hold.total, "what it was held at stays");
            let read = stores.stock.find_hold(hold.id).await;
            assert_eq!(read, Ok(Some(HoldRecord::Hold(reduced))), "{units} stay");
            let left = u64::try_from(left).unwrap();
            assert_eq!(stores.find(ticket.id).await.stock.available(), 10 - left);
        }
        assert!(stores.step(hold.id, HoldStep::Return).await.is_ok());
        assert_eq!(stores.find(ticket.id).await.stock.available(), 10);
        assert!(stores.execute(stays(hold.id, 1)).await.is_ok(), "it comes late");
        assert_eq!(stores.find(ticket.id).await.stock.available(), 10);
    }
    let nobody = HoldId::new(stores.uuid());
    assert!(stores.execute(stays(nobody, 1)).await.is_err());
}

async fn t09_of_ten_who_reduce_to_the_same_one_gives_back(stores: &Stores) {
    let ticket = stores.on_sale(20, |_| {}).await;
    let hold = stores.held(&ticket, 9, true).await;
    assert!(stores.step(hold.id, HoldStep::Commit).await.is_ok());
    let others = (0..5).map(|_| stores.held(&ticket, 1, true));
    let calls = (0..10).map(|_| stores.execute(stays(hold.id, 4)));
    let (verdicts, others) = futures::future::join(join_all(calls), join_all(others)).await;
    for verdict in verdicts {
        assert_eq!(hold_of(verdict).quantity, Quantity::new(4).unwrap());
    }
    assert_eq!(others.len(), 5);
    assert_eq!(stores.find(ticket.id).await.stock.available(), 20 - 4 - 5);
}

async fn t09_what_came_back_counts_for_no_limit(stores: &Stores) {
    let limited = |ticket: &mut ticket::Ticket| {
        ticket.terms.max_per_buyer = Quantity::new(3).ok();
    };
    let ticket = stores.on_sale(10, limited).await;
    let hold = stores.held(&ticket, 3, true).await;
    let more = stores.request(&ticket, "alice", 2);
    assert!(stores.execute(StockCommand::Hold(more.clone())).await.is_err());
    assert!(stores.execute(stays(hold.id, 1)).await.is_ok());
    let verdict = stores.execute(StockCommand::Hold(more)).await;
    assert!(matches!(verdict, Ok(StockOutcome::Hold(_))), "{verdict:?}");
}
