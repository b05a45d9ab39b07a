//! The payment context, joined: charges and refunds over gRPC, the provider, and the sweep that finds out
//! what became of what nobody answered.

mod provider;
mod snapshots;

use std::sync::Arc;

use grpc_payment::{PaymentGrpc, RefundConsumer, envelope};
use grpc_server::limits::{DECODE_BYTES_MAX, ENCODE_BYTES_MAX};
use payment::Paying;
use proto::boxoffice::payment::v1::payment_service_server::{PaymentServiceServer, SERVICE_NAME};
use provider::Provider;
use runtime::{Context, PaymentProvider, Platform, Settings, StartError, open_database};
use sea_orm_database::Database;
use sea_orm_payment::{SeaOrmSettlementStore, measure, migrations};

pub use snapshots::Snapshots;

/// Settlements that one pass of the sweep takes at most.
const SWEEP_ROWS_MAX: u32 = 50;

/// Opens the context's database, with this version's schema.
///
/// # Errors
/// [`StartError`] when it cannot be used.
async fn open(settings: &Settings) -> Result<Database, StartError> {
    open_database(settings, "payment", migrations()).await
}

/// Opens every database that the context needs, with this version's schema.
///
/// # Errors
/// [`StartError`] for the first that cannot be used.
pub async fn open_all(settings: &Settings) -> Result<Vec<Database>, StartError> {
    let mut databases = vec![open(settings).await?];
    if settings.payment_provider == PaymentProvider::Simulated {
        databases.push(open_provider(settings).await?);
    }
    Ok(databases)
}

/// Opens the databases, joins the context's cells and starts its sweep.
///
/// # Errors
/// [`StartError`] when a database or a setting of the provider cannot be used.
pub async fn start(platform: &Platform) -> Result<Context, StartError> {
    let provider = Provider::open(platform).await?;
    platform.claim("payment")?;
    let database = open(&platform.settings).await?;
    let paying = Arc::new(Paying {
        settlements: Arc::new(SeaOrmSettlementStore::new(
            database.clone(),
            envelope,
            platform.settings.batching,
        )),
        provider: provider.port(),
        clock: Arc::clone(&platform.clock),
        ids: Arc::clone(&platform.ids),
    });
    let (beside, hooks) = (provider.ledger(), provider.hooks(platform, &paying).await?);
    let measured = database.clone();
    platform.measure("payment.measure", &database, move || {
        let database = measured.clone();
        async move { measure(&database).await }
    });
    let sweeping = Arc::clone(&paying);
    platform.sweep("payment.sweep", &database, move || {
        let paying = Arc::clone(&sweeping);
        async move { Ok(paying.sweep(SWEEP_ROWS_MAX).await? >= SWEEP_ROWS_MAX as usize) }
    });
    let grpc = PaymentGrpc { paying: Arc::clone(&paying), tasks: platform.tasks.clone() };
    let service = PaymentServiceServer::new(grpc)
        .max_decoding_message_size(DECODE_BYTES_MAX)
        .max_encoding_message_size(ENCODE_BYTES_MAX);
    Ok(Context {
        name: "payment",
        services: vec![SERVICE_NAME],
        add_services: Box::new(|routes| routes.add_service(service)),
        handlers: vec![Arc::new(RefundConsumer::new(paying))],
        database,
        beside,
        hooks,
    })
}

/// Opens the simulated provider's own ledger, with this version's schema.
///
/// # Errors
/// [`StartError`] when it cannot be used.
async fn open_provider(settings: &Settings) -> Result<Database, StartError> {
    open_database(settings, "provider", provider_simulated::migrations()).await
}
