//! Settlements behind the gate of a server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{BookingId, Committed, Cursor, Envelope, PaymentId, StoreError};
use memory_payment::MemorySettlementStore;
use payment::{Change, Payment, PaymentFilter, Settlement, SettlementStore};

use crate::gate::{Gate, read, write_through};

pub(crate) struct Rows {
    pub(crate) inner: Arc<MemorySettlementStore>,
    pub(crate) gate: Gate,
}

#[async_trait]
impl SettlementStore for Rows {
    async fn find(&self, booking_id: BookingId) -> Result<Option<Settlement>, StoreError> {
        read!(self.find(booking_id))
    }

    async fn find_payment(&self, payment_id: PaymentId) -> Result<Option<Payment>, StoreError> {
        read!(self.find_payment(payment_id))
    }

    async fn list(
        &self,
        filter: &PaymentFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        read!(self.list(filter, after, rows_max))
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.gate.tell(|| {
            let settlement = &change.settlement;
            let payments = settlement.payments.iter().map(|payment| &payment.state);
            let (id, voided) = (settlement.booking_id, settlement.voided);
            format!("{id} is to be {:?}, voided {voided}", payments.collect::<Vec<_>>())
        });
        write_through!(self.commit(change))
    }

    async fn claim_due(
        &self,
        lease: Duration,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        write_through!(self.claim_due(lease, rows_max))
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError> {
        write_through!(self.park(consumer, message, reason))
    }
}
