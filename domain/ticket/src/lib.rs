//! The ticket context: what organizers sell, how much of it there is, and what is set aside for whom.
//!
//! Start with [`Ticketing`], whose methods are the use cases, then [`StockBook`], which decides about stock.

mod accounts;
mod availability;
mod cancel_policy;
mod draft;
mod events;
mod hold;
mod ledger;
mod limits;
mod nights;
mod ports;
mod refusal;
mod registration;
mod retirement;
mod search;
mod search_words;
mod seats;
mod slot_record;
mod stock;
mod stock_book;
mod stock_command;
mod ticket;
mod use_cases;
mod wanted;

pub use accounts::{Account, CannotMend, Comparison, CountersFound, SlotAccounts};
pub use availability::{Availability, SlotAvailability, TicketSlots};
pub use cancel_policy::CancelPolicy;
pub use draft::{TermsChange, TicketDraft};
pub use events::TicketEvent;
pub use hold::{Hold, HoldOwner, HoldRecord, HoldState, HoldStep, Lines, NEVER, Tombstone};
pub use ledger::{EntryKind, SlotCounts, StockEntry, fold};
pub use limits::{
    CALENDAR_NIGHTS_MAX, CALENDAR_TICKETS_MAX, CANCEL_BEFORE_MAX, CAPACITY_MAX, CATEGORY_CHARS_MAX,
    DESCRIPTION_CHARS_MAX, HOLD_SEATS_MAX, HOLD_TTL_DEFAULT, HOLD_TTL_MAX, HOLD_TTL_MIN,
    HOUSE_NOTE_CHARS_MAX, NAME_CHARS_MAX, NIGHTS_AHEAD_MAX, NIGHTS_MAX, NIGHTS_SHOWN, PIN_MAX,
    SEARCH_WORDS_CHARS_MAX, SEARCHED_DESCRIPTION_CHARS_MAX, SEAT_CHARS_MAX, SEATS_MAX,
    SECTIONS_MAX, UNIT_PRICE_MINOR_MAX, VENUE_CHARS_MAX,
};
pub use nights::{InvalidNights, Nights, StayRule};
pub use ports::{
    DueHolds, NightChange, NightPrice, SlotCapacity, StockStore, TicketChange, TicketStore,
};
pub use refusal::StockRefusal;
pub use registration::RegisterTicket;
pub use search::{SortKey, TicketOrder, TicketPage, TicketSearch};
pub use search_words::{PIECE_CHARS, SearchWord, WORD_CHARS_MAX};
pub use seats::{row_of, section_of};
pub use slot_record::{SlotRecord, SlotTerms};
pub use stock::{CapacityBelowSold, InvalidSlot, InvalidStock, Slot, SlotKey, Stock};
pub use stock_book::{HoldChange, StockBook, StockChanges};
pub use stock_command::{
    HoldRequest, OrderKey, StockCommand, StockNeeds, StockOrder, StockOutcome, StockVerdict,
};
pub use ticket::{
    Allocation, Decision, Listing, SectionPrice, Terms, Ticket, TicketKind, TicketStatus,
};
pub use use_cases::{
    Calendar, CalendarOf, ChangeTicketError, CreateHouseHold, DeleteTicket, ExecuteStockError,
    GetAvailabilityError, GetCalendar, GetHoldError, GetTicketError, HouseHoldError, HouseHoldPage,
    ListHouseHolds, RegisterTicketError, SearchTicketsError, SetCapacity, SetNights, StuckHold,
    Sweep, Ticketing, UpdateTicket,
};
pub use wanted::{Wanted, Wishes};
