//! The counters of one slot, with what its organizer says about it, as a row.

use kernel::{StoreError, TicketId};
use sea_orm::entity::prelude::*;
use ticket::{SlotCapacity, SlotKey, SlotRecord, SlotTerms};

use super::corrupt;
use super::ticket::read_stock;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stock")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) ticket_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) slot: String,
    pub(crate) capacity: i64,
    pub(crate) held: i64,
    pub(crate) sold: i64,
    pub(crate) position: i64,
    pub(crate) unit_price_minor: Option<i64>,
    pub(crate) closed_to_arrival: bool,
    pub(crate) closed_to_departure: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A slot of which nothing is held or sold.
pub(crate) fn untouched(ticket_id: TicketId, begun: &SlotCapacity) -> Model {
    Model {
        ticket_id: ticket_id.to_string(),
        slot: begun.slot.to_string(),
        capacity: capacity(begun),
        held: 0,
        sold: 0,
        position: i64::from(begun.position),
        unit_price_minor: None,
        closed_to_arrival: false,
        closed_to_departure: false,
    }
}

/// Units there are, which fit by the limit of the domain.
pub(crate) fn capacity(wish: &SlotCapacity) -> i64 {
    i64::try_from(wish.capacity).unwrap_or(i64::MAX)
}

impl Model {
    /// Reads whose slot it is and what it says.
    pub(crate) fn read(&self) -> Result<(SlotKey, SlotRecord), StoreError> {
        let corrupt = corrupt("stock", &self.ticket_id);
        let ticket_id = self.ticket_id.parse().map_err(|_| corrupt("ticket_id"))?;
        let slot = self.slot.parse().map_err(|_| corrupt("slot"))?;
        let stock = read_stock(self.capacity, self.held, self.sold)
            .ok_or_else(|| corrupt("capacity, held, sold"))?;
        let terms = SlotTerms {
            position: u32::try_from(self.position).map_err(|_| corrupt("position"))?,
            unit_price_minor: self.unit_price_minor,
            closed_to_arrival: self.closed_to_arrival,
            closed_to_departure: self.closed_to_departure,
        };
        Ok(((ticket_id, slot), SlotRecord { stock, terms }))
    }
}
