//! `boxoffice refunds`: money that is not back yet, looked at, asked for again, or settled by hand.

use std::process::ExitCode;

use boxoffice_payment::{
    FoundRefunds, OUTSIDE, OpenRefund, PROVIDER_REF_CHARS_MAX, RefundReviewError, Refunds,
};
use clap::Subcommand;
use kernel::{BookingId, Instruction, RefundId, Timestamp};
use runtime::{Settings, StartError};
use serde_json::{Value, json};

use crate::databases::DatabaseArguments;
use crate::instruction::{InstructionArguments, LOG_ROWS_MAX, logged, one_line};

/// Refunds that are listed at most.
const LIST_ROWS_MAX: u32 = 1000;
const REFUSED: u8 = 1;

/// What to do with refunds.
#[derive(Debug, Clone, Subcommand)]
pub enum RefundCommand {
    /// List those whose money is not back: the ones in MANUAL_REVIEW first, the oldest of each first
    ///
    /// On a line: the refund's id, its state, how long ago it was asked for, how often the provider was asked in vain,
    /// the amount, its booking and its payment, and the provider's reason. MANUAL_REVIEW waits for you; REQUESTED,
    /// PENDING and FAILED the servers try by themselves, at least once a minute.
    List {
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
    /// Have the provider asked again for refunds in MANUAL_REVIEW: by the running servers, at once, and with the same
    /// key, so that nothing is given back twice
    ///
    /// One that is refused eight times more comes back to MANUAL_REVIEW. Exit code 0: asked for; 1: an id is unknown
    /// or its refund not in MANUAL_REVIEW, each said on a line, and all others were done; 2: could not ask.
    Retry {
        /// The ids of the refunds, as the list shows them
        #[arg(value_name = "REFUND_ID", required_unless_present = "all")]
        ids: Vec<RefundId>,

        /// Every refund in MANUAL_REVIEW
        #[arg(long, conflicts_with = "ids")]
        all: bool,

        /// On whose word
        #[command(flatten)]
        instruction: InstructionArguments,

        /// Where the database is
        #[command(flatten)]
        databases: DatabaseArguments,
    },
    /// Say that the money of a refund in MANUAL_REVIEW is back: that it was given back outside, such as by a transfer
    ///
    /// The refund becomes SUCCEEDED as if the provider had said so: its booking ends, and my page and the buyer's
    /// letters tell it. The provider is not asked again, and nothing undoes this: give the money back first. Exit code
    /// 0: settled; 1: the id is unknown or its refund not in MANUAL_REVIEW; 2: could not settle.
    Settle {
        /// The id of the refund, as the list shows it
        #[arg(value_name = "REFUND_ID")]
        id: RefundId,

        /// A name to find the money by, such as the transfer's number
        #[arg(long, value_name = "REF", default_value = OUTSIDE, value_parser = provider_ref)]
        provider_ref: String,

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
pub async fn refunds(
    settings: &Settings,
    command: &RefundCommand,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let (RefundCommand::List { databases, .. }
    | RefundCommand::Retry { databases, .. }
    | RefundCommand::Settle { databases, .. }) = command;
    let url = databases.existing(settings, "payment")?;
    let refunds = Refunds::open(&url).await.map_err(failed)?;
    let done = on(&refunds, command, say).await;
    refunds.close().await;
    done
}

async fn on(
    refunds: &Refunds,
    command: &RefundCommand,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    match command {
        RefundCommand::List { json, log: true, .. } => {
            for entry in refunds.log(LOG_ROWS_MAX).await.map_err(failed)? {
                say(&logged(&entry, *json));
            }
            Ok(ExitCode::SUCCESS)
        }
        RefundCommand::List { json, log: false, .. } => {
            let found = refunds.list(LIST_ROWS_MAX).await.map_err(failed)?;
            list(&found, *json, say);
            Ok(ExitCode::SUCCESS)
        }
        RefundCommand::Retry { all: true, instruction, .. } => {
            retry_all(refunds, &instruction.read()?, say).await
        }
        RefundCommand::Retry { ids, instruction, .. } => {
            retry(refunds, ids, &instruction.read()?, say).await
        }
        RefundCommand::Settle { id, provider_ref, instruction, .. } => {
            let instruction = instruction.read()?;
            let Some(booking_id) = refunds.booking_of(*id).await.map_err(failed)? else {
                say(&unknown(*id));
                return Ok(ExitCode::from(REFUSED));
            };
            let settled = refunds.settle(booking_id, *id, provider_ref, &instruction).await;
            Ok(match refusal(settled)? {
                None => {
                    say(&format!("{id}: settled; booking {booking_id} goes on from it"));
                    ExitCode::SUCCESS
                }
                Some(why) => {
                    say(&format!("{id}: {why}"));
                    ExitCode::from(REFUSED)
                }
            })
        }
    }
}

fn list(found: &FoundRefunds, as_json: bool, say: &mut (dyn FnMut(&str) + Send)) {
    let FoundRefunds { refunds, unreadable, at } = found;
    for refund in refunds {
        say(&if as_json { json_of(refund, *at).to_string() } else { line_of(refund, *at) });
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
    let count = refunds.len() + unreadable.len();
    if count >= LIST_ROWS_MAX as usize {
        say(&format!("only the first {LIST_ROWS_MAX} are shown"));
    }
    say(&format!("{count} refunds are not back"));
}

async fn retry(
    refunds: &Refunds,
    ids: &[RefundId],
    instruction: &Instruction,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let mut all_done = true;
    for id in ids {
        let said = match refunds.booking_of(*id).await.map_err(failed)? {
            None => Err(unknown(*id)),
            Some(booking_id) => retry_one(refunds, booking_id, *id, instruction).await?,
        };
        all_done &= said.is_ok();
        let (Ok(line) | Err(line)) = said;
        say(&line);
    }
    Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

async fn retry_all(
    refunds: &Refunds,
    instruction: &Instruction,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let mut asked = 0_u64;
    for (id, booking_id) in refunds.in_review().await.map_err(failed)? {
        // One that somebody else has settled meanwhile needs no other try.
        asked += u64::from(retry_one(refunds, booking_id, id, instruction).await?.is_ok());
    }
    say(&format!("{asked} refunds will be asked for again"));
    Ok(ExitCode::SUCCESS)
}

/// What there is to say of it, done or refused.
async fn retry_one(
    refunds: &Refunds,
    booking_id: BookingId,
    id: RefundId,
    instruction: &Instruction,
) -> Result<Result<String, String>, StartError> {
    let retried = refunds.retry(booking_id, id, instruction).await;
    Ok(match refusal(retried)? {
        None => Ok(format!("{id}: the provider will be asked again")),
        Some(why) => Err(format!("{id}: {why}")),
    })
}

/// Why it was refused, if it was.
fn refusal(done: Result<(), RefundReviewError>) -> Result<Option<String>, StartError> {
    match done {
        Ok(()) => Ok(None),
        Err(RefundReviewError::NotInReview(why)) => Ok(Some(why.to_string())),
        Err(RefundReviewError::Commit(error)) => Err(failed(error)),
    }
}

fn unknown(id: RefundId) -> String {
    format!("{id}: no refund has this id")
}

fn failed(error: impl std::error::Error) -> StartError {
    StartError::Other(format!("payment: {error}"))
}

fn provider_ref(text: &str) -> Result<String, String> {
    if (1..=PROVIDER_REF_CHARS_MAX).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(format!("must be 1 to {PROVIDER_REF_CHARS_MAX} characters"))
    }
}

fn line_of(open: &OpenRefund, now: Timestamp) -> String {
    let OpenRefund { booking_id, payment_id, state, refund } = open;
    format!(
        "{id}  {state}  asked for {age} s ago  {tries} calls in vain  {amount}  booking {booking_id}  \
         payment {payment_id}  {reason}",
        id = refund.id,
        age = now.since(refund.created_at).as_secs(),
        tries = refund.tries,
        amount = refund.amount,
        reason = one_line(refund.refusal_reason().unwrap_or_default()),
    )
    .trim_end()
    .to_owned()
}

fn json_of(open: &OpenRefund, now: Timestamp) -> Value {
    let OpenRefund { booking_id, payment_id, state, refund } = open;
    json!({
        "refundId": refund.id.to_string(),
        "state": state,
        "bookingId": booking_id.to_string(),
        "paymentId": payment_id.to_string(),
        "amountMinor": refund.amount.minor(),
        "currencyCode": refund.amount.currency().code(),
        "ageSecs": now.since(refund.created_at).as_secs(),
        "createTime": refund.created_at.to_string(),
        "updateTime": refund.updated_at.to_string(),
        "tries": refund.tries,
        "refusals": refund.refusals,
        "reason": refund.refusal_reason(),
    })
}
