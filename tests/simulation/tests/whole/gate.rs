//! The point before and after each access of a server to what outlives it: others may go first there, the server may
//! be killed there, and the access may fail.

use std::future::pending;
use std::sync::Arc;

use kernel::StoreError;

use crate::chance::Chance;
use crate::tasks::{Server, Tasks, others_first};

/// The gate of one server.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) server: Server,
    pub(crate) chance: Arc<Chance>,
    pub(crate) tasks: Arc<Tasks>,
}

impl Gate {
    /// Others may go first. A server that is killed here never comes through, nor does anything else it is at.
    pub(crate) async fn pause(&self) {
        if self.chance.fault("server killed", 120) {
            self.tasks.doom(self.server);
        }
        if self.tasks.is_doomed(self.server) {
            return pending().await;
        }
        if self.chance.one_in(3) {
            others_first().await;
        }
    }

    /// The same, and the store may say that it could not do it, whether it did or not.
    pub(crate) async fn pass(&self) -> Result<(), StoreError> {
        self.pause().await;
        if self.chance.fault("store failed", 80) {
            let cause = "so chance has it".to_owned();
            return Err(StoreError::Unavailable { doing: "whatever it was", cause });
        }
        Ok(())
    }

    /// Writes down what the server is about to write.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        self.chance.tell(|| format!("  {:?}: {}", self.server, what()));
    }

    /// Something was written.
    pub(crate) fn set_written(&self) {
        self.tasks.set_written(self.server);
    }
}

/// Reads through the gate of a store.
macro_rules! read {
    ($store:ident.$method:ident($($argument:expr),*)) => {{
        $store.gate.pass().await?;
        $store.inner.$method($($argument),*).await
    }};
}

/// Writes through the gate of a store: what comes after it may not be heard any more.
macro_rules! write_through {
    ($store:ident.$method:ident($($argument:expr),*)) => {{
        $store.gate.pass().await?;
        let done = $store.inner.$method($($argument),*).await;
        $store.gate.tell(|| format!("{}: {done:?}", stringify!($method)));
        $store.gate.set_written();
        $store.gate.pass().await?;
        done
    }};
}

pub(crate) use {read, write_through};
