//! A consumer with an inbox, as a database would keep it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kernel::{Envelope, EventHandler, EventId, HandlerError};

/// The consumer, with the inbox that all its replicas share.
pub(crate) struct Inboxed {
    name: &'static str,
    inbox: Mutex<HashSet<EventId>>,
    deliveries: AtomicUsize,
}

impl Inboxed {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, inbox: Mutex::default(), deliveries: AtomicUsize::new(0) })
    }

    /// Messages that had their effect.
    pub(crate) fn effects(&self) -> usize {
        self.inbox.lock().unwrap().len()
    }

    pub(crate) fn deliveries(&self) -> usize {
        self.deliveries.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl EventHandler for Inboxed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn event_names(&self) -> &'static [&'static str] {
        &["Happened"]
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        self.inbox.lock().unwrap().insert(message.id);
        Ok(())
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        panic!("{} was parked: {reason}", message.id);
    }
}
