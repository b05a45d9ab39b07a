//! The booking saga, checked exhaustively: every order of what people wish, of what the network delays, repeats and
//! loses, of crashes and of time that runs out. What is decided, the contexts decide by their own code:
//! `booking::Booking`, `ticket::StockBook` and `payment::Settlement`. The model is what stands between them.
//!
//! What it covers: a booking is placed, paid, declined, paid again, cancelled at any moment; its ticket is deleted at
//! any moment; holds expire and the time to pay runs out at any moment, which is every clock there could be. Whoever
//! drives a booking is killed at any moment, or gets no answer though the request is handled, is lost, or comes later,
//! and once more; the next one goes on from the row. Events come late and in any order. The provider answers late.
//!
//! What it does not: more than one unit and two attempts; refunds that the provider refuses (`tests/payment`); batches
//! and stores below the ports, where a transaction is one step (the contract suites); a provider or a network that
//! lies, but for one lie: a charge that is told never to have been sent and arrives all the same.
//!
//! `cargo test -p simulation --test saga_model -- --nocapture` prints how many states there are, and for each missing
//! rule the shortest story in which it is missed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a model that cannot be set up has failed"
)]

mod bookings;
mod money;
mod moves;
mod mutant;
mod network;
mod promises;
mod rulebook;
mod saga;
mod stock;

use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

use mutant::Mutant;
use saga::{Action, Saga, Scope, World};

/// One booking, and a rival for the unit that takes it and gives it up whenever it likes: all that any number of other
/// bookings can do to this one. With two late requests at a time there are four times as many states, and all promises
/// hold as well.
const AGAINST_A_RIVAL: Scope = Scope {
    name: "a booking against a rival",
    bookings: 1,
    rival: true,
    late_max: 1,
    repeats: true,
    deletes: true,
    upsets_max: None,
    attempts: 2,
    pay_first: false,
    not_sent_is_a_lie: false,
};

/// The same where the network lies.
const A_LIE: Scope =
    Scope { name: "the same, lied to", not_sent_is_a_lie: true, ..AGAINST_A_RIVAL };

/// Of a ticket that is paid before stock is set aside, where the network lies too.
const PAY_FIRST: Scope = Scope { name: "paid first, and lied to", pay_first: true, ..A_LIE };

/// Two whole bookings for one unit, which bears out what the rival stands for. One upset at most: states multiply.
const TWO_BOOKINGS: Scope = Scope {
    name: "two bookings",
    bookings: 2,
    rival: false,
    late_max: 1,
    repeats: false,
    deletes: false,
    upsets_max: Some(1),
    attempts: 2,
    pay_first: false,
    not_sent_is_a_lie: false,
};

const THREADS: usize = 2;

#[test]
fn no_order_of_steps_breaks_a_promise() {
    for scope in [A_LIE, PAY_FIRST, TWO_BOOKINGS] {
        let begun = Instant::now();
        let checker = Saga::new(scope, None).checker().threads(THREADS).spawn_bfs().join();
        let saga = checker.model();
        println!(
            "{}: {} states after {} steps, {} rows of bookings, {} of stock, {} of money, {} ms",
            scope.name,
            checker.unique_state_count(),
            checker.state_count(),
            saga.bookings.rows(),
            saga.stock.rows(),
            saga.money.rows(),
            begun.elapsed().as_millis(),
        );
        let mut found = checker.discoveries();
        for property in saga.properties() {
            let path = found.remove(property.name);
            match (property.expectation, path) {
                (Expectation::Always | Expectation::Eventually, Some(path)) => {
                    panic!("{}: not so that {}:\n{}", scope.name, property.name, story(saga, path))
                }
                (Expectation::Sometimes, None) if scope.upsets_max.is_none() => {
                    panic!("{}: it never is that {}", scope.name, property.name)
                }
                (Expectation::Always | Expectation::Eventually, None)
                | (Expectation::Sometimes, _) => {}
            }
        }
        assert!(checker.is_done(), "all states were looked at");
    }
}

#[test]
fn every_missing_rule_is_found() {
    let hold_first = Mutant::HOLD_FIRST.map(|mutant| (AGAINST_A_RIVAL, mutant));
    let pay_first = Mutant::PAY_FIRST.map(|mutant| (PAY_FIRST, mutant));
    let lied_to = [A_LIE, PAY_FIRST].map(|scope| (scope, Mutant::BelievesNotSent));
    for (scope, mutant) in hold_first.into_iter().chain(pay_first).chain(lied_to) {
        let begun = Instant::now();
        let broken = mutant.breaks();
        let saga = Saga::new(scope, Some(mutant));
        let until_found = HasDiscoveries::AnyOf([broken].into());
        let checker = saga.checker().threads(THREADS).finish_when(until_found);
        let checker = checker.spawn_bfs().join();
        let path = checker.discovery(broken);
        let path = path.unwrap_or_else(|| panic!("{mutant:?}, {}: nobody noticed", scope.name));
        println!(
            "{mutant:?}, {}: not so that {broken}, after {} steps; {} states, {} ms",
            scope.name,
            path.clone().into_actions().len(),
            checker.unique_state_count(),
            begun.elapsed().as_millis(),
        );
        println!("{}", story(checker.model(), path));
    }
}

/// What happened, and what came of it.
fn story(saga: &Saga, path: Path<World, Action>) -> String {
    let mut lines = Vec::new();
    for (world, action) in path.into_vec() {
        let bookings = saga.parties(&world).map(|(of, _)| saga.tell(&world, of));
        lines.push(format!("    {}", bookings.collect::<Vec<_>>().join(" | ")));
        lines.extend(action.map(|action| format!("{action:?}")));
    }
    lines.join("\n")
}
