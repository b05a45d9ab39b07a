//! The gateway, joined: REST, gRPC and gRPC-Web in front of the contexts' gRPC servers.

mod addresses;
mod endpoints;
mod one_port;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grpc_gateway::{Door, DoorSettings, PublicContract};
use grpc_server::Drained;
use kernel::IdSource;
use rest_gateway::{Cors, Gateway, HttpSettings, Stopping, serve_http};
use runtime::{Process, StartError, UuidV7Ids};
use tls_certificates::Protocol;
use tokio::net::TcpListener;
use tonic::transport::Channel;

use addresses::Addresses;
pub use endpoints::{Channels, Endpoints};
pub use grpc_gateway::Counts;

/// Binds the REST port.
///
/// # Errors
/// [`StartError::Port`] that names `REST_ADDR`.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|cause| StartError::Port { name: "REST_ADDR", address, cause })
}

/// Serves the contract's public rpcs as REST, gRPC and gRPC-Web on a bound port; `backends` gives the channel to a
/// service, `counts` says which calls of gRPC nobody else in this process counts. The process has its routes already.
///
/// # Errors
/// [`StartError`] when the contract cannot be served, which a test rules out.
pub fn serve(
    process: &mut Process,
    listener: TcpListener,
    backends: impl Fn(&str) -> Option<Channel>,
    counts: Counts,
) -> Result<(), StartError> {
    let gateway = Gateway::new(proto::FILE_DESCRIPTOR_SET, &backends);
    let gateway = gateway.map_err(|error| StartError::Other(format!("the contract: {error}")))?;
    let ids = Arc::new(UuidV7Ids::default());
    let new_request_id = move || ids.next().to_string();
    let door = door(process, backends, counts, new_request_id.clone())?;
    let router = one_port::beside(
        gateway.with_request_ids(new_request_id).router(),
        door,
        Addresses::new(&process.settings),
    );
    let router = Cors::new(&process.settings.cors_origins).around(router);
    let drain_deadline = Duration::from_millis(process.settings.shutdown_drain_ms);
    let settings = HttpSettings { drain_deadline, ..HttpSettings::default() };
    let acceptor = process.certificates.acceptor(Protocol::Rest);
    let draining = process.draining();
    process.outer_door("rest", move |stop| async move {
        serve_http(listener, acceptor, router, settings, Stopping { draining, stop }).await;
        Ok::<_, String>(Drained::Cleanly)
    });
    Ok(())
}

fn door(
    process: &Process,
    backends: impl Fn(&str) -> Option<Channel>,
    counts: Counts,
    new_request_id: impl Fn() -> String + Send + Sync + 'static,
) -> Result<Door, StartError> {
    let contract = PublicContract::read(proto::FILE_DESCRIPTOR_SET);
    let contract = contract.map_err(|error| StartError::Other(format!("the contract: {error}")))?;
    let local = process.public_routes(contract.services(), contract.descriptors())?;
    let settings = DoorSettings {
        in_flight_max: process.settings.in_flight_max as usize,
        streams_max: process.settings.watchers_max as usize,
        counts,
        stopping: process.stopping(),
        new_request_id: Box::new(new_request_id),
    };
    Ok(Door::new(&contract, backends, local, settings))
}
