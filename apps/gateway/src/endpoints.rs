//! Where the servers are that the gateway stands in front of.

use std::collections::BTreeMap;

use clap::Args;
use grpc_server::PeerAddresses;
use runtime::{Process, StartError, endpoint};
use tonic::transport::Channel;

/// The addresses of all contexts' servers.
#[derive(Debug, Clone, Args)]
pub struct Endpoints {
    /// Where ticket is: http://host:port or https://host:port, whose name may stand for many addresses; several by commas
    #[arg(long, env = "TICKET_ENDPOINT", global = true)]
    ticket_endpoint: Option<PeerAddresses>,

    /// Where booking is
    #[arg(long, env = "BOOKING_ENDPOINT", global = true)]
    booking_endpoint: Option<PeerAddresses>,

    /// Where payment is
    #[arg(long, env = "PAYMENT_ENDPOINT", global = true)]
    payment_endpoint: Option<PeerAddresses>,

    /// Where notification is
    #[arg(long, env = "NOTIFICATION_ENDPOINT", global = true)]
    notification_endpoint: Option<PeerAddresses>,

    /// Where mypage is
    #[arg(long, env = "MYPAGE_ENDPOINT", global = true)]
    mypage_endpoint: Option<PeerAddresses>,
}

/// The channel to each context's server, by the context's name.
pub struct Channels(BTreeMap<&'static str, Channel>);

impl Endpoints {
    /// Channels to all of them. Without ticket and booking there is nothing to begin with.
    ///
    /// # Errors
    /// [`StartError`] that names the first that is not set.
    pub fn channels(&self, process: &mut Process) -> Result<Channels, StartError> {
        let mut channels = BTreeMap::new();
        for (context, name, addresses, at_first) in self.all() {
            let addresses = endpoint(name, addresses)?;
            channels.insert(context, process.peer(context, addresses, at_first)?);
        }
        Ok(Channels(channels))
    }

    const fn all(&self) -> [(&'static str, &'static str, Option<&PeerAddresses>, bool); 5] {
        [
            ("ticket", "TICKET_ENDPOINT", self.ticket_endpoint.as_ref(), true),
            ("booking", "BOOKING_ENDPOINT", self.booking_endpoint.as_ref(), true),
            ("payment", "PAYMENT_ENDPOINT", self.payment_endpoint.as_ref(), false),
            ("notification", "NOTIFICATION_ENDPOINT", self.notification_endpoint.as_ref(), false),
            ("mypage", "MYPAGE_ENDPOINT", self.mypage_endpoint.as_ref(), false),
        ]
    }
}

impl Channels {
    /// The channel to a service by its full name: `boxoffice.ticket.v1.TicketService`.
    #[must_use]
    pub fn to(&self, service: &str) -> Option<Channel> {
        self.0.get(service.split('.').nth(1)?).cloned()
    }
}

impl runtime::Endpoints for Endpoints {
    fn addresses(&self) -> Vec<(&'static str, Option<&PeerAddresses>)> {
        self.all().into_iter().map(|(_, name, addresses, _)| (name, addresses)).collect()
    }
}
