//! One line of the ledger as a row.

use kernel::{StoreError, Timestamp};
use sea_orm::ActiveValue;
use sea_orm::entity::prelude::*;
use ticket::{EntryKind, StockEntry};

use super::{corrupt, named};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_entry")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) seq: i64,
    pub(crate) ticket_id: String,
    pub(crate) slot: String,
    pub(crate) hold_id: String,
    pub(crate) kind: String,
    pub(crate) d_held: i64,
    pub(crate) d_sold: i64,
    pub(crate) at_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A new line; the database numbers it.
pub(crate) fn new(entry: &StockEntry) -> ActiveModel {
    ActiveModel {
        seq: ActiveValue::NotSet,
        ticket_id: ActiveValue::Set(entry.ticket_id.to_string()),
        slot: ActiveValue::Set(entry.slot.to_string()),
        hold_id: ActiveValue::Set(entry.hold_id.to_string()),
        kind: ActiveValue::Set(kind_name(entry.kind).to_owned()),
        d_held: ActiveValue::Set(entry.d_held),
        d_sold: ActiveValue::Set(entry.d_sold),
        at_us: ActiveValue::Set(entry.at.as_micros()),
    }
}

impl TryFrom<Model> for StockEntry {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let seq = row.seq.to_string();
        let corrupt = corrupt("stock_entry", &seq);
        Ok(Self {
            ticket_id: row.ticket_id.parse().map_err(|_| corrupt("ticket_id"))?,
            slot: row.slot.parse().map_err(|_| corrupt("slot"))?,
            hold_id: row.hold_id.parse().map_err(|_| corrupt("hold_id"))?,
            kind: named(&KINDS, kind_name, &row.kind).ok_or_else(|| corrupt("kind"))?,
            d_held: row.d_held,
            d_sold: row.d_sold,
            at: Timestamp::from_micros(row.at_us),
        })
    }
}

const KINDS: [EntryKind; 6] = [
    EntryKind::Hold,
    EntryKind::Retake,
    EntryKind::Commit,
    EntryKind::Release,
    EntryKind::Expire,
    EntryKind::Return,
];

const fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Hold => "HOLD",
        EntryKind::Retake => "RETAKE",
        EntryKind::Commit => "COMMIT",
        EntryKind::Release => "RELEASE",
        EntryKind::Expire => "EXPIRE",
        EntryKind::Return => "RETURN",
    }
}
