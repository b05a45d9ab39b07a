//! The booking context as a server of its own.

use runtime::serve_context;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    serve_context(
        "booking",
        env!("CARGO_PKG_NAME"),
        "Bookings, from the hold to the payment and back",
        async |settings| Ok(vec![boxoffice_booking::open(settings).await?]),
        async |process, platform, endpoints: boxoffice_booking::Endpoints| {
            let (tickets, payments) = endpoints.channels(process)?;
            boxoffice_booking::start(platform, tickets, payments).await
        },
    )
}
