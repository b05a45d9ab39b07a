//! The provider's three calls, over its ledger, and what it tells of its own accord.

use async_trait::async_trait;
use autometrics::autometrics;
use in_process_kill_points::{Side, pass};
use payment::{
    ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, Paying, PaymentProvider, RefundAnswer,
    RefundOrder,
};
use sea_orm_database::Database;
use tokio::time::sleep;

use crate::SimulatedSettings;
use crate::ledger::Ledger;
use crate::messages::Messages;
use crate::script::{Reply, deliveries, plan};

/// A provider that moves no money.
pub struct SimulatedProvider {
    settings: SimulatedSettings,
    seed: u64,
    ledger: Ledger,
    messages: Messages,
}

impl SimulatedProvider {
    /// A provider that keeps its books in `ledger`, a database of its own that [`crate::migrations`]
    /// have run on. Without a seed in the settings it draws one.
    #[must_use]
    pub fn new(settings: SimulatedSettings, ledger: Database) -> Self {
        let seed = settings.seed().unwrap_or_else(rand::random);
        tracing::info!(seed, "payments are simulated");
        Self { settings, seed, ledger: Ledger::new(ledger), messages: Messages::default() }
    }

    /// Tells `paying`, whose provider it MUST be, of each result when there is one, for as long as it is polled. What was
    /// to be told when the process ended is never told: whoever waits for it asks.
    pub async fn tell(&self, paying: &Paying) {
        self.messages.deliver(paying).await;
    }
}

#[autometrics]
#[async_trait]
impl PaymentProvider for SimulatedProvider {
    async fn charge(&self, order: &ChargeOrder) -> ChargeAnswer {
        pass(Side::Before, "provider_charge");
        let plan = plan(&self.settings, self.seed, order);
        let booked = match self.ledger.book(order, plan).await {
            Ok(booked) => booked,
            Err(error) => {
                tracing::warn!(key = %order.key, %error, "a simulated charge was not answered");
                return ChargeAnswer::Unknown;
            }
        };
        pass(Side::After, "provider_charge");
        if self.settings.tells_later() && booked.is_new {
            let times = deliveries(&order.payment_method);
            self.messages.post(order.key, booked.wait(), times);
        }
        if !booked.is_for(order) {
            tracing::error!(key = %order.key, "a charge's key came again with another amount");
            return ChargeAnswer::Unknown;
        }
        let timeout = self.settings.call_timeout();
        match booked.reply {
            Reply::Lost => ChargeAnswer::Unknown,
            Reply::Sent if self.settings.tells_later() => booked.answer_now(),
            Reply::Sent if booked.wait() <= timeout => {
                sleep(booked.wait()).await;
                booked.outcome()
            }
            Reply::Sent | Reply::Never => {
                sleep(timeout).await;
                ChargeAnswer::Unknown
            }
        }
    }

    async fn query(&self, key: ChargeKey) -> ChargeFinding {
        match self.ledger.look_up(key).await {
            Ok(Some(answer)) => ChargeFinding::Known(answer),
            Ok(None) => ChargeFinding::NotFound,
            Err(error) => {
                tracing::warn!(%key, %error, "a question about a simulated charge was not answered");
                ChargeFinding::Known(ChargeAnswer::Unknown)
            }
        }
    }

    async fn refund(&self, order: &RefundOrder) -> RefundAnswer {
        pass(Side::Before, "provider_refund");
        let refunded = self.ledger.refund(order).await;
        pass(Side::After, "provider_refund");
        refunded.unwrap_or_else(|error| {
            tracing::warn!(refund_id = %order.refund_id, %error, "a simulated refund was not answered");
            RefundAnswer::Unknown
        })
    }
}
