//! A server that can be killed at any step: before and after each commit, claim and call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{BookingId, Committed, Cursor, Envelope, PaymentId, StoreError};
use memory_payment::MemorySettlementStore;
use payment::{Change, Payment, PaymentFilter, Settlement, SettlementStore};

/// Kills the server at one of its steps: the call that steps on it never returns.
#[derive(Default)]
pub(crate) struct Fuse(AtomicU32);

impl Fuse {
    pub(crate) const NEVER: u32 = 0;

    /// At which step from now, 1 being the next.
    pub(crate) fn set(&self, step: u32) {
        self.0.store(step, Ordering::SeqCst);
    }

    pub(crate) async fn step(&self) {
        match self.0.load(Ordering::SeqCst) {
            Self::NEVER => {}
            1 => std::future::pending().await,
            left => self.0.store(left - 1, Ordering::SeqCst),
        }
    }
}

/// The memory store, with a step before and after each commit.
pub(crate) struct SteppedStore {
    pub(crate) inner: MemorySettlementStore,
    pub(crate) fuse: Arc<Fuse>,
}

#[async_trait]
impl SettlementStore for SteppedStore {
    async fn find(&self, booking_id: BookingId) -> Result<Option<Settlement>, StoreError> {
        self.inner.find(booking_id).await
    }

    async fn find_payment(&self, payment_id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.inner.find_payment(payment_id).await
    }

    async fn list(
        &self,
        filter: &PaymentFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        self.inner.list(filter, after, rows_max).await
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.fuse.step().await;
        let committed = self.inner.commit(change).await;
        self.fuse.step().await;
        committed
    }

    async fn claim_due(
        &self,
        lease: Duration,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        let due = self.inner.claim_due(lease, rows_max).await;
        self.fuse.step().await;
        due
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.inner.park(consumer, message, reason).await
    }
}
