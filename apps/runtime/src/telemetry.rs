//! Logs: for people on a terminal, else one JSON object a line; always to stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Settings;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// The machinery below us is told apart from ourselves: at debug it would drown everything.
const MACHINERY: &str = "h2=info,hyper=info,hyper_util=info,tower=info,tonic=info,sqlx=info";

/// Starts logging. A second call, as from tests in one process, changes nothing.
pub fn init_telemetry(settings: &Settings) {
    // Checked when the settings were read; an unreadable filter would log errors only.
    let filter = log_filter(&settings.log_level).unwrap_or_default();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if std::io::stderr().is_terminal() {
        logs.try_init()
    } else {
        logs.json().flatten_event(true).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Reads `info` or `info,booking=debug`. A word that is no level would be taken for a target, so it
/// is refused here.
pub(crate) fn log_filter(text: &str) -> Result<EnvFilter, String> {
    let sound = |part: &str| LEVELS.contains(&part) || part.contains('=');
    if !text.split(',').all(sound) {
        return Err(format!(
            "must be one of {}, or targets such as info,booking=debug",
            LEVELS.join(", ")
        ));
    }
    let directives = match text {
        "debug" | "trace" => format!("{text},{MACHINERY}"),
        // Each start would tell of every migration there is.
        "info" => format!("{text},sea_orm_migration=warn"),
        _ => text.to_owned(),
    };
    EnvFilter::builder().parse(directives).map_err(|error| error.to_string())
}
