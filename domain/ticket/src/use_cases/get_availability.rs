//! Anyone reads what is left of a ticket.

use kernel::{CivilDate, Fault, FaultClass, Invalid, StoreError, TicketId, Timestamp, Violation};

use super::Ticketing;
use crate::{Availability, NIGHTS_SHOWN, Nights, TicketKind};

/// Why it was not read what is left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetAvailabilityError {
    /// No such ticket.
    #[error("there is no such ticket")]
    NotFound,
    /// The request has wrong fields.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ticketing {
    /// Reads what is left of a ticket, slot by slot. Of a ticket sold by the night the nights asked for, or else the
    /// next [`NIGHTS_SHOWN`] that there are.
    ///
    /// # Errors
    /// [`GetAvailabilityError`]
    pub async fn get_availability(
        &self,
        ticket_id: TicketId,
        asked: Option<Nights>,
    ) -> Result<Availability, GetAvailabilityError> {
        let nights = asked.or_else(|| shown_anywhere(self.clock.now()));
        let read = self.stock.slots(&[ticket_id], None, nights).await?.pop();
        let mut read = read.ok_or(GetAvailabilityError::NotFound)?;
        if read.ticket.kind != TicketKind::Nightly && asked.is_some() {
            let wrong = |field| Violation::new(field, "is only for kind NIGHTLY");
            return Err(Invalid(["start_date", "end_date"].map(wrong).to_vec()).into());
        }
        if asked.is_none() {
            read.keep_shown();
        }
        Ok(Availability::of(read, asked))
    }
}

/// The nights that are shown wherever the place is: there it is yesterday or tomorrow at most.
fn shown_anywhere(now: Timestamp) -> Option<Nights> {
    let today = CivilDate::in_utc(now);
    let days = i32::try_from(NIGHTS_SHOWN).ok()?;
    Nights::new(today.plus_days(-1)?, today.plus_days(days + 1)?, NIGHTS_SHOWN + 2).ok()
}

impl Fault for GetAvailabilityError {
    fn class(&self) -> FaultClass {
        match self {
            Self::NotFound => FaultClass::NotFound,
            Self::Invalid(inner) => inner.class(),
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "TICKET_NOT_FOUND",
            Self::Invalid(inner) => inner.reason(),
            Self::Store(inner) => inner.reason(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(inner) => inner.violations(),
            Self::NotFound | Self::Store(_) => &[],
        }
    }
}
