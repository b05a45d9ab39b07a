//! One return of money as a row.

use kernel::{PaymentId, StoreError, Timestamp};
use payment::{Refund, RefundState};
use sea_orm::entity::prelude::*;

use super::{corrupt, money, payment as payment_row};

/// The state of a refund that waits for an operator.
pub(crate) const MANUAL_REVIEW: &str = "MANUAL_REVIEW";
/// The states of one that the provider is asked for.
pub(crate) const ASKED: [&str; 3] = ["REQUESTED", "PENDING", "FAILED"];

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) payment_id: String,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) status: String,
    pub(crate) provider_ref: Option<String>,
    pub(crate) refusal_reason: Option<String>,
    pub(crate) tries: i32,
    pub(crate) refusals: i32,
    pub(crate) created_at_us: i64,
    pub(crate) updated_at_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "payment_row::Entity",
        from = "Column::PaymentId",
        to = "payment_row::Column::Id"
    )]
    Payment,
}

impl ActiveModelBehavior for ActiveModel {}

impl From<(PaymentId, &Refund)> for Model {
    fn from((payment_id, refund): (PaymentId, &Refund)) -> Self {
        let (status, provider_ref, refusal_reason) = match &refund.state {
            RefundState::Requested => ("REQUESTED", None, None),
            RefundState::Pending => ("PENDING", None, None),
            RefundState::Failed { reason } => ("FAILED", None, Some(reason)),
            RefundState::ManualReview { reason } => (MANUAL_REVIEW, None, Some(reason)),
            RefundState::Succeeded { provider_ref } => ("SUCCEEDED", Some(provider_ref), None),
        };
        Self {
            id: refund.id.to_string(),
            payment_id: payment_id.to_string(),
            amount_minor: refund.amount.minor(),
            currency: refund.amount.currency().code().to_owned(),
            status: status.to_owned(),
            provider_ref: provider_ref.cloned(),
            refusal_reason: refusal_reason.cloned(),
            tries: i32::try_from(refund.tries).unwrap_or(i32::MAX),
            refusals: i32::try_from(refund.refusals).unwrap_or(i32::MAX),
            created_at_us: refund.created_at.as_micros(),
            updated_at_us: refund.updated_at.as_micros(),
        }
    }
}

impl TryFrom<Model> for Refund {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let corrupt = corrupt("refund", &row.id);
        Ok(Self {
            id: row.id.parse().map_err(|_| corrupt("id"))?,
            amount: money(row.amount_minor, &row.currency).ok_or_else(|| corrupt("currency"))?,
            tries: u32::try_from(row.tries).map_err(|_| corrupt("tries"))?,
            refusals: u32::try_from(row.refusals).map_err(|_| corrupt("refusals"))?,
            created_at: Timestamp::from_micros(row.created_at_us),
            updated_at: Timestamp::from_micros(row.updated_at_us),
            state: state(&row).ok_or_else(|| corrupt("status, provider_ref, refusal_reason"))?,
        })
    }
}

fn state(row: &Model) -> Option<RefundState> {
    match (row.status.as_str(), row.provider_ref.clone(), row.refusal_reason.clone()) {
        ("REQUESTED", None, None) => Some(RefundState::Requested),
        ("PENDING", None, None) => Some(RefundState::Pending),
        ("FAILED", None, Some(reason)) => Some(RefundState::Failed { reason }),
        (MANUAL_REVIEW, None, Some(reason)) => Some(RefundState::ManualReview { reason }),
        ("SUCCEEDED", Some(provider_ref), None) => Some(RefundState::Succeeded { provider_ref }),
        _ => None,
    }
}
