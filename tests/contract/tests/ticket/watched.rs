//! Whoever watches what is left of a ticket is told of every commit that changes it, once it can be read, and of no
//! other.

use in_process_watching::{Change, Listener};
use kernel::{Committed, TicketId};
use ticket::HoldStep;

use crate::scene::{Stores, memory, over};

contract::over_every_store!(every_commit_that_moves_stock_is_told, a_ticket_that_changes_is_told);

/// Whether this ticket, and no other, was told of.
fn hears(told: &mut Listener, id: TicketId) -> bool {
    let mut all = Vec::new();
    all.extend(std::iter::from_fn(|| told.take()));
    !all.is_empty() && all.iter().all(|change| *change == Change::Of(id.to_string().into()))
}

async fn every_commit_that_moves_stock_is_told(stores: &Stores) {
    let other = stores.on_sale(10, |_| {}).await;
    let ticket = stores.on_sale(10, |_| {}).await;
    let mut told = stores.changes();
    let hold = stores.held(&ticket, 3, true).await;
    assert!(hears(&mut told, ticket.id), "held");
    assert!(stores.step(hold.id, HoldStep::Commit).await.is_ok());
    assert!(hears(&mut told, ticket.id), "sold");
    assert!(stores.step(hold.id, HoldStep::Commit).await.is_ok());
    assert_eq!(told.take(), None, "a repeat moves nothing");
    assert!(stores.step(hold.id, HoldStep::Return).await.is_ok());
    assert!(hears(&mut told, ticket.id), "given back");
    stores.held(&other, 1, false).await;
    assert!(hears(&mut told, other.id), "another");
}

async fn a_ticket_that_changes_is_told(stores: &Stores) {
    let ticket = stores.on_sale(10, |_| {}).await;
    let mut told = stores.changes();
    let mut listing = stores.find(ticket.id).await;
    let revision = listing.ticket.revision;
    listing.ticket.revision += 1;
    listing.ticket.event_version += 1;
    assert_eq!(stores.tickets.commit(stores.change(&listing, revision)).await, Ok(Committed::Done));
    assert!(hears(&mut told, ticket.id));
    assert_eq!(
        stores.tickets.commit(stores.change(&listing, revision)).await,
        Ok(Committed::Stale)
    );
    assert_eq!(told.take(), None, "nothing was changed");
}
