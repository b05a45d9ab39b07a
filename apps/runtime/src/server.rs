//! The `main` of every server of its own: one context, or the gateway.

use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use grpc_server::{Listener, ListenerSettings, PeerAddresses};
use sea_orm_database::Database;
use tls_certificates::Protocol;

use crate::bus::Bus;
use crate::command_line::read_from;
use crate::config::{Settings, shown};
use crate::databases::migrate_databases;
use crate::entry::run;
use crate::platform::{Context, Platform};
use crate::process::{Process, bind};
use crate::program::Program;
use crate::start_error::StartError;
use crate::telemetry::init_telemetry;

/// Where the other servers are that a server calls, as flags and variables of its own.
pub trait Endpoints: Args {
    /// Each variable with its value, if it is set.
    fn addresses(&self) -> Vec<(&'static str, Option<&PeerAddresses>)>;
}

/// The address that a variable holds.
///
/// # Errors
/// [`StartError::Setting`] that names the variable when it is not set.
pub fn endpoint<'a>(
    name: &'static str,
    address: Option<&'a PeerAddresses>,
) -> Result<&'a PeerAddresses, StartError> {
    let problem = "is needed: where that server is, such as http://127.0.0.1:50051";
    address.ok_or_else(|| StartError::Setting { name, problem: problem.to_owned() })
}

/// What the gateway is called.
const GATEWAY: &str = "boxoffice-gateway";

/// Of a server that calls no other.
#[derive(Debug, Args)]
pub struct NoEndpoints {}

#[derive(Debug, Parser)]
#[command(version)]
struct CommandLine<E: Endpoints, C: Subcommand> {
    #[command(subcommand)]
    command: Option<C>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    endpoints: E,
}

#[derive(Debug, Subcommand)]
enum ContextCommand {
    /// Serve the context (the default)
    Serve,
    /// Bring the context's database to this version's schema and end
    Migrate,
}

#[derive(Debug, Subcommand)]
enum GatewayCommand {
    /// Serve the gateway (the default)
    Serve,
}

/// The whole `main` of a context's own server. `databases` opens what `migrate` brings up to date;
/// `start` joins the context.
pub fn serve_context<E: Endpoints>(
    context: &'static str,
    name: &'static str,
    about: &'static str,
    databases: impl AsyncFnOnce(&Settings) -> Result<Vec<Database>, StartError>,
    start: impl AsyncFnOnce(&mut Process, &Platform, E) -> Result<Context, StartError>,
) -> ExitCode {
    let line = read_line::<E, ContextCommand>(Program::Context(context), name, about);
    run(line, async |line| {
        let settings = Settings { context: Some(context), ..line.settings };
        init_telemetry(&settings, name)?;
        if settings.database_url.is_none() {
            let problem = "is needed: postgres://user@host/name, mysql://user@host/name, or \
                           sqlite:FILE for a server without replicas";
            return Err(StartError::Setting { name: "DATABASE_URL", problem: problem.to_owned() });
        }
        if let Some(ContextCommand::Migrate) = line.command {
            migrate_databases(&settings, databases(&settings).await?).await?;
            return Ok(ExitCode::SUCCESS);
        }
        if settings.nats_url.is_none() {
            let problem = "is needed: servers of their own hear of each other over NATS, at an \
                           address such as nats://127.0.0.1:4222";
            return Err(StartError::Setting { name: "NATS_URL", problem: problem.to_owned() });
        }
        let (mut process, grpc) = begin(settings).await?;
        process.keep_keys();
        let bus = Bus::nats(&mut process).await?;
        let bus = bus.ok_or_else(|| StartError::Other("NATS_URL is not set".to_owned()))?;
        let platform = Platform::new(&process);
        let context = start(&mut process, &platform, line.endpoints).await?;
        let routes = process.routes(&context.services).await?;
        let routes = platform.host(&mut process, context, &bus, routes);
        serve_grpc(&mut process, grpc, routes);
        process.run().await
    })
}

/// The whole `main` of the gateway. `start` binds its own port and joins it; gRPC is for probes.
pub fn serve_gateway<E: Endpoints>(
    about: &'static str,
    start: impl AsyncFnOnce(&mut Process, E) -> Result<(), StartError>,
) -> ExitCode {
    run(read_line::<E, GatewayCommand>(Program::Gateway, GATEWAY, about), async |line| {
        init_telemetry(&line.settings, GATEWAY)?;
        let (mut process, grpc) = begin(line.settings).await?;
        process.forgo_keys();
        let routes = process.routes(&[]).await?;
        start(&mut process, line.endpoints).await?;
        serve_grpc(&mut process, grpc, routes);
        process.run().await
    })
}

fn read_line<E: Endpoints, C: Subcommand>(
    program: Program,
    name: &'static str,
    about: &'static str,
) -> Result<Option<CommandLine<E, C>>, StartError> {
    let command = CommandLine::<E, C>::command().name(name).about(about);
    read_from(program, command, std::env::args_os(), |line: &CommandLine<E, C>| {
        let addresses = line.endpoints.addresses().into_iter();
        addresses.map(|(name, address)| (name, shown(address))).collect()
    })
}

/// Ports are taken before anything slow, so that a wrong one is known at once.
async fn begin(settings: Settings) -> Result<(Process, Listener), StartError> {
    let address = settings.grpc_addr;
    let process = Process::begin(settings).await?;
    let acceptor = process.certificates.acceptor(Protocol::Grpc);
    let grpc = bind("GRPC_ADDR", address, ListenerSettings::grpc(), acceptor).await?;
    Ok((process, grpc))
}

fn serve_grpc(process: &mut Process, grpc: Listener, routes: tonic::service::Routes) {
    let server = process.server(routes);
    process.outer_door("grpc", move |stopping| async move { server.serve(grpc, stopping).await });
}

impl Endpoints for NoEndpoints {
    fn addresses(&self) -> Vec<(&'static str, Option<&PeerAddresses>)> {
        Vec::new()
    }
}

impl<E: Endpoints, C: Subcommand> AsRef<Settings> for CommandLine<E, C> {
    fn as_ref(&self) -> &Settings {
        &self.settings
    }
}
