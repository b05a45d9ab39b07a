//! From `main` to a running process, and back to an exit code.

use std::process::ExitCode;

use clap::Parser;

use crate::config::{Settings, read};
use crate::process::Process;
use crate::start_error::StartError;
use crate::telemetry::init_telemetry;

/// The command line of a binary that only serves.
#[derive(Debug, Parser)]
#[command(version, about)]
struct CommandLine {
    #[command(flatten)]
    settings: Settings,
}

/// The whole of a server's `main`: reads the settings, begins the process, lets `start` bind and
/// join what it serves, and runs until a signal.
pub fn serve(start: impl AsyncFnOnce(&mut Process) -> Result<(), StartError>) -> ExitCode {
    block_on(async {
        let Some(command_line) = read::<CommandLine>()? else { return Ok(ExitCode::SUCCESS) };
        init_telemetry(&command_line.settings);
        let mut process = Process::begin(command_line.settings).await?;
        start(&mut process).await?;
        process.run().await
    })
}

/// Runs a program; an error becomes one line on stderr and exit code 1.
pub fn block_on(program: impl Future<Output = Result<ExitCode, StartError>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        // What a program leaves running when it ends does not hold the process up.
        Ok(runtime) => {
            let ended = runtime.block_on(program);
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(StartError::Other(format!("cannot start threads: {error}"))),
    };
    ended.unwrap_or_else(|error| error.report())
}

impl AsRef<Settings> for CommandLine {
    fn as_ref(&self) -> &Settings {
        &self.settings
    }
}
