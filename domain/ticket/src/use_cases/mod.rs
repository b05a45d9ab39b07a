//! What can be asked of the ticket context, one file each.

mod create_house_hold;
mod delete_ticket;
mod execute_stock;
mod expire_holds;
mod finish_retirements;
mod get_availability;
mod get_calendar;
mod get_hold;
mod get_ticket;
mod house_hold;
mod list_house_holds;
mod register_ticket;
mod release_house_hold;
mod return_stock;
mod search_tickets;
mod set_capacity;
mod set_nights;
mod ticket_change;
mod update_ticket;

use std::sync::Arc;

use kernel::{Clock, EventId, IdSource, Recorded, ReplyKey, Timestamp};

pub use create_house_hold::CreateHouseHold;
pub use delete_ticket::DeleteTicket;
pub use execute_stock::ExecuteStockError;
pub use expire_holds::{StuckHold, Sweep};
pub use get_availability::GetAvailabilityError;
pub use get_calendar::{Calendar, CalendarOf, GetCalendar};
pub use get_hold::GetHoldError;
pub use get_ticket::GetTicketError;
pub use house_hold::HouseHoldError;
pub use list_house_holds::{HouseHoldPage, ListHouseHolds};
pub use register_ticket::RegisterTicketError;
pub use search_tickets::SearchTicketsError;
pub use set_capacity::SetCapacity;
pub use set_nights::SetNights;
pub use ticket_change::ChangeTicketError;
pub use update_ticket::UpdateTicket;

use crate::{
    Hold, Listing, OrderKey, StockCommand, StockOrder, StockStore, TicketEvent, TicketStore,
};

/// The ticket context: its use cases are its methods.
pub struct Ticketing {
    /// Where tickets are kept.
    pub store: Arc<dyn TicketStore>,
    /// Where stock and holds are kept.
    pub stock: Arc<dyn StockStore>,
    /// The time, for all but expiry.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn IdSource>,
    /// Encodes the answer of the calls that answer with a ticket, to be replayed for its key.
    pub encode_reply: fn(&Listing) -> Vec<u8>,
    /// The same for the calls that answer with a hold of the house.
    pub encode_hold: fn(&Hold) -> Vec<u8>,
}

impl Ticketing {
    fn record(
        &self,
        listing: &Listing,
        event: TicketEvent,
        now: Timestamp,
    ) -> Recorded<TicketEvent> {
        Recorded {
            id: EventId::new(self.ids.next()),
            at: now,
            version: listing.ticket.event_version,
            correlation_id: listing.ticket.id.to_string(),
            causation_id: None,
            event,
        }
    }

    fn order(&self, command: StockCommand, causation_id: Option<String>) -> StockOrder {
        StockOrder { command, event_id: EventId::new(self.ids.next()), causation_id, key: None }
    }

    fn keyed_order(&self, command: StockCommand, key: Option<ReplyKey>) -> StockOrder {
        let key = key.map(|key| OrderKey { key, encode: self.encode_hold });
        StockOrder { key, ..self.order(command, None) }
    }
}
