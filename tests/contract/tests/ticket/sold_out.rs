//! A ticket that is sold out: who asks for the first time is refused without a transaction, and is let through as soon
//! as stock comes back.

use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use kernel::{Committed, Fault};
use testkit::eventually;
use ticket::{
    Hold, HoldRequest, HoldStep, Slot, SlotCapacity, StockCommand, StockRefusal, StockVerdict,
    Ticket,
};

use crate::scene::{Stores, hold_of, memory, over};

contract::over_every_store!(
    a_hold_that_was_taken_is_given_again_when_all_is_sold,
    a_hold_that_is_wrongly_called_new_is_taken_once,
    whatever_comes_back_is_sold_at_once;
    a_refusal_begins_no_transaction,
    two_replicas_of_a_sold_out_ticket_stay_exact,
);

/// Longer than the life of a hold that is to expire, and than any clock's grain.
const AGE: Duration = Duration::from_millis(30);

fn is_sold_out(verdict: &StockVerdict) -> bool {
    verdict.as_ref().is_err_and(|refusal| refusal.reason() == "SOLD_OUT")
}

impl Stores {
    /// Asks for a hold that surely nobody has asked for before.
    async fn first_asked(&self, ticket: &Ticket, units: i64) -> StockVerdict {
        let request = self.request(ticket, "bob", units);
        self.execute(StockCommand::Hold(HoldRequest { surely_new: true, ..request })).await
    }

    /// A ticket of this capacity that one hold has taken all of, and known to be sold out.
    async fn sold_out(&self, capacity: i64) -> (Ticket, Hold) {
        let short = |ticket: &mut Ticket| ticket.terms.hold_ttl = Duration::from_millis(1);
        let ticket = self.on_sale(capacity, short).await;
        let hold = self.held(&ticket, capacity, false).await;
        assert!(is_sold_out(&self.first_asked(&ticket, 1).await));
        (ticket, hold)
    }
}

async fn a_hold_that_was_taken_is_given_again_when_all_is_sold(stores: &Stores) {
    let ticket = stores.on_sale(1, |_| {}).await;
    let request = stores.request(&ticket, "alice", 1);
    let first = HoldRequest { surely_new: true, ..request.clone() };
    let held = hold_of(stores.execute(StockCommand::Hold(first)).await);
    for _ in 0..3 {
        assert!(is_sold_out(&stores.first_asked(&ticket, 1).await));
        let again = hold_of(stores.execute(StockCommand::Hold(request.clone())).await);
        assert_eq!(again, held);
    }
}

/// Whoever says that a hold is new may be mistaken: the store must not take it for granted.
async fn a_hold_that_is_wrongly_called_new_is_taken_once(stores: &Stores) {
    let ticket = stores.on_sale(10, |_| {}).await;
    let request = HoldRequest { surely_new: true, ..stores.request(&ticket, "alice", 2) };
    let other = HoldRequest { surely_new: true, ..stores.request(&ticket, "bob", 1) };
    let held = hold_of(stores.execute(StockCommand::Hold(request.clone())).await);
    let (again, beside) = futures::join!(
        stores.execute(StockCommand::Hold(request)),
        stores.execute(StockCommand::Hold(other)),
    );
    assert_eq!(hold_of(again), held);
    hold_of(beside);
    assert_eq!(stores.find(ticket.id).await.stock.held(), 3);
}

async fn whatever_comes_back_is_sold_at_once(stores: &Stores) {
    let paths: [&[HoldStep]; 4] = [
        &[HoldStep::Release],
        &[HoldStep::Return],
        &[HoldStep::Commit, HoldStep::Return],
        &[HoldStep::Expire],
    ];
    for path in paths {
        let (ticket, hold) = stores.sold_out(2).await;
        tokio::time::sleep(AGE).await;
        for step in path {
            assert!(is_sold_out(&stores.first_asked(&ticket, 1).await), "{path:?}");
            hold_of(stores.step(hold.id, *step).await);
        }
        hold_of(stores.first_asked(&ticket, 2).await);
        assert!(is_sold_out(&stores.first_asked(&ticket, 1).await), "{path:?}, once");
    }
    let (ticket, _) = stores.sold_out(1).await;
    let mut listing = stores.find(ticket.id).await;
    listing.ticket.revision += 1;
    listing.ticket.event_version += 1;
    let mut more = stores.change(&listing, ticket.revision);
    more.capacities = vec![SlotCapacity { slot: Slot::Admission, capacity: 2, position: 0 }];
    assert_eq!(stores.tickets.commit(more).await, Ok(Committed::Done));
    hold_of(stores.first_asked(&ticket, 1).await);
}

async fn a_refusal_begins_no_transaction(stores: &Stores) {
    let (ticket, _) = stores.sold_out(1).await;
    let ledger = stores.ledger(ticket.id).await;
    let mut commits = stores.commits();
    for _ in 0..10 {
        let asked = (0..20).map(|_| stores.first_asked(&ticket, 1));
        assert!(join_all(asked).await.iter().all(is_sold_out));
        // Past the time for which it is believed, which costs a look and still no transaction.
        tokio::time::sleep(AGE).await;
    }
    assert_eq!(commits.notified().now_or_never(), None);
    assert_eq!(stores.ledger(ticket.id).await, ledger);
    let perhaps_again = stores.request(&ticket, "bob", 1);
    assert!(is_sold_out(&stores.execute(StockCommand::Hold(perhaps_again)).await));
    assert_eq!(
        commits.notified().now_or_never(),
        Some(()),
        "who may have asked before is looked up"
    );
}

async fn two_replicas_of_a_sold_out_ticket_stay_exact(stores: &Stores) {
    let other = stores.replica().await;
    let (ticket, hold) = stores.sold_out(5).await;
    assert!(is_sold_out(&other.first_asked(&ticket, 1).await));
    hold_of(other.step(hold.id, HoldStep::Release).await);
    hold_of(other.first_asked(&ticket, 1).await);
    // This one hears of it a little later.
    eventually("stock that another process gave back", || async {
        let verdict = stores.first_asked(&ticket, 1).await;
        match verdict {
            Ok(_) => Ok(()),
            Err(StockRefusal::SoldOut) => Err("not yet"),
            Err(refusal) => panic!("{refusal}"),
        }
    })
    .await;
    let crowd = (0..40).map(|number| {
        let replica = if number % 2 == 0 { stores } else { &other };
        replica.first_asked(&ticket, 1)
    });
    let verdicts = join_all(crowd).await;
    assert_eq!(verdicts.iter().filter(|verdict| verdict.is_ok()).count(), 3, "of five");
    assert_eq!(verdicts.iter().filter(|verdict| is_sold_out(verdict)).count(), 37);
    let stock = stores.find(ticket.id).await.stock;
    assert_eq!((stock.held(), stock.available()), (5, 0));
}
