//! Scenarios over the whole path: real servers, each a process of its own over databases that write to disk before they
//! answer. The load comes from this process, which is none of them, over gRPC or REST. What was told is looked for
//! afterwards in the databases, and the audit MUST be clean: numbers of a run that is not right count for nothing.

mod answered;
mod books;
mod buyers;
mod callers;
mod stage;

pub(crate) mod booking;
pub(crate) mod crash;
pub(crate) mod crowd;
pub(crate) mod fairness;
pub(crate) mod fan_out;
pub(crate) mod flood;
pub(crate) mod footprint;
pub(crate) mod gateway;
pub(crate) mod grow;
pub(crate) mod hop;
pub(crate) mod memory;
pub(crate) mod overload;
pub(crate) mod pay_later;
pub(crate) mod reads;
pub(crate) mod replicas;
pub(crate) mod siege;
pub(crate) mod watchers;
