//! The mypage context as a server of its own.

use runtime::{NoEndpoints, serve_context};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    serve_context(
        "mypage",
        env!("CARGO_PKG_NAME"),
        "What a buyer sees of their bookings",
        async |settings| Ok(vec![boxoffice_mypage::open(settings).await?]),
        async |_, platform, NoEndpoints {}| boxoffice_mypage::start(platform).await,
    )
}
