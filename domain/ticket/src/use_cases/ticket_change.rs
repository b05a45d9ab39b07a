//! How an organizer's command changes a ticket: the key, whose it is, which revision, the decision, the commit.

use kernel::{
    AccessDenied, Answered, Caller, Committed, Fault, FaultClass, Invalid, KeyRefused, ReplyChange,
    ReplyKey, StoreError, TicketId, Timestamp, Violation, judge_key,
};

use super::Ticketing;
use crate::ticket::Decision;
use crate::{
    CapacityBelowSold, Listing, NightChange, Slot, SlotCapacity, SlotRecord, TicketChange,
    TicketEvent,
};

/// How often a command is decided anew when others change the same ticket meanwhile.
const ATTEMPTS_MAX: u32 = 5;

/// Why a ticket was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeTicketError {
    /// The caller may not sell at all.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// No such ticket.
    #[error("there is no such ticket")]
    NotFound,
    /// Another organizer's ticket.
    #[error("the ticket belongs to another organizer")]
    NotYours,
    /// The ticket has changed since the caller read it.
    #[error("the ticket has changed; read it again")]
    EtagMismatch,
    /// A deleted ticket does not change.
    #[error("the ticket is being withdrawn from sale")]
    Retiring,
    /// Fewer units than are held and sold.
    #[error(transparent)]
    CapacityBelowSold(#[from] CapacityBelowSold),
    /// The request has wrong fields.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// Others kept changing the same ticket.
    #[error("others are changing this ticket; try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The slots of a ticket.
pub(super) type Slots = Vec<(Slot, SlotRecord)>;

/// Which ticket, as the caller read it.
pub(super) struct Target<'a> {
    pub(super) ticket_id: TicketId,
    /// Refuse if the ticket is at another revision; empty for any.
    pub(super) etag: &'a str,
    /// Whether its slots are needed to decide.
    pub(super) with_slots: bool,
}

/// What a command makes of a ticket.
pub(super) struct Changed {
    pub(super) decision: Decision,
    pub(super) capacities: Vec<SlotCapacity>,
    pub(super) nights: Option<NightChange>,
    pub(super) event: fn(Box<Listing>) -> TicketEvent,
}

impl Ticketing {
    /// Runs `decide` on the ticket until its result is committed on the revision it was decided on.
    pub(super) async fn change_ticket(
        &self,
        caller: &Caller,
        target: Target<'_>,
        key: Option<ReplyKey>,
        decide: impl Fn(&mut Listing, Slots, Timestamp) -> Result<Changed, ChangeTicketError>
        + Send
        + Sync,
    ) -> Result<Answered<Listing>, ChangeTicketError> {
        let organizer = caller.organizer()?;
        for _ in 0..ATTEMPTS_MAX {
            if let Some(body) = self.replay(key.as_ref()).await?? {
                return Ok(Answered::Replayed(body));
            }
            let found = self.store.find(target.ticket_id).await?;
            let mut listing = found.ok_or(ChangeTicketError::NotFound)?;
            if listing.ticket.organizer_id != organizer {
                return Err(ChangeTicketError::NotYours);
            }
            let expected_revision = listing.ticket.revision;
            if !target.etag.is_empty() && target.etag != expected_revision.to_string() {
                return Err(ChangeTicketError::EtagMismatch);
            }
            let slots =
                if target.with_slots { self.slots(target.ticket_id).await? } else { Vec::new() };
            let now = self.clock.now();
            let changed = decide(&mut listing, slots, now)?;
            if changed.decision == Decision::AlreadyDone {
                return Ok(Answered::Fresh(listing));
            }
            let event = (changed.event)(Box::new(listing.clone()));
            let change = TicketChange {
                events: vec![self.record(&listing, event, now)],
                ticket: listing.ticket.clone(),
                expected_revision,
                capacities: changed.capacities,
                nights: changed.nights,
                caused_by: None,
                reply: self.reply_change(key.as_ref(), &listing),
            };
            match self.store.commit(change).await? {
                Committed::Done => return Ok(Answered::Fresh(listing)),
                Committed::Stale | Committed::KeyTaken | Committed::AlreadyHandled => {}
            }
        }
        Err(ChangeTicketError::Contended)
    }

    async fn slots(&self, ticket_id: TicketId) -> Result<Slots, StoreError> {
        let read = self.stock.slots(&[ticket_id], None, None).await?.pop();
        Ok(read.map_or_else(Vec::new, |read| read.slots))
    }

    /// The answer that the key had before.
    pub(super) async fn replay(
        &self,
        key: Option<&ReplyKey>,
    ) -> Result<Result<Option<Vec<u8>>, KeyRefused>, StoreError> {
        let Some(key) = key else { return Ok(Ok(None)) };
        Ok(judge_key(key, self.store.find_reply(key).await?))
    }

    /// The record of the answer that the key gets.
    pub(super) fn reply_change(&self, key: Option<&ReplyKey>, listing: &Listing) -> ReplyChange {
        key.map_or(ReplyChange::None, |key| ReplyChange::Record {
            key: key.clone(),
            body: (self.encode_reply)(listing),
        })
    }
}

impl Fault for ChangeTicketError {
    fn class(&self) -> FaultClass {
        match self {
            Self::NotFound => FaultClass::NotFound,
            Self::NotYours => FaultClass::Forbidden,
            Self::EtagMismatch | Self::Contended => FaultClass::Contended,
            Self::Retiring | Self::CapacityBelowSold(_) => FaultClass::Refused,
            Self::Access(inner) => inner.class(),
            Self::Invalid(inner) => inner.class(),
            Self::Key(inner) => inner.class(),
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "TICKET_NOT_FOUND",
            Self::NotYours => "PERMISSION_DENIED",
            Self::EtagMismatch => "ETAG_MISMATCH",
            Self::Contended => "CONTENDED",
            Self::Retiring => "TICKET_RETIRING",
            Self::CapacityBelowSold(_) => "CAPACITY_BELOW_SOLD",
            Self::Access(inner) => inner.reason(),
            Self::Invalid(inner) => inner.reason(),
            Self::Key(inner) => inner.reason(),
            Self::Store(inner) => inner.reason(),
        }
    }

    fn violations(&self) -> &[Violation] {
        if let Self::Invalid(inner) = self { inner.violations() } else { &[] }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        if let Self::CapacityBelowSold(below) = self {
            vec![("taken", below.taken.to_string())]
        } else {
            Vec::new()
        }
    }
}
