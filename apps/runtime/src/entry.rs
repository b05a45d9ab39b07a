//! From `main` to a running program, and back to an exit code.

use std::process::ExitCode;

use tokio::runtime::Builder;

use crate::config::Settings;
use crate::start_error::StartError;

/// Runs a program by the command line that was read; without one that was all there was to do. An error becomes one
/// line on stderr and exit code 1.
pub fn run<L: AsRef<Settings>>(
    read: Result<Option<L>, StartError>,
    program: impl AsyncFnOnce(L) -> Result<ExitCode, StartError>,
) -> ExitCode {
    let ended = read.and_then(|line| match line {
        Some(line) => on_threads(line, program),
        None => Ok(ExitCode::SUCCESS),
    });
    ended.unwrap_or_else(|error| error.report())
}

fn on_threads<L: AsRef<Settings>>(
    line: L,
    program: impl AsyncFnOnce(L) -> Result<ExitCode, StartError>,
) -> Result<ExitCode, StartError> {
    let mut threads = Builder::new_multi_thread();
    if let Some(workers) = line.as_ref().worker_threads {
        threads.worker_threads(usize::from(workers));
    }
    let runtime = threads.enable_all().build();
    let runtime =
        runtime.map_err(|error| StartError::Other(format!("cannot start threads: {error}")))?;
    let ended = runtime.block_on(program(line));
    // What a program leaves running when it ends does not hold the process up.
    runtime.shutdown_background();
    ended
}
