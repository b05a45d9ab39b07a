//! What this context needs from outside: the rows of the view, and for a rebuild what they are made of.

use async_trait::async_trait;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Cursor, Envelope, OrganizerId, StoreError, TicketId,
};

use crate::{BookingStatus, BookingView, Fact, MyBooking, Tally};

/// From which side a list is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// What this buyer bought.
    Buyer(BuyerId),
    /// What this organizer sold.
    Organizer(OrganizerId),
}

/// Whose rows to list, and which of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Rows of this side, and of nobody else.
    pub viewer: Viewer,
    /// Only those of this ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those with this status.
    pub status: Option<BookingStatus>,
}

/// A row that changed, for a watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The row as it is now.
    pub booking: MyBooking,
    /// The number of its last change among the changes of its buyer's rows; the next look begins after it.
    pub change_number: i64,
}

/// The rows of the view. Rows whose booking is not known yet are found by `find` alone.
#[async_trait]
pub trait ViewStore: Send + Sync {
    /// Reads the row of a booking.
    async fn find(&self, booking_id: BookingId) -> Result<Option<BookingView>, StoreError>;

    /// Folds a fact into the row of its booking, which is made where there is none, with the mark that its cause was
    /// handled. MUST be all or nothing, and whoever folds into the same row at the same time MUST come before or
    /// after. MUST answer `AlreadyHandled` when the cause was handled before; else `Done`, also of a stale fact, which
    /// changes nothing. There is no other verdict. MUST give every changed row of a buyer a number above those of all
    /// that buyer's changes that were visible or committed before, so that a watcher who has seen a number has seen
    /// all below it.
    async fn fold(&self, fact: &Fact, caused_by: Cause) -> Result<Committed, StoreError>;

    /// Rows by `(create_time, booking_id)`, the newest first, from after the cursor, at most `rows_max`.
    async fn list(
        &self,
        of: &Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<MyBooking>, StoreError>;

    /// An organizer's rows added up, of one ticket or of all, in any number of tallies.
    async fn tallies(
        &self,
        organizer_id: &OrganizerId,
        ticket_id: Option<TicketId>,
    ) -> Result<Vec<Tally>, StoreError>;

    /// A buyer's rows whose last change has a number above `after`, by that number, at most `rows_max`.
    async fn changed_since(
        &self,
        buyer_id: &BuyerId,
        after: i64,
        rows_max: u32,
    ) -> Result<Vec<Changed>, StoreError>;

    /// Sets a message aside that cannot be handled, with the mark that it was, for an operator.
    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError>;
}

/// A row as a rebuild finds it, which may be damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRow {
    /// Its key as it stands; a booking's id, unless it is damaged.
    pub key: String,
    /// Its revision as it stands; any number when it is damaged.
    pub revision: i64,
    /// What it says; absent when it contradicts itself.
    pub view: Option<BookingView>,
}

/// What a rebuild does to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Makes a row where there is none.
    Make(BookingView),
    /// Overwrites a row that is at this revision, whatever else it says.
    Replace {
        /// The revision it was found at.
        found_revision: i64,
        /// The row as it is to be.
        view: BookingView,
    },
    /// Removes a row that is at this revision.
    Remove {
        /// Its key.
        key: String,
        /// The revision it was found at.
        found_revision: i64,
    },
}

/// The rows of the view as they stand, for a rebuild. Others may change them meanwhile.
#[async_trait]
pub trait ViewRepair: Send + Sync {
    /// Keys above `after` in the store's own order, at most `rows_max`; all begin after the empty text.
    async fn keys(&self, after: &str, rows_max: u32) -> Result<Vec<String>, StoreError>;

    /// The rows of these keys that are there, in any order. MUST NOT fail for a damaged one.
    async fn rows(&self, keys: &[String]) -> Result<Vec<FoundRow>, StoreError>;

    /// Does it, as a change that watchers see. MUST answer `Stale` and change nothing when there is a row
    /// where none was, or when the row is not at the revision it was found at.
    async fn repair(&self, repair: Repair) -> Result<Committed, StoreError>;
}

/// A booking as the other contexts have it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBooking {
    /// Which one.
    pub booking_id: BookingId,
    /// The newest fact about itself and, if any was told, about its payments; or why they cannot be read.
    pub facts: Result<Vec<Fact>, StoreError>,
}

/// What the view is made of: the other contexts' present states, in words of their events.
#[async_trait]
pub trait ViewSource: Send + Sync {
    /// Bookings above `after` in the source's own order, at most `rows_max`; all begin with none.
    async fn bookings(
        &self,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError>;

    /// These bookings, without those that do not exist, in any order. MUST see all that was committed before
    /// the call. MUST NOT fail for one that cannot be read.
    async fn known(&self, bookings: &[BookingId]) -> Result<Vec<KnownBooking>, StoreError>;
}
