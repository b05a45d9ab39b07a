//! The contract: messages, clients and servers generated from `boxoffice/` and `google/`, and their descriptors.
//!
//! The modules mirror the proto packages: `proto::boxoffice::ticket::v1::Ticket`.
#![allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    unreachable_pub,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/contract.rs"));

/// The encoded `FileDescriptorSet` of every file with imports, comments and options: for reflection, REST and OpenAPI.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
