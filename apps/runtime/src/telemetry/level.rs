//! What is logged, changed while the process runs: a file is read again and again.

use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::logs;

const LOOK_EVERY: Duration = Duration::from_secs(5);
const FILE_BYTES_MAX: u64 = 4096;

/// Follows the file until `stop` is cancelled. What it says wrongly changes nothing and is told once.
pub(crate) async fn keep(file: &Path, stop: CancellationToken) {
    let mut said = None;
    loop {
        let text = beginning(file).await.map_err(|error| error.to_string());
        if said.as_ref() != Some(&text) {
            let changed = text.clone().and_then(|text| logs::change(text.trim()));
            match changed {
                Ok(logged) => tracing::info!(logged, "LOG_LEVEL_FILE says what is logged"),
                Err(problem) => {
                    tracing::warn!(file = %file.display(), problem, "LOG_LEVEL_FILE is not followed")
                }
            }
            said = Some(text);
        }
        if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
            return;
        }
    }
}

async fn beginning(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = tokio::fs::File::open(file).await?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).await?;
    Ok(text)
}
