//! Carries on with what nobody is at work on: attempts without an answer, refunds to be made
//! (traps R04, R07, R11). Any number of replicas may sweep.

use futures::future::join_all;
use kernel::{BookingId, StoreError};

use super::{CommitFailed, Paying};
use crate::{Ask, CALL_LEASE, ChargeAnswer, ChargeFinding, ChargeOrder, RefundOrder, Settlement};

impl Paying {
    /// Takes at most `limit` due settlements and asks the provider once for each, all at the same
    /// time. Gives their number: a full one means there may be more.
    ///
    /// # Errors
    /// [`StoreError`] of the claim, or the first of a settlement after all have had their turn; what
    /// could not be carried on is due again later.
    pub async fn sweep(&self, limit: u32) -> Result<usize, StoreError> {
        let due = self.settlements.claim_due(CALL_LEASE, limit).await?;
        let turns = join_all(due.iter().map(|booking_id| self.carry_on(*booking_id))).await;
        for turn in turns {
            match turn {
                // Contended: somebody else carries it on.
                Ok(()) | Err(CommitFailed::Contended) => {}
                Err(CommitFailed::Store(error)) => return Err(error),
            }
        }
        Ok(due.len())
    }

    async fn carry_on(&self, booking_id: BookingId) -> Result<(), CommitFailed> {
        let settlement = self.settlement_of(booking_id).await?;
        match settlement.next_ask() {
            None => {}
            Some(Ask::Outcome(order)) => {
                let answer = self.find_out(&order).await;
                self.record_charge(settlement, order.key.attempt, &answer, None).await?;
            }
            Some(Ask::Refund(order)) => self.refund(settlement, &order).await?,
        }
        Ok(())
    }

    /// Asks by the attempt's own key, and sends the charge again only if the provider never had it:
    /// then it is not known whether the first one is still on its way, and the key makes them one.
    /// To the provider that is a charge like any other: while it is left alone, or has as much to do as it may have, the
    /// outcome stays unknown. What takes no money is held back by its own waits alone, and by the sweep's limit.
    async fn find_out(&self, order: &ChargeOrder) -> ChargeAnswer {
        match self.provider.query(order.key).await {
            ChargeFinding::Known(answer) => answer,
            ChargeFinding::NotFound => match self.guard.enter(self.clock.now()) {
                Ok(pass) => self.send(order, pass).await,
                Err(_away) => ChargeAnswer::Unknown,
            },
        }
    }

    async fn refund(
        &self,
        settlement: Settlement,
        order: &RefundOrder,
    ) -> Result<(), CommitFailed> {
        let begin = |settlement: &mut Settlement, now| Ok(settlement.begin_refund(now));
        let begun = self.decide::<CommitFailed>(settlement, None, begin).await?;
        self.give_back(begun.into_settlement(), order).await?;
        Ok(())
    }
}
