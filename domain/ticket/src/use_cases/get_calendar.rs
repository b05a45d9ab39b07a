//! Anyone reads the nights of many tickets at once.

use kernel::{Cursor, OrganizerId, PageSize, StoreError, TicketId};

use super::Ticketing;
use crate::{Availability, Nights, TicketKind, TicketOrder, TicketSearch};

/// Asks for the nights of tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetCalendar {
    /// Of which tickets.
    pub of: CalendarOf,
    /// Which nights.
    pub nights: Nights,
}

/// Whose nights are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalendarOf {
    /// These tickets'.
    Tickets(Vec<TicketId>),
    /// Those of an organizer's tickets that are on sale or paused, the newest first, a page of them.
    Organizer {
        /// The organizer.
        id: OrganizerId,
        /// Most tickets of the page.
        page_size: PageSize,
        /// Where the page before ended.
        after: Option<Cursor>,
    },
}

/// The nights of tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Each ticket with each of the nights asked for.
    pub tickets: Vec<Availability>,
    /// Where the page ended; `None` after the last one.
    pub next: Option<Cursor>,
}

impl Ticketing {
    /// Reads the nights of many tickets, in the order asked for. Leaves out what is not there or is not sold by the
    /// night.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get_calendar(&self, request: GetCalendar) -> Result<Calendar, StoreError> {
        let (ids, next) = match request.of {
            CalendarOf::Tickets(ids) => (ids, None),
            CalendarOf::Organizer { id, page_size, after } => {
                let page = self.store.search(&nightly_of(id, page_size, after)).await?;
                (page.listings.iter().map(|listing| listing.ticket.id).collect(), page.next)
            }
        };
        let kind = Some(TicketKind::Nightly);
        let mut read = self.stock.slots(&ids, kind, Some(request.nights)).await?;
        read.sort_by_key(|slots| ids.iter().position(|id| *id == slots.ticket.id));
        let of = |slots| Availability::of(slots, Some(request.nights));
        Ok(Calendar { tickets: read.into_iter().map(of).collect(), next })
    }
}

fn nightly_of(id: OrganizerId, page_size: PageSize, after: Option<Cursor>) -> TicketSearch {
    TicketSearch {
        words: Vec::new(),
        category: None,
        organizer_id: Some(id),
        kind: Some(TicketKind::Nightly),
        starts_from: None,
        starts_before: None,
        max_unit_price: None,
        available_only: false,
        order: TicketOrder::NEWEST_FIRST,
        page_size,
        after,
    }
}
