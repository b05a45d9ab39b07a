//! A server that can be killed at any step: before and after each commit, claim and call.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use booking::{
    Booking, BookingChange, BookingFilter, BookingStore, Lease, RetirementProgress, Stored,
};
use kernel::{BookingId, Committed, Cursor, Envelope, KeyedReply, ReplyKey, StoreError, TicketId};
use memory_booking::MemoryBookingStore;

/// Kills the server at one of its steps: the call that steps on it never returns.
#[derive(Default)]
pub(crate) struct Fuse {
    left: AtomicU32,
    taken: AtomicU32,
}

impl Fuse {
    pub(crate) const NEVER: u32 = 0;

    /// At which step from now, 1 being the next.
    pub(crate) fn set(&self, step: u32) {
        self.left.store(step, Ordering::SeqCst);
        self.taken.store(0, Ordering::SeqCst);
    }

    /// Steps since it was set.
    pub(crate) fn taken(&self) -> u32 {
        self.taken.load(Ordering::SeqCst)
    }

    pub(crate) async fn step(&self) {
        self.taken.fetch_add(1, Ordering::SeqCst);
        match self.left.load(Ordering::SeqCst) {
            Self::NEVER => {}
            1 => std::future::pending().await,
            left => self.left.store(left - 1, Ordering::SeqCst),
        }
    }
}

/// The memory store, with a step before and after each write.
pub(crate) struct SteppedStore {
    /// A booking whose row is corrupt.
    pub(crate) corrupt: Mutex<Option<BookingId>>,
    pub(crate) inner: MemoryBookingStore,
    pub(crate) fuse: Arc<Fuse>,
    /// How often somebody asked what is known of a key.
    pub(crate) looked_up: AtomicU32,
    /// A commit that comes late: just before the next one.
    pub(crate) late: Mutex<Option<BookingChange>>,
}

#[async_trait]
impl BookingStore for SteppedStore {
    async fn find(&self, id: BookingId) -> Result<Option<Stored>, StoreError> {
        if *self.corrupt.lock().unwrap() == Some(id) {
            let id = id.to_string();
            return Err(StoreError::CorruptRow { table: "booking", id, column: "currency" });
        }
        self.inner.find(id).await
    }

    async fn list(
        &self,
        filter: &BookingFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        self.inner.list(filter, after, rows_max).await
    }

    async fn open_of_ticket(
        &self,
        ticket_id: TicketId,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        self.inner.open_of_ticket(ticket_id, after, rows_max).await
    }

    async fn retirement_progress(
        &self,
        ticket_id: TicketId,
    ) -> Result<RetirementProgress, StoreError> {
        self.inner.retirement_progress(ticket_id).await
    }

    async fn commit(&self, change: BookingChange) -> Result<Committed, StoreError> {
        self.fuse.step().await;
        let late = self.late.lock().unwrap().take();
        if let Some(late) = late {
            assert_eq!(self.inner.commit(late).await, Ok(Committed::Stale));
        }
        let committed = self.inner.commit(change).await;
        self.fuse.step().await;
        committed
    }

    async fn keep_answer(&self, key: &ReplyKey, body: Vec<u8>) -> Result<Committed, StoreError> {
        self.fuse.step().await;
        let kept = self.inner.keep_answer(key, body).await;
        self.fuse.step().await;
        kept
    }

    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError> {
        self.looked_up.fetch_add(1, Ordering::SeqCst);
        self.inner.find_reply(key).await
    }

    async fn claim_due(&self, lease: &Lease, rows_max: u32) -> Result<Vec<Stored>, StoreError> {
        self.fuse.step().await;
        let claimed = self.inner.claim_due(lease, rows_max).await;
        self.fuse.step().await;
        claimed
    }

    async fn renew_lease(&self, id: BookingId, lease: &Lease) -> Result<bool, StoreError> {
        self.inner.renew_lease(id, lease).await
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
