//! All contexts in one process: files of SQLite or databases of a server, a bus inside or NATS, and
//! calls over in-process pipes.

use std::net::SocketAddr;
use std::sync::Arc;

use grpc_server::{ListenerSettings, pipe};
use in_process_bus::{BusSettings, InProcessBus};
use runtime::{Bus, Context, Platform, Process, StartError, bind};
use tls_certificates::Protocol;
use tonic::transport::Channel;

/// Where a started platform listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// REST and OpenAPI.
    pub rest: SocketAddr,
    /// gRPC.
    pub grpc: SocketAddr,
    /// `/live`, `/ready`, `/metrics`.
    pub admin: SocketAddr,
}

/// Binds every port, opens every database and joins the contexts; [`Process::run`] then serves.
///
/// # Errors
/// [`StartError`] with the setting to change.
pub async fn start(process: &mut Process) -> Result<Addresses, StartError> {
    let settings = process.settings.clone();
    let acceptor = process.certificates.acceptor(Protocol::Grpc);
    let grpc = bind("GRPC_ADDR", settings.grpc_addr, ListenerSettings::grpc(), acceptor).await?;
    let rest = boxoffice_gateway::bind(settings.rest_addr).await?;
    let unknown =
        |cause| StartError::Port { name: "REST_ADDR", address: settings.rest_addr, cause };
    let addresses = Addresses {
        rest: rest.local_addr().map_err(unknown)?,
        grpc: grpc.address(),
        admin: process.admin_address,
    };

    let (pipe, channel) = pipe();
    process.keep_keys();
    let nats = Bus::nats(process).await?;
    let platform = Platform::new(process);
    let contexts = start_contexts(&platform, &channel).await?;
    let bus = nats.unwrap_or_else(|| bus_within(process, &contexts));
    let services: Vec<_> = contexts.iter().flat_map(|context| context.services.clone()).collect();
    let mut routes = process.routes(&services).await?;
    for context in contexts {
        routes = platform.host(process, context, &bus, routes);
    }
    let server = process.server(routes);
    let inner = server.clone();
    process
        .inner_door("pipe", move |stopping| async move { inner.serve_pipe(pipe, stopping).await });
    process.outer_door("grpc", move |stopping| async move { server.serve(grpc, stopping).await });
    let counts = boxoffice_gateway::Counts::ItsOwn;
    boxoffice_gateway::serve(process, rest, move |_service| Some(channel.clone()), counts)?;
    Ok(addresses)
}

async fn start_contexts(
    platform: &Platform,
    channel: &Channel,
) -> Result<Vec<Context>, StartError> {
    Ok(vec![
        boxoffice_ticket::start(platform).await?,
        boxoffice_payment::start(platform).await?,
        boxoffice_booking::start(platform, channel.clone(), channel.clone()).await?,
        boxoffice_notification::start(platform).await?,
        boxoffice_mypage::start(platform).await?,
    ])
}

fn bus_within(process: &mut Process, contexts: &[Context]) -> Bus {
    let handlers = contexts.iter().flat_map(|context| context.handlers.clone()).collect();
    let bus = Arc::new(InProcessBus::new(handlers, BusSettings::default()));
    let closing = Arc::clone(&bus);
    process.close_at_end(async move { closing.close().await });
    Bus::within(bus)
}
