//! What is counted of the business, as it was committed. The numbers are the process's, so this is one of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a scene that cannot be set up is a failed test, and only some of the scene is needed"
)]

#[path = "ticket/scene.rs"]
mod scene;

use contract::Engine;
use kernel::HoldId;
use telemetry_metrics::{Format, render};
use ticket::{HoldStep, StockCommand};

fn holds(outcome: &str) -> u64 {
    let (text, name) =
        (render(Format::Prometheus), format!("holds_total{{outcome=\"{outcome}\"}} "));
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_a_hold_counts_when_it_changes_and_not_when_it_is_asked_for_again() {
    let stores = scene::over(Engine::Sqlite).await;
    let ticket = stores.on_sale(10, |_| {}).await;
    let request = stores.request(&ticket, "alice", 1);
    for _ in 0..2 {
        assert!(stores.execute(StockCommand::Hold(request.clone())).await.is_ok());
    }
    assert!(stores.step(request.hold_id, HoldStep::Pin).await.is_ok());
    assert_eq!(holds("held"), 1, "one hold, however often it was asked for");
    for _ in 0..2 {
        assert!(stores.step(request.hold_id, HoldStep::Commit).await.is_ok());
    }
    assert_eq!((holds("held"), holds("committed")), (1, 1));
    let given_up = stores.held(&ticket, 1, false).await;
    let never_was = HoldId::new(stores.uuid());
    for id in [given_up.id, given_up.id, never_was] {
        assert!(stores.step(id, HoldStep::Release).await.is_ok());
    }
    assert_eq!((holds("held"), holds("released")), (2, 1), "what never was is not given up");
    // At once sold out and taken: what is refused in a batch is not counted with what is not.
    let (small, big) = (stores.request(&ticket, "bob", 1), stores.request(&ticket, "carol", 100));
    let orders = [small, big].map(|request| stores.order(StockCommand::Hold(request)));
    let verdicts = stores.decide(orders.into()).await;
    assert!(verdicts[0].is_ok() && verdicts[1].is_err());
    assert_eq!(holds("held"), 3);
}
