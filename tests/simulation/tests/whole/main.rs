//! All contexts together over seeded ports: everything that can go wrong does, and what must hold does after every
//! step. `cargo xtask simulate --seeds N` runs any number of seeds.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot set up its scene has failed"
)]

mod bus;
mod chance;
mod clients;
mod figures;
mod gate;
mod invariants;
mod organizer;
mod people;
mod ports;
mod provider;
mod run;
mod stores;
mod tasks;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::available_parallelism;

use chance::Lie;
use figures::Figures;
use run::{run, run_with};

/// Seeds of the test command.
const SEEDS: u64 = 200;
/// Of a story that ends badly, so much is told.
const LAST_LINES: usize = 80;

/// A number that `cargo xtask simulate` has set.
fn set(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "set by xtask for tests, no configuration of the platform"
    )]
    let set = std::env::var(name).ok()?;
    Some(set.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// Runs so many seeds from the first on, as many at once as there are processors, until one fails.
fn run_all(first: u64, seeds: u64) -> (Figures, Option<(u64, String)>) {
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let figures = Mutex::new(Figures::default());
    let failure = Mutex::new(None);
    let threads = available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !failed.load(Ordering::SeqCst) {
                    let place = next.fetch_add(1, Ordering::SeqCst);
                    if place >= seeds {
                        return;
                    }
                    let seed = first + place;
                    let ended = run(seed, false);
                    figures.lock().unwrap().add(ended.figures);
                    if let Err(what) = ended.verdict {
                        failed.store(true, Ordering::SeqCst);
                        failure.lock().unwrap().get_or_insert((seed, what));
                    }
                }
            });
        }
    });
    (figures.into_inner().unwrap(), failure.into_inner().unwrap())
}

#[test]
fn i1_to_i11_n01_t11_hold_for_all_contexts_together_whatever_goes_wrong() {
    let (first, seeds) = (set("BOXOFFICE_SEED"), set("BOXOFFICE_SEEDS"));
    let (first, seeds) = (first.unwrap_or(1), seeds.unwrap_or(SEEDS));
    let (figures, failure) = run_all(first, seeds);
    println!("{figures}");
    let Some((seed, what)) = failure else { return };
    let story = run(seed, true).story;
    let told = story.len().saturating_sub(LAST_LINES);
    story.iter().skip(told).for_each(|line| println!("{line}"));
    panic!("seed {seed}: {what}\nagain: cargo xtask simulate --seeds 1 --seed {seed}");
}

#[test]
fn a_seed_is_a_whole_run() {
    let (one, two) = (run(7, true), run(7, true));
    assert!(one.story.len() > 500, "{} lines", one.story.len());
    let differs = one.story.iter().zip(&two.story).find(|(one, two)| one != two);
    assert_eq!(differs, None);
    assert_eq!(one.figures, two.figures);
    assert_ne!(run(8, true).story, one.story);
}

#[test]
fn everything_that_can_happen_does() {
    let (figures, _) = run_all(1, 40);
    let faults = &figures.faults;
    assert!(faults.len() >= 20, "{faults:?}");
    for end in ["Confirmed", "Cancelled", "Rejected", "Expired"] {
        for how in ["", ", paid first"] {
            let end = format!("{end}{how}");
            assert!(figures.bookings.contains_key(&end), "no booking is {end}: {figures}");
        }
    }
    let no_stock = "Cancelled, paid first and no stock";
    assert!(figures.bookings.contains_key(no_stock), "no booking is {no_stock}: {figures}");
    for end in ["OnSale", "Paused", "Retired"] {
        assert!(figures.tickets.contains_key(end), "no ticket is {end}: {figures}");
    }
}

/// A test that cannot fail proves nothing.
#[test]
fn what_nothing_is_built_to_survive_is_found() {
    for lie in [Lie::NeverSent, Lie::Forgotten, Lie::NotGivenBack] {
        let found = (1..=40).find_map(|seed| run_with(seed, false, Some(lie)).verdict.err());
        assert!(found.is_some(), "nobody noticed: {lie:?}");
        println!("{lie:?}: {}", found.unwrap_or_default());
    }
}
