//! What is measured and how: read by the benchmarks, and by `cargo xtask bench`, which hands it on to them.

use clap::{Args, ValueEnum};

/// As many as searches are to be quick among.
pub(crate) const TICKETS: u64 = 1_000_000;
/// As many as are laid in a few minutes.
pub(crate) const BOOKINGS_STORED: u32 = 1_000_000;

/// What is measured and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Which scenarios; without one all that compare something.
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenarios: Vec<Scenario>,
    /// How many pairs of measurements. Fewer than 3 are for a quick look: figures are told and not judged.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rounds: u16,
    /// How long each measurement takes, after a warm-up; without it 10 s, and the ten minutes that `memory` is about.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub(crate) seconds: Option<u16>,
    /// How many call at once, each one call after the other; without it as many as the scenario is about. It chooses
    /// among the cases of `hot-hold`, `booking` and `siege`; figures of all others are then told and not judged.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub(crate) callers: Option<u16>,
    /// How many tickets `search` fills each engine with, and `reads` the platform.
    #[arg(long, value_name = "NUMBER", default_value_t = TICKETS, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub(crate) tickets: u64,
    /// How many bookings of the past `grow` lays beside the present ones.
    #[arg(long, value_name = "NUMBER", default_value_t = BOOKINGS_STORED, value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    pub(crate) stored: u32,
    /// One short pair of the core of the scenarios, in about 90 s: that they work and are right, not their numbers.
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    pub(crate) smoke: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// What holds of one hot ticket gain from sharing transactions, inside one server over each engine.
    HotHold,
    /// The same against pgbench with 256 holds a transaction.
    HotHoldLimit,
    /// The same over ten thousand tickets, half of the holds on one.
    SpreadHold,
    /// A sale to its end over one, two and three servers: sold is exactly what there was; 2,000 who come for 100.
    SellOut,
    /// What a batch of 256 costs by the portable statements, against PostgreSQL's own.
    Orm,
    /// What atomic batches gain the outbox relay, and whether it keeps up with what bookings leave it.
    Relay,
    /// What bookings gain from it on their whole path, of one ticket and of many.
    Booking,
    /// Two thousand for a hundred places, over each engine and with replicas.
    Crowd,
    /// What a hot sale does to bookings of other tickets.
    Fairness,
    /// Several times what the servers can do.
    Overload,
    /// A provider that takes five seconds, with the breaker and without it.
    PayLater,
    /// Two replicas on one hot ticket.
    Replicas,
    /// Whether the servers' memory stays flat under a hot sale of ten minutes.
    Memory,
    /// What each server takes of memory, and how soon it is ready.
    Footprint,
    /// Users over REST who book, and then read their own page.
    Siege,
    /// What it costs that others hear of bookings, and how soon after the commit they do.
    FanOut,
    /// Reads by key, and searches beside bookings, among as many tickets as are told.
    Reads,
    /// How long searches take among many tickets, over each engine. Only by name: it compares nothing.
    Search,
    /// What one hop through our servers' shell takes of the processor.
    Hop,
    /// REST through the gateway, against nginx.
    Gateway,
    /// The whole path over tables that have grown by as many bookings as are told.
    Grow,
    /// Servers killed by chance while buyers book.
    Crash,
    /// What five thousand watchers cost while nothing changes. Only by name: it compares nothing.
    Watchers,
    /// What traces and metrics cost as they are deployed.
    Telemetry,
    /// What they cost where every trace is kept.
    AllTraces,
}
