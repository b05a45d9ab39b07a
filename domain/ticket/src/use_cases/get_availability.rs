//! Anyone reads what is left of a ticket.

use kernel::TicketId;

use super::Ticketing;
use super::get_ticket::GetTicketError;
use crate::Availability;

impl Ticketing {
    /// Reads what is left of a ticket, slot by slot.
    ///
    /// # Errors
    /// [`GetTicketError`]
    pub async fn get_availability(
        &self,
        ticket_id: TicketId,
    ) -> Result<Availability, GetTicketError> {
        let read = self.stock.availability(ticket_id, self.clock.now()).await?;
        read.ok_or(GetTicketError::NotFound)
    }
}
