//! The sweep that lets holds go whose time is over. Never a pinned one.

use kernel::{Fault, FaultClass, HoldId, StoreError};

use super::{ExecuteStockError, Ticketing};
use crate::limits::STUCK_HOLDS_MAX;
use crate::{HoldState, HoldStep, StockCommand, StockOutcome, StockVerdict};

/// What a sweep did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sweep {
    /// Holds that expired now.
    pub expired: usize,
    /// Holds that should have and cannot: an operator should look at their rows.
    pub stuck: Vec<StuckHold>,
    /// Holds pinned for longer than [`crate::PIN_MAX`]: an operator should look at their bookings.
    pub overdue_pins: u64,
    /// Whether the batch was full, so that another sweep should follow at once.
    pub more: bool,
}

/// A hold that cannot expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckHold {
    /// Which one.
    pub hold_id: HoldId,
    /// Why.
    pub why: ExecuteStockError,
}

impl Ticketing {
    /// Expires at most `limit` due holds. Any number of replicas may sweep: each hold is looked at
    /// again, by the database's time, inside the transaction that lets it go. One whose rows are
    /// corrupt is told of and does not keep the others.
    ///
    /// # Errors
    /// [`StoreError`], never for a corrupt row.
    pub async fn expire_holds(&self, limit: u32) -> Result<Sweep, StoreError> {
        let mut sweep = Sweep::default();
        let mut unreadable = 0;
        loop {
            let skipped = sweep.stuck.len() + unreadable;
            let found = self.stock.due_holds(skipped, limit).await?;
            let full = found.due.len() + found.unreadable >= limit as usize;
            unreadable += found.unreadable;
            sweep.overdue_pins = found.overdue_pins;
            self.expire(found.due, &mut sweep).await?;
            // Those that are stuck stay the oldest: past a batch of nothing else the sweep goes on itself.
            // A batch of which nothing expired would be the next one again.
            sweep.more = full && sweep.expired > 0;
            let passed = sweep.stuck.len() + unreadable;
            if !full || sweep.more || passed == skipped || passed >= STUCK_HOLDS_MAX {
                return Ok(sweep);
            }
        }
    }

    /// Expires all of them together, or where a row is corrupt in halves, down to the hold that it stops.
    async fn expire(&self, due: Vec<HoldId>, sweep: &mut Sweep) -> Result<(), StoreError> {
        let mut batches = vec![due];
        while let Some(mut batch) = batches.pop() {
            let Some(first) = batch.first().copied() else { continue };
            let expire = |id: &HoldId| self.order(StockCommand::Step(*id, HoldStep::Expire), None);
            match self.stock.execute(batch.iter().map(expire).collect()).await {
                Ok(verdicts) => batch.into_iter().zip(verdicts).for_each(|(hold_id, verdict)| {
                    sweep.expired += usize::from(is_expired(&verdict));
                    sweep.stuck.extend(stuck(hold_id, verdict));
                }),
                Err(why @ StoreError::CorruptRow { .. }) if batch.len() == 1 => {
                    sweep.stuck.push(StuckHold { hold_id: first, why: why.into() });
                }
                Err(StoreError::CorruptRow { .. }) => {
                    let younger = batch.split_off(batch.len() / 2);
                    batches.extend([younger, batch]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_expired(verdict: &StockVerdict) -> bool {
    matches!(verdict, Ok(StockOutcome::Hold(hold)) if hold.state == HoldState::Expired)
}

/// A refusal that our own code cannot have led to; any other means that somebody else was quicker.
fn stuck(hold_id: HoldId, verdict: StockVerdict) -> Option<StuckHold> {
    let refusal = verdict.err().filter(|refusal| refusal.class() == FaultClass::Bug)?;
    Some(StuckHold { hold_id, why: refusal.into() })
}
