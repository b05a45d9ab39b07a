//! What chance decides in a scenario, the same for the same seed, and how long the scenario is.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// Chance by the seed of the run and the scenario's name.
pub struct Chance(StdRng);

impl Chance {
    /// By `BOXOFFICE_SEED`, 1 where there is none; it is printed.
    ///
    /// # Panics
    /// When that is no number.
    #[must_use]
    pub fn of(scenario: &str) -> Self {
        let seed = variable("BOXOFFICE_SEED").unwrap_or_else(|| "1".to_owned());
        let seed: u64 = seed.parse().unwrap_or_else(|error| panic!("BOXOFFICE_SEED: {error}"));
        tell(&format!("{scenario}: seed {seed}"));
        // Scenarios do not repeat each other's decisions.
        let own =
            scenario.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self(StdRng::seed_from_u64(own))
    }

    /// A time from `least` up to `most`.
    pub fn time(&mut self, least: Duration, most: Duration) -> Duration {
        self.0.random_range(least..=most)
    }

    /// The same in another order.
    pub fn shuffled<T>(&mut self, mut all: Vec<T>) -> Vec<T> {
        all.shuffle(&mut self.0);
        all
    }

    /// One of several places.
    pub fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }
}

/// How often a fault happens: `all` under `cargo xtask faults`, a `slice` of that in every test run.
#[must_use]
pub fn rounds(all: usize, slice: usize) -> usize {
    if variable("BOXOFFICE_FAULTS").as_deref() == Some("all") { all } else { slice }
}

/// How many bookings are made where their number is what matters: `BOXOFFICE_BOOKINGS`; where nobody says, as many as
/// [`rounds`] gives.
///
/// # Panics
/// When that is no number.
#[must_use]
pub fn bookings(all: usize, slice: usize) -> usize {
    let said = variable("BOXOFFICE_BOOKINGS");
    said.map_or_else(
        || rounds(all, slice),
        |said| said.parse().unwrap_or_else(|error| panic!("BOXOFFICE_BOOKINGS: {error}")),
    )
}

/// Says something past the capture of a test's output.
pub fn tell(line: &str) {
    use std::io::Write;
    let _told = writeln!(std::io::stderr(), "{line}");
}

fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "set by xtask for tests, no configuration of the platform"
    )]
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_decides_the_same() {
        let decided = |name| {
            let mut chance = Chance::of(name);
            (0..8).map(|_| chance.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(decided("one"), decided("one"));
        assert_ne!(decided("one"), decided("other"));
    }
}
