//! One attempt as a row.

use kernel::{BuyerId, Locale, StoreError, Timestamp};
use payment::{Payer, Payment, PaymentState, PaymentStatus, Refund};
use sea_orm::entity::prelude::*;

use super::{corrupt, money, refund as refund_row, settlement as settlement_row};

/// The status of an attempt of which nothing is known yet.
pub(crate) const PROCESSING: &str = "PROCESSING";
/// The status of a charge that the provider did not answer.
pub(crate) const UNKNOWN: &str = "UNKNOWN";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) booking_id: String,
    pub(crate) attempt: i32,
    pub(crate) buyer_id: String,
    pub(crate) buyer_locale: String,
    pub(crate) amount_minor: i64,
    /// Money that is back.
    pub(crate) refunded_minor: i64,
    /// Money that is back or asked back.
    pub(crate) refunds_minor: i64,
    pub(crate) currency: String,
    pub(crate) method: String,
    pub(crate) status: String,
    pub(crate) provider_ref: Option<String>,
    pub(crate) decline_reason: Option<String>,
    pub(crate) tries: i32,
    pub(crate) created_at_us: i64,
    pub(crate) updated_at_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "settlement_row::Entity",
        from = "Column::BookingId",
        to = "settlement_row::Column::BookingId"
    )]
    Settlement,
}

impl Related<refund_row::Entity> for Entity {
    fn to() -> RelationDef {
        refund_row::Relation::Payment.def().rev()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Payment> for Model {
    fn from(payment: &Payment) -> Self {
        let (provider_ref, decline_reason) = match &payment.state {
            PaymentState::Processing | PaymentState::Unknown => (None, None),
            PaymentState::Approved { provider_ref } => (Some(provider_ref.clone()), None),
            PaymentState::Declined { reason } => (None, Some(reason.clone())),
        };
        Self {
            id: payment.id.to_string(),
            booking_id: payment.booking_id.to_string(),
            attempt: i32::try_from(payment.attempt).unwrap_or(i32::MAX),
            buyer_id: payment.payer.buyer_id.to_string(),
            buyer_locale: payment.payer.locale.tag().to_owned(),
            amount_minor: payment.amount.minor(),
            refunded_minor: payment.refunded().minor(),
            refunds_minor: payment.refunds_total().minor(),
            currency: payment.amount.currency().code().to_owned(),
            method: payment.payment_method.clone(),
            status: status_text(payment.status()).to_owned(),
            provider_ref,
            decline_reason,
            tries: i32::try_from(payment.tries).unwrap_or(i32::MAX),
            created_at_us: payment.created_at.as_micros(),
            updated_at_us: payment.updated_at.as_micros(),
        }
    }
}

/// Reads payments joined with their refunds; the rows of one payment stand together.
pub(crate) fn read_all(
    rows: impl IntoIterator<Item = (Model, Option<refund_row::Model>)>,
) -> Result<Vec<Payment>, StoreError> {
    let mut grouped: Vec<(Model, Vec<refund_row::Model>)> = Vec::new();
    for (payment, refund) in rows {
        match grouped.last_mut().filter(|(last, _)| last.id == payment.id) {
            Some((_, refunds)) => refunds.extend(refund),
            None => grouped.push((payment, refund.into_iter().collect())),
        }
    }
    grouped.into_iter().map(|(payment, refunds)| payment.read(refunds)).collect()
}

impl Model {
    fn read(self, refunds: Vec<refund_row::Model>) -> Result<Payment, StoreError> {
        let corrupt = corrupt("payment", &self.id);
        let refunds: Vec<Refund> =
            refunds.into_iter().map(Refund::try_from).collect::<Result<_, _>>()?;
        let payment = Payment {
            id: self.id.parse().map_err(|_| corrupt("id"))?,
            booking_id: self.booking_id.parse().map_err(|_| corrupt("booking_id"))?,
            attempt: u32::try_from(self.attempt).map_err(|_| corrupt("attempt"))?,
            payer: Payer {
                buyer_id: BuyerId::new(&*self.buyer_id).map_err(|_| corrupt("buyer_id"))?,
                locale: locale(&self.buyer_locale).ok_or_else(|| corrupt("buyer_locale"))?,
            },
            amount: money(self.amount_minor, &self.currency).ok_or_else(|| corrupt("currency"))?,
            state: self.state().ok_or_else(|| corrupt("status, provider_ref, decline_reason"))?,
            tries: u32::try_from(self.tries).map_err(|_| corrupt("tries"))?,
            refunds,
            created_at: Timestamp::from_micros(self.created_at_us),
            updated_at: Timestamp::from_micros(self.updated_at_us),
            payment_method: self.method.clone(),
        };
        // The row's own account of its refunds must be theirs.
        let told = (self.status.as_str(), self.refunded_minor, self.refunds_minor);
        let (back, asked_back) = (payment.refunded().minor(), payment.refunds_total().minor());
        if told != (status_text(payment.status()), back, asked_back) {
            return Err(corrupt("status, refunded_minor, refunds_minor"));
        }
        Ok(payment)
    }

    fn state(&self) -> Option<PaymentState> {
        match (self.status.as_str(), &self.provider_ref, &self.decline_reason) {
            (PROCESSING, None, None) => Some(PaymentState::Processing),
            (UNKNOWN, None, None) => Some(PaymentState::Unknown),
            ("DECLINED", None, Some(reason)) => {
                Some(PaymentState::Declined { reason: reason.clone() })
            }
            ("APPROVED" | "PARTIALLY_REFUNDED" | "REFUNDED", Some(provider_ref), None) => {
                Some(PaymentState::Approved { provider_ref: provider_ref.clone() })
            }
            _ => None,
        }
    }
}

const fn status_text(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Processing => PROCESSING,
        PaymentStatus::Unknown => UNKNOWN,
        PaymentStatus::Approved => "APPROVED",
        PaymentStatus::Declined => "DECLINED",
        PaymentStatus::PartiallyRefunded => "PARTIALLY_REFUNDED",
        PaymentStatus::Refunded => "REFUNDED",
    }
}

fn locale(tag: &str) -> Option<Locale> {
    [Locale::En, Locale::Ko].into_iter().find(|locale| locale.tag() == tag)
}
