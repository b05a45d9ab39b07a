//! One charge as a row of the ledger.

use kernel::Timestamp;
use payment::{ChargeAnswer, ChargeOrder};
use sea_orm::entity::prelude::*;

use crate::script::{Outcome, Plan};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "charge")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) payment_method: String,
    pub(crate) outcome: String,
    pub(crate) decline_reason: Option<String>,
    pub(crate) received_at_us: i64,
    pub(crate) due_at_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn planned(order: &ChargeOrder, plan: Plan, now: Timestamp) -> Self {
        let (outcome, decline_reason) = match plan.outcome {
            Outcome::Approved => ("APPROVED", None),
            Outcome::Declined(reason) => ("DECLINED", Some(reason.to_owned())),
        };
        Self {
            id: order.key.to_string(),
            amount_minor: order.amount.minor(),
            currency: order.amount.currency().code().to_owned(),
            payment_method: order.payment_method.clone(),
            outcome: outcome.to_owned(),
            decline_reason,
            received_at_us: now.as_micros(),
            due_at_us: now.plus(plan.after).as_micros(),
        }
    }

    pub(crate) const fn due_at(&self) -> Timestamp {
        Timestamp::from_micros(self.due_at_us)
    }

    pub(crate) fn is_for(&self, order: &ChargeOrder) -> bool {
        self.amount_minor == order.amount.minor() && self.currency == order.amount.currency().code()
    }

    /// What is known of it at this time.
    pub(crate) fn answer(&self, now: Timestamp) -> ChargeAnswer {
        match (&self.decline_reason, now >= self.due_at()) {
            (_, false) => ChargeAnswer::UnderWay,
            (None, true) => ChargeAnswer::Approved { provider_ref: self.provider_ref() },
            (Some(reason), true) => ChargeAnswer::Declined { reason: reason.clone() },
        }
    }

    fn provider_ref(&self) -> String {
        format!("sim_charge_{}", self.id)
    }
}
