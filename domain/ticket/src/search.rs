//! What buyers search by, and the order of what they find.

use kernel::{Cursor, Money, OrganizerId, PageSize, Timestamp};

use crate::{Listing, SearchWord, Ticket, TicketKind};

/// Conditions of a search; every one given must hold. Deleted tickets are never found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketSearch {
    /// Each must begin a word of name, venue or description.
    pub words: Vec<SearchWord>,
    /// The category, in full.
    pub category: Option<String>,
    /// The organizer.
    pub organizer_id: Option<OrganizerId>,
    /// The kind.
    pub kind: Option<TicketKind>,
    /// Events that begin then or later.
    pub starts_from: Option<Timestamp>,
    /// Events that begin before.
    pub starts_before: Option<Timestamp>,
    /// Tickets of this currency that cost at most this.
    pub max_unit_price: Option<Money>,
    /// Only tickets with something left; of nights those that are over do not count.
    pub available_only: bool,
    /// In what order.
    pub order: TicketOrder,
    /// How many.
    pub page_size: PageSize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// A page of what was found. It may have fewer rows than were asked for, even none, and not be the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketPage {
    /// The tickets.
    pub listings: Vec<Listing>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

/// What tickets are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// When it was registered.
    CreateTime,
    /// When the event begins; tickets without a beginning come last either way.
    StartTime,
    /// Price of one unit, in minor units.
    UnitPrice,
}

/// The order of a list of tickets. Ties are broken by identifier, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TicketOrder {
    /// By what.
    pub key: SortKey,
    /// Largest first.
    pub descending: bool,
}

impl TicketOrder {
    /// The newest first.
    pub const NEWEST_FIRST: Self = Self { key: SortKey::CreateTime, descending: true };

    /// Reads the contract's `order_by`; empty means [`Self::NEWEST_FIRST`].
    #[must_use]
    pub fn parse(order_by: &str) -> Option<Self> {
        let (key, descending) = match order_by {
            "" | "create_time desc" => (SortKey::CreateTime, true),
            "create_time" => (SortKey::CreateTime, false),
            "start_time" => (SortKey::StartTime, false),
            "start_time desc" => (SortKey::StartTime, true),
            "unit_price" => (SortKey::UnitPrice, false),
            "unit_price desc" => (SortKey::UnitPrice, true),
            _ => return None,
        };
        Some(Self { key, descending })
    }

    /// Stands for a beginning that is not known, so that it comes last.
    #[must_use]
    pub const fn unknown_start(self) -> i64 {
        if self.descending { i64::MIN } else { i64::MAX }
    }

    /// A ticket's place in this order.
    #[must_use]
    pub fn cursor(self, ticket: &Ticket) -> Cursor {
        let sort = match self.key {
            SortKey::CreateTime => ticket.created_at.as_micros(),
            SortKey::StartTime => {
                ticket.terms.starts_at.map_or(self.unknown_start(), Timestamp::as_micros)
            }
            SortKey::UnitPrice => ticket.terms.unit_price.minor(),
        };
        Cursor { sort, id: ticket.id.as_uuid() }
    }
}

impl TicketPage {
    /// Cuts rows to a page: a store reads one row more than the page has, to know whether it is the last.
    #[must_use]
    pub fn cut(mut listings: Vec<Listing>, search: &TicketSearch) -> Self {
        let rows = usize::try_from(search.page_size.get()).unwrap_or(usize::MAX);
        let more = listings.len() > rows;
        listings.truncate(rows);
        let last = listings.last().map(|listing| search.order.cursor(&listing.ticket));
        Self::of(listings, last.filter(|_| more), search)
    }

    /// What was found up to a place. A store cannot say which nights are over in every time zone, so it may look for
    /// what is left of all that may not be over somewhere: those of which nothing is left at the place go here.
    #[must_use]
    pub fn of(mut listings: Vec<Listing>, next: Option<Cursor>, search: &TicketSearch) -> Self {
        listings.retain(|listing| !search.available_only || listing.stock.available() > 0);
        Self { listings, next }
    }
}
