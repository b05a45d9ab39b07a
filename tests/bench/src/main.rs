//! `cargo xtask bench` builds and starts this: each scenario runs in two ways by turns, proves that what it was
//! answered is there, and tells what one way costs in terms of the other. At the end the figures stand beside their
//! floors and goals; the exit code is 1 if one is below its floor, if one was not measured that should have been, or if
//! a scenario's books were wrong.
#![expect(clippy::print_stdout, reason = "it is a program that reports to a terminal")]
#![expect(clippy::panic, reason = "a scenario that goes wrong ends with the reason")]

mod catalogue;
mod figures;
mod hot_hold;
mod hot_hold_limit;
mod in_server;
mod measurement;
mod orm;
mod pgbench;
mod plan;
mod platform;
mod processor;
mod ratios;
mod relay;
mod report;
mod search;
mod sell_out;
mod spread_hold;
mod stand_in;
mod telemetry;
mod whole;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use futures::FutureExt;

use crate::plan::{Plan, Scenario};
use crate::report::Found;
use crate::stand_in::StandIn;
use crate::telemetry::Kept;

/// Benchmarks of the programs beside this one.
#[derive(Debug, Parser)]
#[command(name = "bench", about)]
struct Cli {
    #[command(flatten)]
    plan: Plan,
    /// Where the results are kept, in a file for each scenario.
    #[arg(long, value_name = "FOLDER")]
    results: PathBuf,
    /// What this program starts itself as.
    #[arg(long, hide = true)]
    stand_in: Option<StandIn>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { plan, results, stand_in } = Cli::parse();
    if let Some(kind) = stand_in {
        return stand_in::serve(kind).await;
    }
    let (mut ended, mut all_well) = (Vec::new(), true);
    for scenario in plan.scenarios() {
        println!("\n== {}", scenario.name());
        // Whatever becomes of one, the others run.
        let running = AssertUnwindSafe(Box::pin(scenario.run(&plan))).catch_unwind();
        let mut found = running.await.unwrap_or_else(|_told| {
            println!("{} FAILED", scenario.name());
            all_well = false;
            Found::default()
        });
        found.complete(&scenario.name());
        if plan.callers.is_some() && !scenario.has_cases_of_callers() {
            found.unjudged("other callers");
        }
        let file = report::keep(&plan, &results, &scenario.name(), &found);
        let file = file.unwrap_or_else(|error| panic!("{error}"));
        println!("{}kept in {}", report::tables(&found), file.display());
        ended.push(found);
    }
    println!("{}", report::summary(ended.iter()));
    all_well &= !ended.iter().flat_map(|found| &found.claims).any(|claim| claim.verdict.fails());
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Scenario {
    async fn run(self, plan: &Plan) -> Found {
        let only = |comparison| Found { comparisons: vec![comparison], ..Found::default() };
        match self {
            Self::HotHold => hot_hold::compare(plan).await,
            Self::HotHoldLimit => hot_hold_limit::compare(plan).await,
            Self::SpreadHold => spread_hold::compare(plan).await,
            Self::SellOut => sell_out::compare(plan).await,
            Self::Orm => orm::compare(plan).await,
            Self::Relay => relay::compare(plan).await,
            Self::Booking => whole::booking::compare(plan).await,
            Self::Crowd => whole::crowd::find(plan).await,
            Self::Fairness => whole::fairness::compare(plan).await,
            Self::Overload => whole::overload::find(plan).await,
            Self::PayLater => whole::pay_later::compare(plan).await,
            Self::Replicas => whole::replicas::compare(plan).await,
            Self::Memory => whole::memory::find(plan).await,
            Self::Footprint => whole::footprint::find(plan).await,
            Self::Siege => whole::siege::find(plan).await,
            Self::FanOut => whole::fan_out::compare(plan).await,
            Self::Reads => whole::reads::compare(plan).await,
            Self::Search => search::measure(plan.tickets).await,
            Self::Hop => whole::hop::compare(plan).await,
            Self::Gateway => whole::gateway::compare(plan).await,
            Self::Grow => whole::grow::compare(plan).await,
            Self::Crash => whole::crash::find(plan).await,
            Self::Watchers => whole::watchers::find(plan).await,
            Self::Telemetry => only(telemetry::compare(plan, Kept::AsDeployed).await),
            Self::AllTraces => only(telemetry::compare(plan, Kept::All).await),
        }
    }

    /// Whether `--smoke` runs it.
    const fn is_core(self) -> bool {
        match self {
            Self::HotHold
            | Self::HotHoldLimit
            | Self::SpreadHold
            | Self::SellOut
            | Self::Relay
            | Self::Booking => true,
            Self::Orm
            | Self::Crowd
            | Self::Fairness
            | Self::Overload
            | Self::PayLater
            | Self::Replicas
            | Self::Memory
            | Self::Footprint
            | Self::Siege
            | Self::FanOut
            | Self::Reads
            | Self::Search
            | Self::Hop
            | Self::Gateway
            | Self::Grow
            | Self::Crash
            | Self::Watchers
            | Self::Telemetry
            | Self::AllTraces => false,
        }
    }

    /// Whether it runs only by name.
    const fn compares_nothing(self) -> bool {
        matches!(self, Self::Search | Self::Watchers)
    }

    /// Whether its figures say how many call, so that `--callers` chooses among them; in all others it makes a
    /// measurement of another kind.
    const fn has_cases_of_callers(self) -> bool {
        matches!(self, Self::HotHold | Self::Booking | Self::Siege)
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Plan {
    fn scenarios(&self) -> Vec<Scenario> {
        if !self.scenarios.is_empty() {
            return self.scenarios.clone();
        }
        let all = Scenario::value_variants().iter().copied();
        all.filter(|scenario| scenario.is_core() || !(self.smoke || scenario.compares_nothing()))
            .collect()
    }

    const fn rounds(&self) -> u16 {
        if self.smoke { 1 } else { self.rounds }
    }

    const fn time(&self) -> Duration {
        self.time_or(Duration::from_secs(10))
    }

    /// As it was told, and without that as long as the scenario is about.
    const fn time_or(&self, own: Duration) -> Duration {
        match self.seconds {
            _ if self.smoke => Duration::from_secs(1),
            Some(seconds) => Duration::from_secs(seconds as u64),
            None => own,
        }
    }

    /// Whether a crowd of so many is to be measured; the core of the scenario has as many as `core`.
    fn takes(&self, callers: u16, core: u16) -> bool {
        let chosen = self.callers.or(self.smoke.then_some(core));
        chosen.is_none_or(|chosen| chosen == callers)
    }
}
