//! Three accounts are kept of a slot: its counters, the ledger of its movements, and the lines of its holds. They
//! agree (I2). Where they ever do not, this says which stands alone and whether the counters may be set anew.

use crate::{SlotCounts, Stock};

/// One of the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account {
    /// The row of the slot.
    Counters,
    /// The fold of the slot's entries.
    Ledger,
    /// The lines of holds: ACTIVE ones are held, COMMITTED ones sold.
    Holds,
}

/// What the accounts of one slot say, all at the same moment. Nothing is taken for granted of them: they are read to
/// find what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotAccounts {
    /// The counters; `None` where the slot has no row.
    pub counters: Option<CountersFound>,
    /// What the entries add up to.
    pub ledger: SlotCounts,
    /// What the holds add up to.
    pub holds: SlotCounts,
    /// Holds whose own entries add up to something else than their state and line say.
    pub holds_apart: u64,
}

/// Counters as they stand, within their capacity or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountersFound {
    /// Units there are.
    pub capacity: i64,
    /// What they say is held and sold.
    pub counts: SlotCounts,
}

/// How the accounts of a slot stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// They say the same.
    Agree,
    /// Two say the same; this one is likely to be wrong.
    StandsAlone(Account),
    /// Each says something else.
    AllDiffer,
}

/// Why the counters of a slot are left as they are, and what to do instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotMend {
    /// There is no row to lock.
    #[error(
        "its ticket is not there: put the row of the ticket back from a backup, and run this again"
    )]
    NoTicket,
    /// There are no counters to set.
    #[error("it has no counters: set its capacity by changing the ticket, and run this again")]
    NoCounters,
    /// The counters and the holds agree.
    #[error(
        "counters and holds agree, so the counters are likely to be right: entries were lost, changed or added. \
         Put back those of the holds named here from a backup, and audit again"
    )]
    LedgerStandsAlone,
    /// The counters and the ledger agree.
    #[error(
        "counters and ledger agree, so the counters are likely to be right: rows of holds were lost or changed. \
         Put the holds named here back to what their entries say, and audit again"
    )]
    HoldsStandAlone,
    /// Nothing agrees with anything.
    #[error(
        "no two of counters, ledger and holds agree: pause the ticket, keep a copy of the database, bring the holds \
         named here and their entries together, and run this again"
    )]
    AllDiffer,
    /// The sums of ledger and holds agree by chance.
    #[error(
        "{holds} of its holds differ from their entries, though the sums agree: bring the holds named here and \
         their entries together, and run this again"
    )]
    HoldsApart {
        /// How many.
        holds: u64,
    },
    /// What ledger and holds agree on cannot be (I1).
    #[error(
        "ledger and holds agree on {held} held and {sold} sold, which {capacity} units cannot be: raise the \
         capacity or cancel bookings, and run this again"
    )]
    BeyondCapacity {
        /// Units held.
        held: i64,
        /// Units sold.
        sold: i64,
        /// Units there are.
        capacity: i64,
    },
}

impl SlotAccounts {
    /// Which account is likely to be wrong: the one that the two others contradict.
    #[must_use]
    pub fn compare(&self) -> Comparison {
        let counters = self.counters.map(|found| found.counts);
        let by_counters = (counters == Some(self.ledger), counters == Some(self.holds));
        match (by_counters, self.ledger == self.holds) {
            ((true, true), _) => Comparison::Agree,
            ((true, false), _) => Comparison::StandsAlone(Account::Holds),
            ((false, true), _) => Comparison::StandsAlone(Account::Ledger),
            ((false, false), true) => Comparison::StandsAlone(Account::Counters),
            ((false, false), false) => Comparison::AllDiffer,
        }
    }

    /// What the counters are to be set to; `None` when they are right already. They are set to what ledger and holds
    /// agree on, sum by sum and hold by hold, and only within the capacity.
    ///
    /// # Errors
    /// [`CannotMend`]: another account is wrong, or the agreement breaks I1.
    pub fn mend(&self) -> Result<Option<SlotCounts>, CannotMend> {
        let comparison = self.compare();
        match comparison {
            Comparison::StandsAlone(Account::Ledger) => return Err(CannotMend::LedgerStandsAlone),
            Comparison::StandsAlone(Account::Holds) => return Err(CannotMend::HoldsStandAlone),
            Comparison::AllDiffer => return Err(CannotMend::AllDiffer),
            Comparison::Agree | Comparison::StandsAlone(Account::Counters) => {}
        }
        if self.holds_apart > 0 {
            return Err(CannotMend::HoldsApart { holds: self.holds_apart });
        }
        let Some(CountersFound { capacity, .. }) = self.counters else {
            return Err(CannotMend::NoCounters);
        };
        let SlotCounts { held, sold } = self.ledger;
        if stock(capacity, held, sold).is_none() {
            return Err(CannotMend::BeyondCapacity { held, sold, capacity });
        }
        Ok((comparison != Comparison::Agree).then_some(self.ledger))
    }
}

fn stock(capacity: i64, held: i64, sold: i64) -> Option<Stock> {
    let count = |units: i64| u64::try_from(units).ok();
    Stock::new(count(capacity)?, count(held)?, count(sold)?).ok()
}

#[cfg(test)]
mod tests;
