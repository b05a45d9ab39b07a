//! All that chance decides, out of one seed. What goes wrong is counted by its kind.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A fault that nothing is built to survive: a proof that the simulation would see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A call is said to have never been sent, and arrives.
    NeverSent,
    /// The bus loses a message for good.
    Forgotten,
    /// The provider says that money is back, and keeps it.
    NotGivenBack,
}

/// One source of chance for everybody, so that a seed is a whole run.
pub(crate) struct Chance {
    rng: Mutex<StdRng>,
    calm: AtomicBool,
    /// Where it is 4, faults are as frequent as they are said to be; where it is 1, four times so.
    mildness: usize,
    faults: Mutex<BTreeMap<&'static str, u64>>,
    story: Option<Mutex<Vec<String>>>,
    lie: Option<Lie>,
}

impl Chance {
    /// With `told`, what happens is written down.
    pub(crate) fn new(seed: u64, told: bool, lie: Option<Lie>) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mildness = match rng.random_range(0..5) {
            0 => 2,
            1 => 8,
            2 => 32,
            _ => 4,
        };
        Self {
            rng: Mutex::new(rng),
            mildness,
            calm: AtomicBool::new(true),
            faults: Mutex::default(),
            story: told.then(Mutex::default),
            lie,
        }
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn set_calm(&self, calm: bool) {
        self.calm.store(calm, Ordering::SeqCst);
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&self, end: usize) -> usize {
        self.rng.lock().unwrap().random_range(0..end)
    }

    pub(crate) fn one_in(&self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// From nothing to `most`, and more often short than long.
    pub(crate) fn wait(&self, most: Duration) -> Duration {
        let short = self.one_in(2);
        let most = if short { most / 20 } else { most };
        let most_ms = usize::try_from(most.as_millis()).unwrap();
        Duration::from_millis(self.below(most_ms + 1) as u64)
    }

    /// One of them, if there is any.
    pub(crate) fn pick<T: Clone>(&self, of: &[T]) -> Option<T> {
        let place = if of.is_empty() { return None } else { self.below(of.len()) };
        of.get(place).cloned()
    }

    /// Whether this goes wrong now, as it does one time in so many while anything does, more or less as the seed has it.
    pub(crate) fn fault(&self, kind: &'static str, one_in: usize) -> bool {
        let happens =
            !self.calm.load(Ordering::SeqCst) && self.one_in((one_in * self.mildness).div_ceil(4));
        if happens {
            self.count(kind);
        }
        happens
    }

    /// Whether somebody lies so now.
    pub(crate) fn lies(&self, lie: Lie) -> bool {
        self.lie == Some(lie) && self.fault("lie", 8)
    }

    /// Counts what went wrong by itself.
    pub(crate) fn count(&self, kind: &'static str) {
        *self.faults.lock().unwrap().entry(kind).or_default() += 1;
        self.tell(|| format!("! {kind}"));
    }

    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.faults.lock().unwrap().clone()
    }

    /// Writes down what happens, if anybody is to read it.
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            story.lock().unwrap().push(line());
        }
    }

    /// All that was written down.
    pub(crate) fn story(&self) -> Vec<String> {
        self.story.as_ref().map(|story| story.lock().unwrap().clone()).unwrap_or_default()
    }
}
