//! `cargo xtask bench` builds and starts this: each benchmark runs the platform in two ways by turns, and tells what
//! one costs in terms of the other. It measures and does not judge.
#![expect(clippy::print_stdout, reason = "it is a program that reports to a terminal")]
#![expect(clippy::panic, reason = "a set-up that fails ends the run, and says why")]

mod booking;
mod hot_hold;
mod measurement;
mod platform;
mod ratios;
mod report;
mod search;
mod telemetry;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::telemetry::Kept;

/// The benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// What holds of one hot ticket gain from sharing transactions.
    HotHold,
    /// What bookings gain from it on their whole path.
    Booking,
    /// What traces and metrics cost as they are deployed.
    Telemetry,
    /// What they cost where every trace is kept.
    AllTraces,
    /// How long searches take among many tickets. Only by name: it compares nothing.
    Search,
}

impl Benchmark {
    fn comparing() -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|benchmark| *benchmark != Self::Search).collect()
    }
}

/// Benchmarks of the programs beside this one.
#[derive(Debug, Parser)]
#[command(name = "bench", about)]
struct Plan {
    /// Which one; all without it.
    benchmark: Option<Benchmark>,
    /// How many pairs of measurements.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// How long each measurement takes, after a warm-up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// How many call at once, each one call after the other; without it as many as the benchmark is about.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=2000))]
    callers: Option<u16>,
    /// How many tickets are searched.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    tickets: u64,
    /// Where the results are kept, in a file for each benchmark.
    #[arg(long, value_name = "FOLDER")]
    results: PathBuf,
}

impl Plan {
    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

#[tokio::main]
async fn main() {
    let plan = Plan::parse();
    let chosen = plan.benchmark.map_or_else(Benchmark::comparing, |one| vec![one]);
    for benchmark in chosen {
        let comparisons = match benchmark {
            Benchmark::HotHold => hot_hold::compare(&plan).await,
            Benchmark::Booking => booking::compare(&plan).await,
            Benchmark::Telemetry => vec![telemetry::compare(&plan, Kept::AsDeployed).await],
            Benchmark::AllTraces => vec![telemetry::compare(&plan, Kept::All).await],
            Benchmark::Search => {
                search::measure(plan.tickets).await;
                Vec::new()
            }
        };
        for comparison in comparisons {
            let file = report::keep(&plan, &comparison).unwrap_or_else(|error| panic!("{error}"));
            println!("{}kept in {}", report::table(&comparison), file.display());
        }
    }
}
