//! How often one address may send requests, and how many streams it may hold, whether they bring a token or not: which
//! are good, the servers find out.

use std::net::IpAddr;

use axum::extract::Request;
use grpc_client::{StreamRoom, TurnedAway};
use grpc_server::refuse;
use in_process_rates::{Buckets, Places, Proxies, bucket_of};
use rest_gateway::Peer;
use runtime::Settings;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The buckets of all addresses, where there is a limit, and the places of their streams.
pub(crate) struct Addresses {
    buckets: Option<Buckets<IpAddr>>,
    streams: Places<IpAddr>,
    proxies: Proxies,
}

impl Addresses {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            buckets: settings.rates.of_addresses().map(Buckets::new),
            streams: Places::new(settings.watchers_per_address_max as usize),
            proxies: settings.rates.trusted_proxies(),
        }
    }

    /// Marks the request as refused when too many came from its address: the door that it is for answers so. One that
    /// may pass brings along where its address has its streams counted.
    pub(crate) fn count(&self, request: &mut Request) {
        let Some(address) = self.sender(request).map(bucket_of) else { return };
        let taken = self.buckets.as_ref().map(|buckets| buckets.take(&address)).transpose();
        if let Err(limited) = taken {
            request.extensions_mut().insert(TurnedAway(refuse(&limited)));
            return;
        }
        let streams = self.streams.clone();
        let enter = move || streams.enter(address).map_err(|too_many| refuse(&too_many));
        request.extensions_mut().insert(StreamRoom::new(enter));
    }

    fn sender(&self, request: &Request) -> Option<IpAddr> {
        let Peer(peer) = *request.extensions().get()?;
        let forwarded = request.headers().get_all(FORWARDED_FOR).iter();
        // What is no text names nobody, and ends what can be trusted as any other nonsense does.
        let forwarded: Vec<_> = forwarded.map(|value| value.to_str().unwrap_or_default()).collect();
        self.proxies.caller(peer, forwarded.into_iter())
    }
}
