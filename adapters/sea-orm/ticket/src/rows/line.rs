//! Units of one slot in a hold, as a row.

use kernel::{HoldId, Quantity, StoreError};
use sea_orm::entity::prelude::*;
use ticket::{Lines, Slot};

use super::corrupt;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hold_line")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) hold_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) slot: String,
    pub(crate) quantity: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The lines of a hold as rows.
pub(crate) fn rows(hold_id: HoldId, lines: &Lines) -> impl Iterator<Item = Model> + '_ {
    lines.iter().map(move |(slot, quantity)| Model {
        hold_id: hold_id.to_string(),
        slot: slot.to_string(),
        quantity: i64::from(quantity.get()),
    })
}

impl Model {
    pub(super) fn read(&self) -> Result<(Slot, Quantity), StoreError> {
        let corrupt = corrupt("hold_line", &self.hold_id);
        let slot = self.slot.parse().map_err(|_| corrupt("slot"))?;
        Ok((slot, Quantity::new(self.quantity).map_err(|_| corrupt("quantity"))?))
    }
}
