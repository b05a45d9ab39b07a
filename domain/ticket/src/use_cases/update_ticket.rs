//! An organizer changes what is said about a ticket.

use kernel::{Answered, Caller, ReplyKey, TicketId};

use super::Ticketing;
use super::ticket_change::{ChangeTicketError, Changed, Target};
use crate::{Listing, TermsChange, TicketDraft, TicketEvent};

/// Asks to change some fields of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Refuse if it has changed since it had this etag; empty for any.
    pub etag: String,
    /// The fields.
    pub changes: Vec<TermsChange>,
}

impl Ticketing {
    /// Changes the named fields. Only its organizer may. Holds keep the price they were taken at.
    ///
    /// # Errors
    /// [`ChangeTicketError`]
    pub async fn update_ticket(
        &self,
        caller: &Caller,
        request: UpdateTicket,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Listing>, ChangeTicketError> {
        let target =
            Target { ticket_id: request.ticket_id, etag: &request.etag, with_slots: false };
        self.change_ticket(caller, target, key, |listing, _, now| {
            if listing.ticket.is_deleted() {
                return Err(ChangeTicketError::Retiring);
            }
            let draft = TicketDraft::of(&listing.ticket);
            let draft = request.changes.iter().cloned().fold(draft, TicketDraft::changed);
            Ok(Changed {
                decision: listing.ticket.update(&draft, now)?,
                capacities: Vec::new(),
                nights: None,
                event: |listing| TicketEvent::TicketChanged { listing },
            })
        })
        .await
    }
}
