//! The ticket context as a server of its own.

use runtime::{NoEndpoints, serve_context};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    serve_context(
        "ticket",
        env!("CARGO_PKG_NAME"),
        "Tickets, their stock and holds on it",
        async |settings| Ok(vec![boxoffice_ticket::open(settings).await?]),
        async |_, platform, NoEndpoints {}| boxoffice_ticket::start(platform).await,
    )
}
