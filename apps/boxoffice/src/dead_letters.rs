//! `boxoffice dead-letters`: messages that were set aside, looked at and tried again.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use kernel::EventId;
use runtime::{Settings, StartError};
use sea_orm_database::DeadLetter;
use serde_json::{Value, json};

use crate::databases::{CONTEXTS, DatabaseArguments};

/// Dead letters of one context that are listed at most: the oldest.
const LIST_ROWS_MAX: u32 = 1000;
const UNKNOWN: u8 = 1;

/// What to do with dead letters.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadLetterCommand {
    /// List them, context by context, the oldest of each first
    ///
    /// On a line: the message's id, the context, the consumer (`relay` for what the bus refused), the event and its
    /// aggregate, when it was set aside, and why.
    List {
        /// Print one line of JSON for each
        #[arg(long)]
        json: bool,

        /// Whose
        #[command(flatten)]
        of: Whose,
    },
    /// Ask for another try, which the servers make as soon as they run
    ///
    /// What fails again is set aside again with its new reason. Exit code 0: asked for; 1: no dead letter has one of
    /// the ids; 2: could not ask.
    Retry {
        /// The ids of the messages, as the list shows them
        #[arg(value_name = "EVENT_ID", required_unless_present = "all")]
        ids: Vec<EventId>,

        /// Every dead letter
        #[arg(long, conflicts_with = "ids")]
        all: bool,

        /// Whose
        #[command(flatten)]
        of: Whose,
    },
}

/// Whose dead letters.
#[derive(Debug, Clone, Args)]
pub struct Whose {
    /// Only this context's: ticket, booking, payment, notification or mypage; may be given several times
    #[arg(long = "context", value_name = "NAME", value_parser = CONTEXTS)]
    contexts: Vec<String>,

    #[command(flatten)]
    databases: DatabaseArguments,
}

/// Does what was asked for.
///
/// # Errors
/// [`StartError`] that names the database that could not be used.
pub async fn dead_letters(
    settings: &Settings,
    command: &DeadLetterCommand,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    match command {
        DeadLetterCommand::List { json, of } => list(settings, of, *json, say).await,
        DeadLetterCommand::Retry { of, all: true, .. } => {
            let asked = of.ask_again(settings, None).await?;
            say(&format!("{asked} dead letters will be tried again"));
            Ok(ExitCode::SUCCESS)
        }
        DeadLetterCommand::Retry { of, ids, .. } => retry(settings, of, ids, say).await,
    }
}

async fn list(
    settings: &Settings,
    of: &Whose,
    json: bool,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let mut count = 0;
    for context in of.contexts() {
        let database = of.databases.open(settings, context).await?;
        let found = database.dead_letters(LIST_ROWS_MAX).await;
        database.close().await;
        let found = found.map_err(|error| StartError::Other(format!("{context}: {error}")))?;
        for letter in &found.letters {
            say(&if json {
                as_json(context, letter).to_string()
            } else {
                as_line(context, letter)
            });
        }
        for error in &found.unreadable {
            say(&if json {
                json!({ "context": context, "unreadable": error.to_string() }).to_string()
            } else {
                format!("{context}: {error}; mend or delete this row")
            });
        }
        let of_it = found.letters.len() + found.unreadable.len();
        if !json && of_it >= LIST_ROWS_MAX as usize {
            say(&format!("{context}: only the oldest {LIST_ROWS_MAX} are shown"));
        }
        count += of_it;
    }
    if !json {
        say(&format!("{count} dead letters"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn retry(
    settings: &Settings,
    of: &Whose,
    ids: &[EventId],
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let mut unknown = false;
    for id in ids {
        let asked = of.ask_again(settings, Some(*id)).await?;
        unknown |= asked == 0;
        say(&match asked {
            0 => format!("{id}: no dead letter has this id"),
            1 => format!("{id}: will be tried again"),
            consumers => format!("{id}: will be tried again by {consumers} consumers"),
        });
    }
    Ok(if unknown { ExitCode::from(UNKNOWN) } else { ExitCode::SUCCESS })
}

impl Whose {
    fn contexts(&self) -> impl Iterator<Item = &'static str> {
        let named = |context: &&str| self.contexts.iter().any(|name| name == context);
        CONTEXTS.into_iter().filter(move |context| self.contexts.is_empty() || named(context))
    }

    async fn ask_again(
        &self,
        settings: &Settings,
        event_id: Option<EventId>,
    ) -> Result<u64, StartError> {
        let mut asked = 0;
        for context in self.contexts() {
            let database = self.databases.open(settings, context).await?;
            let of_it = database.retry_dead_letters(event_id).await;
            database.close().await;
            asked += of_it.map_err(|error| StartError::Other(format!("{context}: {error}")))?;
        }
        Ok(asked)
    }
}

fn as_line(context: &str, letter: &DeadLetter) -> String {
    let DeadLetter { consumer, message, reason, parked_at, retrying } = letter;
    let again = if *retrying { "  (another try is asked for)" } else { "" };
    // The reason is somebody else's text: it stays on its line.
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "{id}  {context}  {consumer}  {event} of {kind} {of}  {parked_at}  {reason}{again}",
        id = message.id,
        event = message.name(),
        kind = message.aggregate_type,
        of = message.aggregate_id,
    )
}

fn as_json(context: &str, letter: &DeadLetter) -> Value {
    let DeadLetter { consumer, message, reason, parked_at, retrying } = letter;
    json!({
        "eventId": message.id.to_string(),
        "context": context,
        "consumer": consumer,
        "eventType": message.event_type,
        "source": message.source,
        "aggregateType": message.aggregate_type,
        "aggregateId": message.aggregate_id,
        "version": message.aggregate_version,
        "correlationId": message.correlation_id,
        "occurTime": message.occurred_at.to_string(),
        "parkTime": parked_at.to_string(),
        "reason": reason,
        "retrying": retrying,
    })
}
