//! The counters of one slot as a row.

use kernel::StoreError;
use sea_orm::entity::prelude::*;
use ticket::{SlotKey, Stock};

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
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Reads whose counters they are and what they say.
    pub(crate) fn read(&self) -> Result<(SlotKey, Stock), StoreError> {
        let corrupt = corrupt("stock", &self.ticket_id);
        let ticket_id = self.ticket_id.parse().map_err(|_| corrupt("ticket_id"))?;
        let slot = self.slot.parse().map_err(|_| corrupt("slot"))?;
        let stock = read_stock(self.capacity, self.held, self.sold)
            .ok_or_else(|| corrupt("capacity, held, sold"))?;
        Ok(((ticket_id, slot), stock))
    }
}
