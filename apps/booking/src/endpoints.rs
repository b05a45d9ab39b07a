//! Where the servers are that booking calls.

use clap::Args;
use grpc_server::PeerAddresses;
use runtime::{Process, StartError, endpoint};
use tonic::transport::Channel;

/// The addresses of ticket and payment.
#[derive(Debug, Clone, Args)]
pub struct Endpoints {
    /// Where ticket is: http://host:port or https://host:port, whose name may stand for many addresses; several by commas
    #[arg(long, env = "TICKET_ENDPOINT", global = true)]
    ticket_endpoint: Option<PeerAddresses>,

    /// Where payment is
    #[arg(long, env = "PAYMENT_ENDPOINT", global = true)]
    payment_endpoint: Option<PeerAddresses>,
}

impl Endpoints {
    /// Channels to ticket and to payment.
    ///
    /// # Errors
    /// [`StartError`] that names the one that is not set.
    pub fn channels(&self, process: &mut Process) -> Result<(Channel, Channel), StartError> {
        let ticket = endpoint("TICKET_ENDPOINT", self.ticket_endpoint.as_ref())?;
        let payment = endpoint("PAYMENT_ENDPOINT", self.payment_endpoint.as_ref())?;
        Ok((process.peer("ticket", ticket, true)?, process.peer("payment", payment, true)?))
    }
}

impl runtime::Endpoints for Endpoints {
    fn addresses(&self) -> Vec<(&'static str, Option<&PeerAddresses>)> {
        vec![
            ("TICKET_ENDPOINT", self.ticket_endpoint.as_ref()),
            ("PAYMENT_ENDPOINT", self.payment_endpoint.as_ref()),
        ]
    }
}
