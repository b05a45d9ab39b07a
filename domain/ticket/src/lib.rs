//! The ticket context: what organizers sell, how much of it there is, and what is set aside for whom.
//!
//! Start with [`Ticketing`], whose methods are the use cases, then [`StockBook`], which decides about stock.

mod accounts;
mod availability;
mod draft;
mod events;
mod hold;
mod ledger;
mod limits;
mod ports;
mod refusal;
mod retirement;
mod search;
mod search_words;
mod stock;
mod stock_book;
mod stock_command;
mod ticket;
mod use_cases;

pub use accounts::{Account, CannotMend, Comparison, CountersFound, SlotAccounts};
pub use availability::{Availability, SlotAvailability};
pub use draft::{TermsChange, TicketDraft};
pub use events::TicketEvent;
pub use hold::{Hold, HoldRecord, HoldState, HoldStep, Lines, Tombstone};
pub use ledger::{EntryKind, SlotCounts, StockEntry, fold};
pub use limits::{
    CAPACITY_MAX, CATEGORY_CHARS_MAX, DESCRIPTION_CHARS_MAX, HOLD_TTL_DEFAULT, HOLD_TTL_MAX,
    HOLD_TTL_MIN, NAME_CHARS_MAX, PIN_MAX, SEARCH_WORDS_CHARS_MAX, SEARCHED_DESCRIPTION_CHARS_MAX,
    UNIT_PRICE_MINOR_MAX, VENUE_CHARS_MAX,
};
pub use ports::{DueHolds, SlotCapacity, StockStore, TicketChange, TicketStore};
pub use refusal::StockRefusal;
pub use search::{SortKey, TicketOrder, TicketPage, TicketSearch};
pub use search_words::{PIECE_CHARS, SearchWord, WORD_CHARS_MAX};
pub use stock::{CapacityBelowSold, InvalidSlot, InvalidStock, Slot, SlotKey, Stock};
pub use stock_book::{HoldChange, StockBook, StockChanges};
pub use stock_command::{
    HoldRequest, StockCommand, StockNeeds, StockOrder, StockOutcome, StockVerdict,
};
pub use ticket::{
    Allocation, Decision, Listing, RegisterTicket, Terms, Ticket, TicketKind, TicketStatus,
};
pub use use_cases::{
    ChangeTicketError, DeleteTicket, ExecuteStockError, GetHoldError, GetTicketError,
    RegisterTicketError, SearchTicketsError, SetCapacity, StuckHold, Sweep, Ticketing,
    UpdateTicket,
};
