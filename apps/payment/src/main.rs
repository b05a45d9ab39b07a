//! The payment context as a server of its own.

use runtime::{NoEndpoints, serve_context};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    serve_context(
        "payment",
        env!("CARGO_PKG_NAME"),
        "Charges and refunds",
        boxoffice_payment::open_all,
        async |_, platform, NoEndpoints {}| boxoffice_payment::start(platform).await,
    )
}
