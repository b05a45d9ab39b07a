//! The booking context, joined: bookings over gRPC, calls to ticket and payment, and the sweep that goes on
//! with whatever nobody drives.

mod endpoints;
mod sagas;
mod snapshots;

use std::sync::Arc;

use booking::{Bookings, ChargesHeard, SWEEP_ROWS_MAX};
use grpc_booking::{
    BookingGrpc, PaymentsClient, ProcessConsumer, Rests, ServiceBearer, TicketsClient, Turnstile,
    encode_refusal, encode_reply, envelope,
};
use grpc_server::limits::{DECODE_BYTES_MAX, ENCODE_BYTES_MAX};
use proto::boxoffice::booking::v1::booking_service_server::{BookingServiceServer, SERVICE_NAME};
use runtime::{Context, Platform, Settings, StartError, open_database};
use sea_orm_booking::{SeaOrmBookingStore, measure, migrations};
use sea_orm_database::Database;
use tonic::transport::Channel;

pub use endpoints::Endpoints;

pub use sagas::{CompensateSagaError, FoundBookings, OpenBooking, Process, RetrySagaError, Sagas};
pub use snapshots::Snapshots;

/// Opens the context's database, with this version's schema.
///
/// # Errors
/// [`StartError`] when it cannot be used.
pub async fn open(settings: &Settings) -> Result<Database, StartError> {
    open_database(settings, "booking", migrations()).await
}

/// Opens the database, joins the context's cells and starts its sweep; calls ticket and
/// payment through these channels.
///
/// # Errors
/// [`StartError`] when the database cannot be used.
pub async fn start(
    platform: &Platform,
    tickets: Channel,
    payments: Channel,
) -> Result<Context, StartError> {
    platform.claim("booking")?;
    let database = open(&platform.settings).await?;
    let token = platform.keep_service_token()?;
    let bearer: ServiceBearer = Arc::new(move || token.current());
    let batching = platform.settings.batching;
    let bookings = Arc::new(Bookings {
        store: Arc::new(SeaOrmBookingStore::new(database.clone(), envelope, batching)),
        tickets: Arc::new(TicketsClient::new(tickets, Arc::clone(&bearer), batching)),
        payments: Arc::new(PaymentsClient::new(payments, bearer, batching)),
        clock: Arc::clone(&platform.clock),
        ids: Arc::clone(&platform.ids),
        owner: platform.owner.clone(),
        encode_reply,
        encode_refusal,
        charges_heard: ChargesHeard::default(),
    });
    let measured = database.clone();
    platform.measure("booking.measure", &database, move || {
        let database = measured.clone();
        async move { measure(&database).await }
    });
    let sweeping = Arc::clone(&bookings);
    platform.sweep("booking.sweep", &database, move || {
        let bookings = Arc::clone(&sweeping);
        async move {
            let swept = bookings.sweep(SWEEP_ROWS_MAX).await?;
            for error in swept.failures {
                tracing::warn!(%error, "a booking could not be carried on and will be again");
            }
            Ok(swept.more)
        }
    });
    let grpc = BookingGrpc {
        bookings: Arc::clone(&bookings),
        tasks: platform.tasks.clone(),
        turnstile: Turnstile::new(platform.settings.bookings_at_once as usize),
        rests: Rests::new(Arc::clone(&bookings), batching, platform.tasks.clone()),
    };
    let service = BookingServiceServer::new(grpc)
        .max_decoding_message_size(DECODE_BYTES_MAX)
        .max_encoding_message_size(ENCODE_BYTES_MAX);
    Ok(Context {
        name: "booking",
        services: vec![SERVICE_NAME],
        add_services: Box::new(|routes| routes.add_service(service)),
        handlers: vec![Arc::new(ProcessConsumer::new(bookings))],
        database,
        beside: None,
        hooks: None,
    })
}
