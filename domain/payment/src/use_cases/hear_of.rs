//! Hears from the provider that something became of a booking's money (traps R04, R16).

use kernel::{BookingId, Cause};

use super::{CommitFailed, Paying};
use crate::{Ask, ChargeFinding, RefundAnswer, RefundOrder};

impl Paying {
    /// Asks the provider at once what the sweep would ask later. What a message says is never believed: the provider's
    /// answer to our own question counts, so one that is old, repeated or out of order changes nothing. What comes of
    /// it is stored together with the mark of the message.
    ///
    /// Where there is no definite answer nothing is stored: the settlement is due anyway, and a hint that comes too
    /// early must not make it wait longer. Only news that is certain makes a difference here.
    ///
    /// # Errors
    /// [`CommitFailed`]; the message is to come again.
    pub async fn hear_of(&self, booking_id: BookingId, cause: Cause) -> Result<(), CommitFailed> {
        // Attempts are stored before the provider is called, so what is not here is somebody else's: an account at a
        // provider may serve several platforms.
        let Some(settlement) = self.settlements.find(booking_id).await? else { return Ok(()) };
        match settlement.next_ask() {
            None => {}
            Some(Ask::Outcome(order)) => {
                let found = self.provider.query(order.key).await;
                if let ChargeFinding::Known(answer) = found
                    && answer.is_definite()
                {
                    let attempt = order.key.attempt;
                    self.record_charge(settlement, attempt, &answer, Some(cause)).await?;
                }
            }
            // The same refund again moves nothing twice. A refusal is left to the sweep, which counts them, and so is
            // what may follow it.
            Some(Ask::Refund(order)) => {
                let order = RefundOrder { anew: false, ..order };
                let answer = self.provider.refund(&order).await;
                if let RefundAnswer::Succeeded { .. } = answer {
                    self.record_refund(settlement, order.refund_id, &answer, Some(cause)).await?;
                }
            }
        }
        Ok(())
    }
}
