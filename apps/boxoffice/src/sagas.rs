//! `boxoffice sagas`: bookings that are not at rest, looked at, driven on, or cancelled.

use std::process::ExitCode;
use std::time::Duration;

use boxoffice_booking::{
    CompensateSagaError, FoundBookings, OpenBooking, Process, RetrySagaError, Sagas,
};
use clap::Subcommand;
use kernel::{BookingId, Instruction, Timestamp};
use runtime::{Settings, StartError};
use serde_json::{Value, json};

use crate::databases::DatabaseArguments;
use crate::instruction::{InstructionArguments, LOG_ROWS_MAX, logged};

/// Bookings that are listed at most.
const LIST_ROWS_MAX: u32 = 1000;
const REFUSED: u8 = 1;

/// What to do with bookings that are not at rest.
#[derive(Debug, Clone, Subcommand)]
pub enum SagaCommand {
    /// List bookings that something is still to be done about, the ones that have not moved for the longest time first
    ///
    /// On a line: the booking's id, its status and why, what is being done or still to do, how long it has not moved,
    /// how often it asked in vain since, when it goes on by itself, and which server is at work on it until when. One
    /// that only waits for its buyer to pay is not among them.
    List {
        /// Only those that have not moved for so many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        older_than: u64,

        /// Print one line of JSON for each
        #[arg(long)]
        json: bool,

        /// Show what operators have changed by hand instead, the newest first
        #[arg(long)]
        log: bool,

        /// Where the database is
        #[command(flatten)]
        databases: DatabaseArguments,
    },
    /// Have bookings go on at once, by the running servers, as if they had asked nothing in vain
    ///
    /// What they ask is the same as before, so nothing happens twice. Exit code 0: asked for; 1: an id is unknown, or
    /// its booking is at rest, waits for its buyer or is being worked on, each said on a line, and all others were
    /// done; 2: could not ask.
    Retry {
        /// The ids of the bookings, as the list shows them
        #[arg(value_name = "BOOKING_ID", required_unless_present = "all")]
        ids: Vec<BookingId>,

        /// Every booking that the list shows and no server is at work on
        #[arg(long, conflicts_with = "ids")]
        all: bool,

        /// With --all: only those that have not moved for so many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 0, conflicts_with = "ids")]
        older_than: u64,

        /// On whose word
        #[command(flatten)]
        instruction: InstructionArguments,

        /// Where the database is
        #[command(flatten)]
        databases: DatabaseArguments,
    },
    /// Cancel a booking, whether it is stuck or not: all that was charged is refunded, whatever its ticket says about
    /// cancelling, and its stock returned
    ///
    /// Its status_reason becomes OPERATOR_CANCELLED, and nothing undoes this. Exit code 0: it is being cancelled; 1:
    /// the id is unknown, or there is nothing to compensate; 2: could not.
    Compensate {
        /// The id of the booking
        #[arg(value_name = "BOOKING_ID")]
        id: BookingId,

        /// On whose word
        #[command(flatten)]
        instruction: InstructionArguments,

        /// Where the database is
        #[command(flatten)]
        databases: DatabaseArguments,
    },
}

/// Does what was asked for.
///
/// # Errors
/// [`StartError`] that says why it could not be done.
pub async fn sagas(
    settings: &Settings,
    command: &SagaCommand,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let (SagaCommand::List { databases, .. }
    | SagaCommand::Retry { databases, .. }
    | SagaCommand::Compensate { databases, .. }) = command;
    let url = databases.existing(settings, "booking")?;
    let sagas = Sagas::open(&url).await.map_err(failed)?;
    let done = on(&sagas, command, say).await;
    sagas.close().await;
    done
}

async fn on(
    sagas: &Sagas,
    command: &SagaCommand,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    match command {
        SagaCommand::List { json, log: true, .. } => {
            for entry in sagas.log(LOG_ROWS_MAX).await.map_err(failed)? {
                say(&logged(&entry, *json));
            }
            Ok(ExitCode::SUCCESS)
        }
        SagaCommand::List { older_than, json, log: false, .. } => {
            let unmoved_for = Duration::from_secs(*older_than);
            let found = sagas.list(unmoved_for, LIST_ROWS_MAX).await.map_err(failed)?;
            list(&found, *json, say);
            Ok(ExitCode::SUCCESS)
        }
        SagaCommand::Retry { all: true, older_than, instruction, .. } => {
            let unmoved_for = Duration::from_secs(*older_than);
            retry_all(sagas, unmoved_for, &instruction.read()?, say).await
        }
        SagaCommand::Retry { ids, instruction, .. } => {
            retry(sagas, ids, &instruction.read()?, say).await
        }
        SagaCommand::Compensate { id, instruction, .. } => {
            Ok(match sagas.compensate(*id, &instruction.read()?).await {
                Ok(()) => {
                    say(&format!("{id}: is being cancelled"));
                    ExitCode::SUCCESS
                }
                Err(
                    refused @ (CompensateSagaError::NotFound
                    | CompensateSagaError::NotCompensated(_)),
                ) => {
                    say(&format!("{id}: {refused}"));
                    ExitCode::from(REFUSED)
                }
                Err(error @ (CompensateSagaError::Contended | CompensateSagaError::Store(_))) => {
                    return Err(failed(error));
                }
            })
        }
    }
}

fn list(found: &FoundBookings, as_json: bool, say: &mut (dyn FnMut(&str) + Send)) {
    let FoundBookings { bookings, unreadable, at } = found;
    for booking in bookings {
        say(&if as_json { json_of(booking, *at).to_string() } else { line_of(booking, *at) });
    }
    for error in unreadable {
        say(&if as_json {
            json!({ "unreadable": error.to_string() }).to_string()
        } else {
            error.to_string()
        });
    }
    if as_json {
        return;
    }
    let count = bookings.len() + unreadable.len();
    if count >= LIST_ROWS_MAX as usize {
        say(&format!("only the first {LIST_ROWS_MAX} are shown"));
    }
    say(&format!("{count} bookings are not at rest"));
}

async fn retry(
    sagas: &Sagas,
    ids: &[BookingId],
    instruction: &Instruction,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let mut all_done = true;
    for id in ids {
        let refused = refusal(sagas.retry(*id, instruction).await)?;
        all_done &= refused.is_none();
        let said = refused.unwrap_or_else(|| "goes on at once".to_owned());
        say(&format!("{id}: {said}"));
    }
    Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

async fn retry_all(
    sagas: &Sagas,
    unmoved_for: Duration,
    instruction: &Instruction,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let mut going_on = 0_u64;
    for id in sagas.ids(unmoved_for).await.map_err(failed)? {
        // One that is worked on, or has come to rest meanwhile, needs no help.
        going_on += u64::from(refusal(sagas.retry(id, instruction).await)?.is_none());
    }
    say(&format!("{going_on} bookings go on at once"));
    Ok(ExitCode::SUCCESS)
}

/// Why it was refused, if it was.
fn refusal(done: Result<(), RetrySagaError>) -> Result<Option<String>, StartError> {
    match done {
        Ok(()) => Ok(None),
        Err(refused @ (RetrySagaError::NotFound | RetrySagaError::NotRetried(_))) => {
            Ok(Some(refused.to_string()))
        }
        Err(error @ (RetrySagaError::Contended | RetrySagaError::Store(_))) => Err(failed(error)),
    }
}

fn failed(error: impl std::error::Error) -> StartError {
    StartError::Other(format!("booking: {error}"))
}

fn line_of(open: &OpenBooking, now: Timestamp) -> String {
    let OpenBooking { status, stage, stored } = open;
    let Process { next_action_at, tries, lease_owner, lease_until } = &stored.process;
    let told = [status.as_str(), stored.booking.status_reason()];
    let told = told.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let next = next_action_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let driven = match (lease_owner, lease_until) {
        (Some(owner), Some(until)) => format!("  {owner} is at work until {until}"),
        (None, _) | (_, None) => String::new(),
    };
    format!(
        "{id}  {told}  {stage}  unmoved for {unmoved} s  {tries} tries in vain  goes on {next}{driven}",
        id = stored.booking.id,
        unmoved = now.since(stored.booking.updated_at).as_secs(),
    )
}

fn json_of(open: &OpenBooking, now: Timestamp) -> Value {
    let OpenBooking { status, stage, stored } = open;
    let (booking, process) = (&stored.booking, &stored.process);
    json!({
        "bookingId": booking.id.to_string(),
        "ticketId": booking.ticket.id.to_string(),
        "status": status,
        "reason": booking.status_reason(),
        "stage": stage,
        "unmovedSecs": now.since(booking.updated_at).as_secs(),
        "createTime": booking.created_at.to_string(),
        "updateTime": booking.updated_at.to_string(),
        "tries": process.tries,
        "nextActionTime": process.next_action_at.map(|at| at.to_string()),
        "leaseOwner": process.lease_owner,
        "leaseEndTime": process.lease_until.map(|at| at.to_string()),
    })
}
