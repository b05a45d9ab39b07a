//! All money of one booking as rows.

use kernel::{BookingId, StoreError};
use payment::Settlement;
use sea_orm::entity::prelude::*;

use super::{corrupt, payment as payment_row, refund as refund_row};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "settlement")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) booking_id: String,
    pub(crate) voided: bool,
    pub(crate) due_at_us: Option<i64>,
    pub(crate) revision: i64,
    pub(crate) event_version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl Related<payment_row::Entity> for Entity {
    fn to() -> RelationDef {
        payment_row::Relation::Settlement.def().rev()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// One row of a settlement joined with its payments and their refunds.
pub(crate) type Joined = (Model, Option<payment_row::Model>, Option<refund_row::Model>);

/// Reads the settlement that these rows, ordered by attempt, are about.
pub(crate) fn read(rows: Vec<Joined>) -> Result<Option<Settlement>, StoreError> {
    let Some((head, _, _)) = rows.first().cloned() else { return Ok(None) };
    let corrupt = corrupt("settlement", &head.booking_id);
    let booking_id: BookingId = head.booking_id.parse().map_err(|_| corrupt("booking_id"))?;
    let of_payments = rows.into_iter().filter_map(|(_, payment, refund)| Some((payment?, refund)));
    let payments = payment_row::read_all(of_payments)?;
    let numbered = payments.iter().zip(1..).all(|(payment, number)| payment.attempt == number);
    if !numbered {
        return Err(corrupt("its payments' attempts"));
    }
    let (voided, revision) = (head.voided, head.revision);
    let event_version = head.event_version;
    Ok(Some(Settlement { booking_id, voided, payments, revision, event_version }))
}
