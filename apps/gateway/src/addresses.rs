//! How often one address may send requests, whether they bring a token or not.

use std::net::IpAddr;

use axum::extract::Request;
use grpc_client::TurnedAway;
use grpc_server::refuse;
use in_process_rates::{Buckets, Proxies, bucket_of};
use rest_gateway::Peer;
use runtime::RateLimits;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The buckets of all addresses, where there is a limit.
pub(crate) struct Addresses {
    buckets: Option<Buckets<IpAddr>>,
    proxies: Proxies,
}

impl Addresses {
    pub(crate) fn new(limits: &RateLimits) -> Self {
        Self { buckets: limits.of_addresses().map(Buckets::new), proxies: limits.trusted_proxies() }
    }

    /// Marks the request as refused when too many came from its address: the door that it is for answers so.
    pub(crate) fn count(&self, request: &mut Request) {
        let (Some(buckets), Some(address)) = (&self.buckets, self.sender(request)) else { return };
        if let Err(limited) = buckets.take(&bucket_of(address)) {
            request.extensions_mut().insert(TurnedAway(refuse(&limited)));
        }
    }

    fn sender(&self, request: &Request) -> Option<IpAddr> {
        let Peer(peer) = *request.extensions().get()?;
        let forwarded = request.headers().get_all(FORWARDED_FOR).iter();
        // What is no text names nobody, and ends what can be trusted as any other nonsense does.
        let forwarded: Vec<_> = forwarded.map(|value| value.to_str().unwrap_or_default()).collect();
        self.proxies.caller(peer, forwarded.into_iter())
    }
}
