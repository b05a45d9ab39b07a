//! The sweep that lets holds go whose time is over. Never a pinned one.

use kernel::StoreError;

use super::Ticketing;
use crate::{HoldState, HoldStep, StockCommand, StockOutcome, StockVerdict};

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sweep {
    /// Holds that expired now.
    pub expired: usize,
    /// Holds pinned for longer than [`crate::PIN_MAX`]: an operator should look at their bookings.
    pub overdue_pins: u64,
    /// Whether the batch was full, so that another sweep should follow at once.
    pub more: bool,
}

impl Ticketing {
    /// Expires at most `limit` due holds. Any number of replicas may sweep: each hold is looked at
    /// again, by the database's time, inside the transaction that lets it go.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn expire_holds(&self, limit: u32) -> Result<Sweep, StoreError> {
        let found = self.stock.due_holds(limit).await?;
        let full = u32::try_from(found.due.len()).is_ok_and(|due| due >= limit);
        let expire = |hold_id| self.order(StockCommand::Step(hold_id, HoldStep::Expire), None);
        let orders: Vec<_> = found.due.into_iter().map(expire).collect();
        let verdicts =
            if orders.is_empty() { Vec::new() } else { self.stock.execute(orders).await? };
        let expired = verdicts.iter().filter(|verdict| is_expired(verdict)).count();
        // A batch of which nothing expired would be the next one again.
        Ok(Sweep { expired, overdue_pins: found.overdue_pins, more: full && expired > 0 })
    }
}

fn is_expired(verdict: &StockVerdict) -> bool {
    matches!(verdict, Ok(StockOutcome::Hold(hold)) if hold.state == HoldState::Expired)
}
