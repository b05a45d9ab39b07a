//! A slot explained, for people and for machines.

use boxoffice_ticket::{
    Account, CannotMend, Comparison, HoldApart, LedgerLine, Mended, SlotAccountsRead, SlotCounts,
    SlotName,
};
use kernel::Timestamp;
use serde_json::{Value, json};

/// A slot, what is known of it, and what becomes of it.
pub(super) struct Explanation {
    pub(super) slot: SlotName,
    /// As it was before any repair.
    pub(super) read: SlotAccountsRead,
    pub(super) repair: Repair,
}

/// What is done about a slot.
pub(super) enum Repair {
    /// What a repair would set the counters to, if to anything.
    Proposed(Result<Option<SlotCounts>, CannotMend>),
    /// What the repair did, which was decided anew under its locks.
    Done(Result<Option<Mended>, CannotMend>),
}

impl Explanation {
    /// Lines to be read.
    pub(super) fn as_text(&self) -> Vec<String> {
        let Self { slot, read, repair } = self;
        let accounts = &read.accounts;
        let mut lines = vec![
            format!("slot {}/{}: {}", slot.ticket_id, slot.slot, verdict(accounts.compare())),
            match accounts.counters {
                Some(found) => {
                    format!("  counters  {}  of {}", counts(found.counts), found.capacity)
                }
                None => "  counters  none".to_owned(),
            },
            format!("  ledger    {}", counts(accounts.ledger)),
            format!("  holds     {}", counts(accounts.holds)),
        ];
        for hold in &read.apart {
            lines.push(apart(hold));
            lines.extend(hold.entries.iter().map(|line| format!("    {}", entry(line))));
        }
        let unnamed = accounts.holds_apart.saturating_sub(read.apart.len() as u64);
        if unnamed > 0 {
            lines.push(format!("  {unnamed} more holds differ from their entries"));
        }
        lines.push("  last entries".to_owned());
        lines.extend(read.last.iter().map(|line| format!("    {}", entry(line))));
        lines.push(format!("  {}", repair.as_text()));
        lines
    }

    /// One object.
    pub(super) fn as_json(&self) -> Value {
        let Self { slot, read, repair } = self;
        let accounts = &read.accounts;
        json!({
            "ticketId": slot.ticket_id,
            "slot": slot.slot,
            "standsAlone": alone(accounts.compare()).map(name),
            "agree": accounts.compare() == Comparison::Agree,
            "capacity": accounts.counters.map(|found| found.capacity),
            "counters": accounts.counters.map(|found| counts_json(found.counts)),
            "ledger": counts_json(accounts.ledger),
            "holds": counts_json(accounts.holds),
            "holdsApart": accounts.holds_apart,
            "apart": read.apart.iter().map(apart_json).collect::<Vec<_>>(),
            "lastEntries": read.last.iter().map(entry_json).collect::<Vec<_>>(),
            "repair": repair.as_json(),
        })
    }
}

impl Repair {
    fn as_text(&self) -> String {
        match self {
            Self::Proposed(Ok(Some(set))) => {
                format!("a repair would set the counters to {}: run it with --apply", counts(*set))
            }
            Self::Done(Ok(Some(Mended { before, after }))) => {
                format!("repaired: the counters were {}, are {}", counts(*before), counts(*after))
            }
            Self::Proposed(Ok(None)) | Self::Done(Ok(None)) => {
                "nothing to repair: the counters are what ledger and holds agree on".to_owned()
            }
            Self::Proposed(Err(why)) | Self::Done(Err(why)) => format!("not repaired: {why}"),
        }
    }

    fn as_json(&self) -> Value {
        match self {
            Self::Proposed(Ok(Some(set))) => {
                json!({"outcome": "proposed", "counters": counts_json(*set)})
            }
            Self::Done(Ok(Some(Mended { before, after }))) => json!({
                "outcome": "repaired",
                "before": counts_json(*before),
                "counters": counts_json(*after),
            }),
            Self::Proposed(Ok(None)) | Self::Done(Ok(None)) => json!({"outcome": "nothing"}),
            Self::Proposed(Err(why)) | Self::Done(Err(why)) => {
                json!({"outcome": "refused", "reason": why.to_string()})
            }
        }
    }
}

const fn alone(comparison: Comparison) -> Option<Account> {
    match comparison {
        Comparison::StandsAlone(account) => Some(account),
        Comparison::Agree | Comparison::AllDiffer => None,
    }
}

const fn name(account: Account) -> &'static str {
    match account {
        Account::Counters => "counters",
        Account::Ledger => "ledger",
        Account::Holds => "holds",
    }
}

fn verdict(comparison: Comparison) -> String {
    match comparison {
        Comparison::Agree => "counters, ledger and holds say the same in sum".to_owned(),
        Comparison::StandsAlone(account) => {
            format!("two agree against the {}, likely to be wrong", name(account))
        }
        Comparison::AllDiffer => "counters, ledger and holds all differ".to_owned(),
    }
}

fn apart(hold: &HoldApart) -> String {
    let state = hold.state.as_deref().unwrap_or("is not there");
    let (row, ledger) = (counts(hold.row), counts(hold.ledger));
    format!("  hold {}  {state}: its row says {row}, its entries {ledger}", hold.hold_id)
}

fn entry(line: &LedgerLine) -> String {
    let LedgerLine { seq, hold_id, kind, d_held, d_sold, at_us } = line;
    let at = Timestamp::from_micros(*at_us);
    format!("#{seq}  {at}  {kind}  held {d_held:+}  sold {d_sold:+}  hold {hold_id}")
}

fn counts(SlotCounts { held, sold }: SlotCounts) -> String {
    format!("{held} held {sold} sold")
}

fn counts_json(SlotCounts { held, sold }: SlotCounts) -> Value {
    json!({"held": held, "sold": sold})
}

fn apart_json(hold: &HoldApart) -> Value {
    json!({
        "holdId": hold.hold_id,
        "state": hold.state,
        "row": counts_json(hold.row),
        "ledger": counts_json(hold.ledger),
        "entries": hold.entries.iter().map(entry_json).collect::<Vec<_>>(),
    })
}

fn entry_json(line: &LedgerLine) -> Value {
    let LedgerLine { seq, hold_id, kind, d_held, d_sold, at_us } = line;
    let at = Timestamp::from_micros(*at_us).to_string();
    json!({"seq": seq, "time": at, "kind": kind, "held": d_held, "sold": d_sold, "holdId": hold_id})
}
