//! What stands behind a difference in stock, slot by slot, and the repair of it where it may be repaired.

use std::collections::BTreeSet;

use boxoffice_ticket::{Accounts, SlotName};
use runtime::Settings;

use super::Finding;
use super::explanation::{Explanation, Repair};
use crate::databases::DatabaseArguments;

/// Slots that are explained, and repaired, at most: what is left is found by the next run.
const SLOTS_MAX: usize = 100;

/// Explains the slots that were found to differ, and with `apply` repairs what may be repaired.
///
/// # Errors
/// A text that says what could not be read or repaired. What was repaired before stays so.
pub(super) async fn explain(
    settings: &Settings,
    databases: &DatabaseArguments,
    found: &BTreeSet<Finding>,
    apply: bool,
) -> Result<Vec<Explanation>, String> {
    let slots: BTreeSet<_> = found.iter().filter_map(|finding| finding.slot.as_ref()).collect();
    if slots.is_empty() {
        return Ok(Vec::new());
    }
    let url = databases.url(settings, "ticket").map_err(|error| error.to_string())?;
    let accounts = Accounts::open(&url).await.map_err(|error| error.to_string())?;
    let explained = each(&accounts, &slots, apply).await;
    accounts.close().await;
    explained
}

async fn each(
    accounts: &Accounts,
    slots: &BTreeSet<&SlotName>,
    apply: bool,
) -> Result<Vec<Explanation>, String> {
    let mut explained = Vec::new();
    for slot in slots.iter().take(SLOTS_MAX) {
        let failed = |error| format!("slot {}/{}: {error}", slot.ticket_id, slot.slot);
        let read = accounts.explain(slot).await.map_err(failed)?;
        let repair = if apply {
            Repair::Done(accounts.mend(slot).await.map_err(failed)?)
        } else {
            Repair::Proposed(read.accounts.mend())
        };
        explained.push(Explanation { slot: (*slot).clone(), read, repair });
    }
    Ok(explained)
}
