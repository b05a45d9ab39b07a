//! The notification context as a server of its own.

use runtime::{NoEndpoints, serve_context};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    serve_context(
        "notification",
        env!("CARGO_PKG_NAME"),
        "Letters to buyers",
        async |settings| Ok(vec![boxoffice_notification::open(settings).await?]),
        async |_, platform, NoEndpoints {}| boxoffice_notification::start(platform).await,
    )
}
