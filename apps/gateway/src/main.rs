//! The gateway as a server of its own.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    runtime::serve_gateway(
        "REST in front of the contexts' own servers",
        async |process, endpoints: boxoffice_gateway::Endpoints| {
            let rest = boxoffice_gateway::bind(process.settings.rest_addr).await?;
            let channels = endpoints.channels(process)?;
            boxoffice_gateway::serve(process, rest, |service| channels.to(service))
        },
    )
}
