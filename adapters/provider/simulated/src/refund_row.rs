//! One return of money as a row of the ledger.

use kernel::Timestamp;
use payment::RefundOrder;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) charge_id: String,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) created_at_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn of(order: &RefundOrder, now: Timestamp) -> Self {
        Self {
            id: order.refund_id.to_string(),
            charge_id: order.charge.to_string(),
            amount_minor: order.amount.minor(),
            currency: order.amount.currency().code().to_owned(),
            created_at_us: now.as_micros(),
        }
    }
}
