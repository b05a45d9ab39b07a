//! The gateway, joined: REST in front of the contexts' gRPC servers.

mod endpoints;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grpc_server::Drained;
use kernel::IdSource;
use rest_gateway::{Cors, Gateway, HttpSettings, Stopping, serve_http};
use runtime::{Process, StartError, UuidV7Ids};
use tokio::net::TcpListener;
use tonic::transport::Channel;

pub use endpoints::{Channels, Endpoints};

/// Binds the REST port.
///
/// # Errors
/// [`StartError::Port`] that names `REST_ADDR`.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|cause| StartError::Port { name: "REST_ADDR", address, cause })
}

/// Serves the contract's public rpcs as REST on a bound port; `backends` gives the channel to a service.
///
/// # Errors
/// [`StartError`] when the contract cannot be served, which a test rules out.
pub fn serve(
    process: &mut Process,
    listener: TcpListener,
    backends: impl Fn(&str) -> Option<Channel>,
) -> Result<(), StartError> {
    let gateway = Gateway::new(proto::FILE_DESCRIPTOR_SET, backends);
    let gateway = gateway.map_err(|error| StartError::Other(format!("the contract: {error}")))?;
    let ids = Arc::new(UuidV7Ids::default());
    let router = gateway.with_request_ids(move || ids.next().to_string()).router();
    let router = Cors::new(&process.settings.cors_origins).around(router);
    let drain_deadline = Duration::from_millis(process.settings.shutdown_drain_ms);
    let settings = HttpSettings { drain_deadline, ..HttpSettings::default() };
    let draining = process.draining();
    process.outer_door("rest", move |stop| async move {
        serve_http(listener, router, settings, Stopping { draining, stop }).await;
        Ok::<_, String>(Drained::Cleanly)
    });
    Ok(())
}
