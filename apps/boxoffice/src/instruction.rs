//! On whose word operators change something by hand, and the log that is kept of it.

use clap::Args;
use kernel::Instruction;
use runtime::StartError;
use sea_orm_database::LoggedEntry;
use serde_json::json;

/// Entries of a log that are shown at most: the newest.
pub(crate) const LOG_ROWS_MAX: u32 = 1000;

/// Who, and why. Both are kept.
#[derive(Debug, Clone, Args)]
pub struct InstructionArguments {
    /// Why, in 1 to 500 characters: kept for ever in the operators' log, in the same transaction as the change
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Who says so, for that log; your name on this system unless it is given
    #[arg(long, value_name = "NAME", env = "USER")]
    operator: String,
}

impl InstructionArguments {
    /// Checks the words.
    ///
    /// # Errors
    /// [`StartError::Usage`] that says which of them is missing or too long.
    pub(crate) fn read(&self) -> Result<Instruction, StartError> {
        let read = Instruction::new(&self.operator, &self.reason);
        read.map_err(|wrong| StartError::Usage(wrong.to_string()))
    }
}

/// An entry of the log on one line, or as one line of JSON.
pub(crate) fn logged(entry: &LoggedEntry, as_json: bool) -> String {
    let LoggedEntry { at, operator, command, subject_id, reason, outcome } = entry;
    if as_json {
        let at = at.to_string();
        return json!({"time": at, "operator": operator, "command": command, "id": subject_id, "outcome": outcome,
            "reason": reason})
        .to_string();
    }
    format!("{at}  {operator}  {command}  {subject_id}  {outcome}  {}", one_line(reason))
}

/// Somebody else's text, kept on its line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
