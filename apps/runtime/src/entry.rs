//! From `main` to a running program, and back to an exit code.

use std::process::ExitCode;

use crate::start_error::StartError;

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
