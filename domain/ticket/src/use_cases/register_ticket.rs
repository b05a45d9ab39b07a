//! An organizer puts a ticket on sale (T01).

use kernel::{
    AccessDenied, Answered, Caller, Committed, Fault, FaultClass, Invalid, KeyRefused, ReplyKey,
    StoreError, TicketId, Violation,
};

use super::Ticketing;
use crate::{Listing, RegisterTicket, Ticket, TicketChange, TicketEvent};

/// Why a ticket was not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterTicketError {
    /// The caller may not sell.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The request has wrong fields.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// The key's first call has just ended; a repeat gets its answer.
    #[error("another call with this key has just ended; try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ticketing {
    /// Puts a ticket on sale; the caller's organizer owns it.
    ///
    /// # Errors
    /// [`RegisterTicketError`]
    pub async fn register_ticket(
        &self,
        caller: &Caller,
        request: RegisterTicket,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Listing>, RegisterTicketError> {
        let seller = (caller.organizer()?, caller.locale);
        if let Some(body) = self.replay(key.as_ref()).await?? {
            return Ok(Answered::Replayed(body));
        }
        let now = self.clock.now();
        let id = TicketId::new(self.ids.next());
        let listing = Ticket::register(id, seller, &request, now)?;
        let event = TicketEvent::TicketRegistered {
            listing: Box::new(listing.clone()),
            organizer_locale: caller.locale,
        };
        let change = TicketChange {
            events: vec![self.record(&listing, event, now)],
            ticket: listing.ticket.clone(),
            expected_revision: 0,
            capacities: request.slots(),
            nights: None,
            caused_by: None,
            reply: self.reply_change(key.as_ref(), &listing),
        };
        match self.store.commit(change).await? {
            // Stale: the identifier is ours alone, so the commit went through and only its answer was lost.
            Committed::Done | Committed::Stale => Ok(Answered::Fresh(listing)),
            Committed::KeyTaken | Committed::AlreadyHandled => {
                let first = self.replay(key.as_ref()).await??;
                first.map(Answered::Replayed).ok_or(RegisterTicketError::Contended)
            }
        }
    }
}

impl Fault for RegisterTicketError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(inner) => inner.class(),
            Self::Invalid(inner) => inner.class(),
            Self::Key(inner) => inner.class(),
            Self::Contended => FaultClass::Contended,
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(inner) => inner.reason(),
            Self::Invalid(inner) => inner.reason(),
            Self::Key(inner) => inner.reason(),
            Self::Contended => "CONTENDED",
            Self::Store(inner) => inner.reason(),
        }
    }

    fn violations(&self) -> &[Violation] {
        if let Self::Invalid(inner) = self { inner.violations() } else { &[] }
    }
}
