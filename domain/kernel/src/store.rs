//! The vocabulary of every store port: one commit is one value, its verdict another.

use crate::{EventId, Fault, FaultClass};

/// The store could not do its work. Nothing was written, or it is unknown whether it was:
/// run the same command again, never compensate for it (reliability.md F16).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database is away, busy past every retry, or refuses to write.
    #[error("{doing}: {cause}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the database said; for logs only.
        cause: String,
    },
    /// Too many queue for the database; nothing was begun.
    #[error("{doing}: too many are waiting for the database")]
    Overloaded {
        /// What was being done.
        doing: &'static str,
    },
    /// A row that our own code cannot have written.
    #[error("corrupt row in {table}, id {id}, column {column}")]
    CorruptRow {
        /// The table.
        table: &'static str,
        /// The row's key.
        id: String,
        /// The column, or the columns that contradict each other.
        column: &'static str,
    },
}

impl Fault for StoreError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Unavailable { .. } => FaultClass::Unavailable,
            Self::Overloaded { .. } => FaultClass::Exhausted,
            Self::CorruptRow { .. } => FaultClass::Bug,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "UNAVAILABLE",
            Self::Overloaded { .. } => "OVERLOADED",
            Self::CorruptRow { .. } => "INTERNAL",
        }
    }
}

/// The message that led to a commit. It goes into the inbox in the same transaction, so that the
/// same message twice is one commit (trap R29).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The consumer that took the message.
    pub consumer: &'static str,
    /// The message.
    pub event_id: EventId,
}

/// A caller's idempotency key, scoped to the caller and the method (trap R38).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyKey {
    /// Caller and method.
    pub scope: String,
    /// The key the caller sent, 1 to 255 visible characters.
    pub key: String,
    /// Hash of the canonical request: the same key with another request is an error.
    pub fingerprint: Vec<u8>,
}

/// What a commit does to the record of answered keys, in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReplyChange {
    /// The call carried no key and completes none.
    #[default]
    None,
    /// The command has begun; its answer comes with a later commit about the same resource.
    Begin {
        /// The caller's key.
        key: ReplyKey,
        /// The resource whose later commit completes the answer.
        resource_id: String,
    },
    /// The command began and ended with this commit; `body` is its answer as the inbound adapter encoded it.
    Record {
        /// The caller's key.
        key: ReplyKey,
        /// The encoded answer.
        body: Vec<u8>,
    },
    /// All commands begun on the resource end with this answer; none may be open.
    Complete {
        /// The resource named at `Begin`.
        resource_id: String,
        /// The encoded answer.
        body: Vec<u8>,
    },
}

/// What is known about a caller's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedReply {
    /// Hash of the request that first used the key.
    pub fingerprint: Vec<u8>,
    /// The resource named at `Begin`, empty for `Record`.
    pub resource_id: String,
    /// The answer, once there is one.
    pub body: Option<Vec<u8>>,
}

/// How a commit ended. Anything but `Done` has written nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// All of it is durable.
    Done,
    /// The aggregate is not at the expected revision (or exists already): read again and decide again.
    Stale,
    /// The cause was handled by an earlier commit.
    AlreadyHandled,
    /// The idempotency key is taken: look at its reply.
    KeyTaken,
}
