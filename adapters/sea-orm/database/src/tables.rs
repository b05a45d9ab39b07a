//! The names of the tables that every context's database has, and of their columns.

use sea_orm_migration::prelude::DeriveIden;

/// Messages on their way out; a row stays a while after it was published.
#[derive(DeriveIden, Clone, Copy)]
pub(crate) enum Outbox {
    Table,
    Seq,
    Id,
    EventType,
    Source,
    AggregateType,
    AggregateId,
    Version,
    CorrelationId,
    CausationId,
    Traceparent,
    OccurredAtUs,
    Payload,
    CreatedAtUs,
    PublishedAtUs,
    Attempts,
    LastError,
    NextAttemptAtUs,
    Refusals,
    ToldAgain,
    ParkedAtUs,
}

/// Messages that were handled, by consumer.
#[derive(DeriveIden, Clone, Copy)]
pub(crate) enum Inbox {
    Table,
    Consumer,
    EventId,
    ProcessedAtUs,
}

/// Messages a consumer could not handle, whole, for an operator.
#[derive(DeriveIden, Clone, Copy)]
pub(crate) enum DeadLetter {
    Table,
    Consumer,
    EventId,
    EventType,
    Source,
    AggregateType,
    AggregateId,
    Version,
    CorrelationId,
    CausationId,
    Traceparent,
    OccurredAtUs,
    Payload,
    Reason,
    ParkedAtUs,
    RetryAtUs,
    Tries,
}

/// What callers' idempotency keys were answered.
#[derive(DeriveIden, Clone, Copy)]
pub(crate) enum Reply {
    Table,
    Scope,
    Key,
    Fingerprint,
    ResourceId,
    Body,
    CreatedAtUs,
}

/// What operators changed by hand.
#[derive(DeriveIden, Clone, Copy)]
pub(crate) enum OperatorLog {
    Table,
    Seq,
    AtUs,
    Operator,
    Command,
    SubjectId,
    Reason,
    Outcome,
}

/// Who leads what, until when.
#[derive(DeriveIden, Clone, Copy)]
pub(crate) enum Lease {
    Table,
    Name,
    Owner,
    Epoch,
    UntilUs,
}
