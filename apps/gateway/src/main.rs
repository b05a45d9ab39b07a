//! The gateway as a server of its own.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    runtime::serve_gateway(
        "REST, gRPC and gRPC-Web in front of the contexts' own servers",
        async |process, endpoints: boxoffice_gateway::Endpoints| {
            let rest = boxoffice_gateway::bind(process.settings.rest_addr).await?;
            let channels = endpoints.channels(process)?;
            let counts = boxoffice_gateway::Counts::All;
            boxoffice_gateway::serve(process, rest, |service| channels.to(service), counts)
        },
    )
}
