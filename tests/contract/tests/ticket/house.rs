//! What is set aside for the house: never oversold, never ended by time, and its ticket's end (trap R46).

use futures::future::join_all;
use kernel::{Committed, Quantity, ReplyKey, Timestamp};
use ticket::{
    HoldOwner, HoldRecord, HoldRequest, HoldState, HoldStep, NEVER, OrderKey, Slot, SlotCapacity,
    StockCommand, StockOrder, StockRefusal, StockVerdict, Ticket,
};

use crate::scene::{Stores, hold_of, memory, over};

contract::over_every_store!(
    r46_a_hold_of_the_house_reads_back,
    r46_the_house_and_a_crowd_share_what_there_is,
    r46_no_sweep_ends_it_and_no_step_of_booking,
    r46_it_counts_against_nobodys_limit_and_against_the_capacity,
    r46_its_list_has_no_gap_and_no_double,
    r46_a_deleted_ticket_waits_until_it_is_given_up,
    i6_of_ten_with_one_key_one_sets_aside;
    r46_a_server_that_knows_of_no_house_leaves_it_alone,
);

impl Stores {
    fn house_request(&self, ticket: &Ticket, units: i64, at: i64) -> HoldRequest {
        let created_at = Timestamp::from_micros(at);
        let owner = HoldOwner::House { note: "기자단".into(), created_at };
        HoldRequest { owner, ..self.request(ticket, "nobody", units) }
    }

    async fn kept(&self, ticket: &Ticket, units: i64, at: i64) -> ticket::Hold {
        hold_of(self.execute(StockCommand::Hold(self.house_request(ticket, units, at))).await)
    }

    fn keyed(&self, command: StockCommand, key: &ReplyKey) -> StockOrder {
        let encode = |hold: &ticket::Hold| hold.id.to_string().into_bytes();
        StockOrder { key: Some(OrderKey { key: key.clone(), encode }), ..self.order(command) }
    }
}

fn sold_out(verdict: &StockVerdict) -> bool {
    *verdict == Err(StockRefusal::SoldOut)
}

async fn r46_a_hold_of_the_house_reads_back(stores: &Stores) {
    let paused = |ticket: &mut Ticket| ticket.status = ticket::TicketStatus::Paused;
    let ticket = stores.on_sale(5, paused).await;
    let request = stores.house_request(&ticket, 2, 7);
    let hold = hold_of(stores.execute(StockCommand::Hold(request.clone())).await);
    assert_eq!((hold.expires_at, hold.owner.clone()), (NEVER, request.owner.clone()));
    let read = stores.stock.find_hold(hold.id).await;
    assert_eq!(read, Ok(Some(HoldRecord::Hold(hold.clone()))));
    let again = hold_of(stores.execute(StockCommand::Hold(request.clone())).await);
    assert_eq!(again, hold, "the same again");
    let given_up = hold_of(stores.step(hold.id, HoldStep::ReleaseHouse).await);
    assert_eq!(given_up.state, HoldState::Released { told: false });
    assert_eq!(hold_of(stores.step(hold.id, HoldStep::ReleaseHouse).await), given_up);
    assert_eq!(hold_of(stores.execute(StockCommand::Hold(request)).await), given_up);
    assert_eq!(stores.find(ticket.id).await.stock.held(), 0);
    assert!(stores.told(hold.id).await.is_empty(), "no booking waits for it");
}

async fn i6_of_ten_with_one_key_one_sets_aside(stores: &Stores) {
    let ticket = stores.on_sale(5, |_| {}).await;
    let key = ReplyKey { scope: "acme".into(), key: "k".into(), fingerprint: vec![1] };
    let asked = |units, at| {
        let wish = StockCommand::Hold(stores.house_request(&ticket, units, at));
        vec![stores.keyed(wish, &key)]
    };
    assert!(sold_out(&stores.decide(asked(6, 0)).await[0]));
    assert_eq!(stores.tickets.find_reply(&key).await, Ok(None), "a refusal leaves the key");
    let verdicts = join_all((0..10).map(|at| stores.decide(asked(1, at)))).await;
    let (kept, others): (Vec<_>, Vec<_>) =
        verdicts.into_iter().flatten().partition(|verdict| verdict.is_ok());
    assert_eq!(others, vec![Err(StockRefusal::KeyTaken); 9]);
    let kept = hold_of(kept.into_iter().next().unwrap());
    let body = |hold: &ticket::Hold| Some(hold.id.to_string().into_bytes());
    let reply = stores.tickets.find_reply(&key).await.unwrap().unwrap();
    assert_eq!((reply.fingerprint, reply.body), (vec![1], body(&kept)));
    assert_eq!(stores.find(ticket.id).await.stock.held(), 1);

    let release = StockCommand::Step(kept.id, HoldStep::ReleaseHouse);
    let taken = stores.decide(vec![stores.keyed(release.clone(), &key)]).await;
    assert_eq!(taken, [Err(StockRefusal::KeyTaken)]);
    assert_eq!(stores.find(ticket.id).await.stock.held(), 1, "and does nothing");
    for name in ["r", "given up already"] {
        let key = ReplyKey { key: name.into(), ..key.clone() };
        let given_up = stores.decide(vec![stores.keyed(release.clone(), &key)]).await;
        assert!(given_up[0].is_ok(), "{given_up:?}");
        let reply = stores.tickets.find_reply(&key).await.unwrap().unwrap();
        assert_eq!(reply.body, body(&kept));
    }
    assert_eq!(stores.find(ticket.id).await.stock.held(), 0);
}

async fn r46_the_house_and_a_crowd_share_what_there_is(stores: &Stores) {
    let ticket = stores.on_sale(25, |_| {}).await;
    let calls = (0..40).map(|number| {
        let request = if number % 2 == 0 {
            stores.house_request(&ticket, 1, number)
        } else {
            stores.request(&ticket, &format!("buyer-{number}"), 1)
        };
        stores.execute(StockCommand::Hold(request))
    });
    let verdicts = join_all(calls).await;
    assert_eq!(verdicts.iter().filter(|verdict| verdict.is_ok()).count(), 25);
    assert_eq!(verdicts.iter().filter(|verdict| sold_out(verdict)).count(), 15);
    assert_eq!(stores.find(ticket.id).await.stock.held(), 25);
}

async fn r46_no_sweep_ends_it_and_no_step_of_booking(stores: &Stores) {
    let ticket = stores.on_sale(5, |_| {}).await;
    let hold = stores.kept(&ticket, 2, 1).await;
    let due = stores.stock.due_holds(0, 9).await.unwrap();
    assert_eq!((due.due, due.overdue_pins), (Vec::new(), 0));
    assert_eq!(hold_of(stores.step(hold.id, HoldStep::Expire).await), hold);
    for step in
        [HoldStep::Pin, HoldStep::Unpin, HoldStep::Commit, HoldStep::Release, HoldStep::Return]
    {
        assert_eq!(stores.step(hold.id, step).await, Err(StockRefusal::HoldClosed), "{step:?}");
    }
    let buyers = stores.held(&ticket, 1, false).await;
    let refused = stores.step(buyers.id, HoldStep::ReleaseHouse).await;
    assert_eq!(refused, Err(StockRefusal::HoldClosed));
    assert_eq!(stores.find(ticket.id).await.stock.held(), 3);
}

async fn r46_it_counts_against_nobodys_limit_and_against_the_capacity(stores: &Stores) {
    let limit = |ticket: &mut Ticket| ticket.terms.max_per_buyer = Quantity::new(2).ok();
    let ticket = stores.on_sale(10, limit).await;
    stores.kept(&ticket, 3, 1).await;
    stores.kept(&ticket, 3, 2).await;
    stores.held(&ticket, 2, false).await;
    let mut listing = stores.find(ticket.id).await;
    listing.ticket.revision = 2;
    listing.ticket.event_version = 2;
    let mut fewer = stores.change(&listing, 1);
    fewer.capacities = vec![SlotCapacity { slot: Slot::Admission, capacity: 7, position: 0 }];
    assert_eq!(stores.tickets.commit(fewer.clone()).await, Ok(Committed::Stale));
    fewer.capacities = vec![SlotCapacity { slot: Slot::Admission, capacity: 8, position: 0 }];
    assert_eq!(stores.tickets.commit(fewer).await, Ok(Committed::Done));
}

async fn r46_its_list_has_no_gap_and_no_double(stores: &Stores) {
    let ticket = stores.on_sale(20, |_| {}).await;
    let other = stores.on_sale(20, |_| {}).await;
    let mut kept = Vec::new();
    for at in [1, 2, 2, 3, 4] {
        kept.push(stores.kept(&ticket, 1, at).await);
    }
    stores.kept(&other, 1, 9).await;
    stores.held(&ticket, 1, false).await;
    let given_up = kept.remove(3);
    assert!(stores.step(given_up.id, HoldStep::ReleaseHouse).await.is_ok());
    kept.reverse();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = stores.stock.house_holds(ticket.id, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.house_cursor();
        listed.extend(page);
    }
    assert_eq!(listed, kept, "the newest first");
}

async fn r46_a_deleted_ticket_waits_until_it_is_given_up(stores: &Stores) {
    let ticket = stores.on_sale(5, |_| {}).await;
    let hold = stores.kept(&ticket, 2, 1).await;
    assert_eq!(stores.stock.forsaken_house_holds(9).await, Ok(Vec::new()));
    stores.delete(ticket.id).await;
    let late = stores.house_request(&ticket, 1, 2);
    let refused = stores.execute(StockCommand::Hold(late)).await;
    assert_eq!(refused, Err(StockRefusal::TicketRetiring));
    assert_eq!(stores.tickets.find_retirable(9).await, Ok(Vec::new()));
    assert_eq!(stores.stock.forsaken_house_holds(9).await, Ok(vec![hold.id]));
    assert!(stores.step(hold.id, HoldStep::ReleaseHouse).await.is_ok());
    assert_eq!(stores.stock.forsaken_house_holds(9).await, Ok(Vec::new()));
    assert_eq!(stores.tickets.find_retirable(9).await, Ok(vec![ticket.id]));
}

/// Such a server finds due holds by state, pin and time, and reads a buyer where there is none.
async fn r46_a_server_that_knows_of_no_house_leaves_it_alone(stores: &Stores) {
    let ticket = stores.on_sale(5, |_| {}).await;
    stores.kept(&ticket, 2, 1).await;
    let found = async |condition: &str| {
        let sql = format!("SELECT COUNT(*) FROM hold WHERE {condition}");
        stores.database().value::<i64>(&sql).await
    };
    assert_eq!(found("state = 'ACTIVE' AND expires_at_us < 9000000000000000000").await, 0);
    assert_eq!(found("state = 'ACTIVE' AND pinned_since_us IS NOT NULL").await, 0);
    assert_eq!(found("state = 'ACTIVE' AND buyer_id = ''").await, 1);
    assert!(kernel::BuyerId::new("").is_err(), "so its row cannot be read, and is not written");
}
