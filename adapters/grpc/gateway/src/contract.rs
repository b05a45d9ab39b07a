//! Which rpcs are public, and what is known of each.

use std::collections::BTreeMap;
use std::time::Duration;

use prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::limits::{READ_DEADLINE, WRITE_DEADLINE};
use crate::visible;

/// Why a contract cannot be passed on.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// The bytes are no file descriptor set, or one with an import missing.
    #[error("the descriptors cannot be read")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// The bytes are no file descriptor set.
    #[error("the descriptors cannot be read")]
    Bytes(#[from] prost::DecodeError),
    /// An rpc asks for what cannot be done.
    #[error("{0} is public and takes a stream, which cannot be sent again")]
    TakesStream(String),
}

/// The rpcs that clients may call, and what they may know of the contract.
#[derive(Debug, Clone)]
pub struct PublicContract {
    pub(crate) rpcs: BTreeMap<String, Rpc>,
    services: Vec<String>,
    descriptors: Vec<u8>,
}

/// One public rpc.
#[derive(Debug, Clone)]
pub(crate) struct Rpc {
    pub(crate) service: String,
    /// Whether it only reads: its rule's verb says so.
    pub(crate) reads: bool,
    /// Whether it answers with a stream.
    pub(crate) streams: bool,
}

impl PublicContract {
    /// Reads an encoded `FileDescriptorSet`.
    ///
    /// # Errors
    /// The descriptors cannot be read, or a public rpc takes a stream.
    pub fn read(descriptors: &[u8]) -> Result<Self, ContractError> {
        let pool = DescriptorPool::decode(descriptors)?;
        let mut rpcs = BTreeMap::new();
        for service in pool.services() {
            for rpc in service.methods() {
                let Some(reads) = reads(&rpc) else { continue };
                if rpc.is_client_streaming() {
                    return Err(ContractError::TakesStream(rpc.full_name().to_owned()));
                }
                let path = format!("/{}/{}", service.full_name(), rpc.name());
                let (service, streams) =
                    (service.full_name().to_owned(), rpc.is_server_streaming());
                rpcs.insert(path, Rpc { service, reads, streams });
            }
        }
        let mut services: Vec<_> = rpcs.values().map(|rpc: &Rpc| rpc.service.clone()).collect();
        services.dedup();
        let is_public = |path: &str| rpcs.contains_key(path);
        let descriptors = visible::part(descriptors, is_public)?;
        Ok(Self { rpcs, services, descriptors })
    }

    /// The full names of the services that have public rpcs.
    #[must_use]
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// An encoded `FileDescriptorSet` of the public rpcs and what they are made of, and of nothing else.
    #[must_use]
    pub fn descriptors(&self) -> &[u8] {
        &self.descriptors
    }
}

impl Rpc {
    /// How long a call may take to be answered, whatever its client allows.
    pub(crate) const fn allowed(&self) -> Duration {
        if self.reads { READ_DEADLINE } else { WRITE_DEADLINE }
    }
}

/// Whether a public rpc only reads; nothing of one that is not public.
fn reads(rpc: &MethodDescriptor) -> Option<bool> {
    let extension = rpc.parent_pool().get_extension_by_name("google.api.http")?;
    let options = rpc.options();
    options.has_extension(&extension).then_some(())?;
    Some(options.get_extension(&extension).as_message()?.has_field_by_name("get"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_public_is_what_rest_serves() {
        let contract = PublicContract::read(proto::FILE_DESCRIPTOR_SET).expect("reads");
        let of = |path: &str| contract.rpcs.get(path);
        let booking = "/boxoffice.booking.v1.BookingService";
        let create = of(&format!("{booking}/CreateBooking")).expect("public");
        assert!(!create.reads && !create.streams);
        assert!(of(&format!("{booking}/GetBooking")).expect("public").reads);
        let watch = of("/boxoffice.ticket.v1.TicketService/WatchAvailability").expect("public");
        assert!(watch.reads && watch.streams);
        for internal in [
            "/boxoffice.ticket.v1.StockService/HoldStock",
            "/boxoffice.payment.v1.PaymentService/ChargePayment",
        ] {
            assert!(of(internal).is_none(), "{internal}");
        }
        assert_eq!(contract.services().len(), 5, "{:?}", contract.services());
    }
}
