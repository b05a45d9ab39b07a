//! The payment context, joined: charges and refunds over gRPC, the provider, and the sweep that finds out
//! what became of what nobody answered.

mod provider;
mod refunds;
mod snapshots;

use std::sync::Arc;
use std::time::Duration;

use grpc_payment::{PaymentGrpc, RefundConsumer, envelope};
use grpc_server::limits::{DECODE_BYTES_MAX, ENCODE_BYTES_MAX};
use payment::{BreakerState, Guard, GuardRules, Paying};
use proto::boxoffice::payment::v1::payment_service_server::{PaymentServiceServer, SERVICE_NAME};
use provider::Provider;
use runtime::{Context, PaymentProvider, Platform, Settings, StartError, Switch, open_database};
use sea_orm_database::Database;
use sea_orm_payment::{SeaOrmSettlementStore, measure, migrations};
use telemetry_metrics::before_reading;
use telemetry_metrics::names::{PAYMENT_BREAKER, PAYMENT_CHARGES_NOT_SENT};

pub use refunds::{
    FoundRefunds, NotInReview, OUTSIDE, OpenRefund, PROVIDER_REF_CHARS_MAX, RefundReviewError,
    Refunds,
};
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
        guard: Guard::new(guard_rules(&platform.settings)),
        clock: Arc::clone(&platform.clock),
        ids: Arc::clone(&platform.ids),
    });
    let (beside, hooks) = (provider.ledger(), provider.listen(platform, &paying).await?);
    let measured = database.clone();
    platform.measure("payment.measure", &database, move || {
        let database = measured.clone();
        async move { measure(&database).await }
    });
    show_guard(platform, &paying);
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

fn guard_rules(settings: &Settings) -> GuardRules {
    GuardRules {
        breaks: settings.payment_breaker == Switch::On,
        at_once_max: settings.payment_at_once as usize,
        slow_after: Duration::from_millis(settings.payment_slow_ms),
    }
}

/// Has the breaker seen: in the metrics, and beside what the server depends on. It takes no server out of service: one
/// that tells buyers to pay later does its work.
fn show_guard(platform: &Platform, paying: &Arc<Paying>) {
    let states = [
        (BreakerState::Closed, "closed"),
        (BreakerState::HalfOpen, "half_open"),
        (BreakerState::Open, "open"),
    ];
    let measured = Arc::downgrade(paying);
    before_reading(move || {
        let Some(paying) = measured.upgrade() else { return false };
        let (now, refused) = (paying.guard.state(), paying.guard.refused());
        for (state, name) in states {
            PAYMENT_BREAKER.set([name], f64::from(u8::from(state == now)));
        }
        for (reason, count) in [("broken", refused.broken), ("saturated", refused.saturated)] {
            PAYMENT_CHARGES_NOT_SENT.set([reason], as_number(count));
        }
        true
    });
    let told = Arc::downgrade(paying);
    platform.readiness.tells("payment_breaker", move || {
        let now = told.upgrade().map(|paying| paying.guard.state());
        states.into_iter().find(|(state, _)| Some(*state) == now).map(|(_, name)| name)
    });
}

#[expect(clippy::cast_precision_loss, reason = "a number for a dashboard")]
const fn as_number(count: u64) -> f64 {
    count as f64
}

/// Opens the simulated provider's own ledger, with this version's schema.
///
/// # Errors
/// [`StartError`] when it cannot be used.
async fn open_provider(settings: &Settings) -> Result<Database, StartError> {
    open_database(settings, "provider", provider_simulated::migrations()).await
}
