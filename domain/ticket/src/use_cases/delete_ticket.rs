//! An organizer deletes a ticket (T02): the first step of `retirement.rs`.

use kernel::{Answered, Caller, ReplyKey, TicketId};

use super::Ticketing;
use super::ticket_change::{ChangeTicketError, Changed, Target};
use crate::ticket::Decision;
use crate::{Listing, TicketEvent};

/// Asks to delete a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Refuse if it has changed since it had this etag; empty for any.
    pub etag: String,
}

impl Ticketing {
    /// Takes a ticket off sale for good. Only its organizer may. A second call gives the same answer,
    /// whatever etag it carries: the first one changed it.
    ///
    /// # Errors
    /// [`ChangeTicketError`]
    pub async fn delete_ticket(
        &self,
        caller: &Caller,
        request: DeleteTicket,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Listing>, ChangeTicketError> {
        let target = Target { ticket_id: request.ticket_id, etag: "", with_slots: false };
        self.change_ticket(caller, target, key, |listing, _, now| {
            let etag = listing.ticket.revision.to_string();
            let decision = listing.ticket.retire(now);
            let stale = !request.etag.is_empty() && request.etag != etag;
            if stale && decision == Decision::Happened {
                return Err(ChangeTicketError::EtagMismatch);
            }
            Ok(Changed {
                decision,
                capacities: Vec::new(),
                nights: None,
                event: |listing| TicketEvent::TicketRetirementStarted { listing },
            })
        })
        .await
    }
}
