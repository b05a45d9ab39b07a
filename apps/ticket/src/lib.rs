//! The ticket context, joined: tickets and stock over gRPC, holds that expire, tickets that retire.

mod accounts;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use grpc_server::Room;
use grpc_server::limits::{DECODE_BYTES_MAX, ENCODE_BYTES_MAX};
use grpc_ticket::{
    AvailabilityStreams, StockGrpc, StockReturnConsumer, TicketGrpc, WATCHED_SLOTS_MAX,
    encode_hold, encode_reply, envelope,
};
use proto::boxoffice::ticket::v1::stock_service_server::{self, StockServiceServer};
use proto::boxoffice::ticket::v1::ticket_service_server::{self, TicketServiceServer};
use runtime::{Context, Platform, Settings, StartError, open_database};
use sea_orm_database::Database;
use sea_orm_ticket::{SeaOrmTicketStore, migrations};
use ticket::{StuckHold, Ticketing};

pub use accounts::{Accounts, HoldApart, LedgerLine, Mended, SlotAccountsRead, SlotName};
pub use ticket::{Account, CannotMend, Comparison, SlotAccounts, SlotCounts};

/// Holds and tickets that one pass of a sweep takes at most.
const SWEEP_ROWS_MAX: u32 = 200;

/// Opens the context's database, with this version's schema.
///
/// # Errors
/// [`StartError`] when it cannot be used.
pub async fn open(settings: &Settings) -> Result<Database, StartError> {
    open_database(settings, "ticket", migrations()).await
}

/// Opens the database, joins the context's cells and starts its sweeps.
///
/// # Errors
/// [`StartError`] when the database cannot be used.
pub async fn start(platform: &Platform) -> Result<Context, StartError> {
    platform.claim("ticket")?;
    let database = open(&platform.settings).await?;
    let batching = platform.settings.batching;
    let store = Arc::new(SeaOrmTicketStore::new(database.clone(), envelope, batching));
    let ticketing = Arc::new(Ticketing {
        store: Arc::<SeaOrmTicketStore>::clone(&store),
        stock: store,
        clock: Arc::clone(&platform.clock),
        ids: Arc::clone(&platform.ids),
        encode_reply,
        encode_hold,
    });
    sweep(platform, &database, &ticketing);
    let tickets = TicketServiceServer::new(TicketGrpc {
        ticketing: Arc::clone(&ticketing),
        tasks: platform.tasks.clone(),
        watching: AvailabilityStreams::new(
            Arc::clone(&ticketing),
            database.changes(),
            (platform.watchers.clone(), Room::new(WATCHED_SLOTS_MAX)),
            platform.stopping.clone(),
        ),
    })
    .max_decoding_message_size(DECODE_BYTES_MAX)
    .max_encoding_message_size(ENCODE_BYTES_MAX);
    let stock = StockGrpc { ticketing: Arc::clone(&ticketing), tasks: platform.tasks.clone() };
    let stock = StockServiceServer::new(stock)
        .max_decoding_message_size(DECODE_BYTES_MAX)
        .max_encoding_message_size(ENCODE_BYTES_MAX);
    Ok(Context {
        name: "ticket",
        services: vec![ticket_service_server::SERVICE_NAME, stock_service_server::SERVICE_NAME],
        add_services: Box::new(|routes| routes.add_service(tickets).add_service(stock)),
        handlers: vec![Arc::new(StockReturnConsumer::new(ticketing))],
        database,
        beside: None,
        hooks: None,
    })
}

fn sweep(platform: &Platform, database: &Database, ticketing: &Arc<Ticketing>) {
    let expiring = Arc::clone(ticketing);
    let told = Arc::new(Mutex::new(BTreeSet::new()));
    platform.sweep("ticket.expire_holds", database, move || {
        let (ticketing, told) = (Arc::clone(&expiring), Arc::clone(&told));
        async move {
            let swept = ticketing.expire_holds(SWEEP_ROWS_MAX).await?;
            tell_stuck(&told, swept.stuck);
            if swept.overdue_pins > 0 {
                tracing::warn!(
                    holds = swept.overdue_pins,
                    "holds are pinned for longer than any payment takes"
                );
            }
            Ok(swept.more)
        }
    });
    let retiring = Arc::clone(ticketing);
    platform.sweep("ticket.finish_retirements", database, move || {
        let ticketing = Arc::clone(&retiring);
        async move {
            let finished = ticketing.finish_retirements(SWEEP_ROWS_MAX).await?;
            Ok(finished >= SWEEP_ROWS_MAX as usize)
        }
    });
}

/// Tells of each once, as long as it stays stuck: a sweep may follow every commit.
fn tell_stuck(told: &Mutex<BTreeSet<String>>, stuck: Vec<StuckHold>) {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::take(&mut *told);
    for StuckHold { hold_id, why: error } in stuck {
        let hold_id = hold_id.to_string();
        if !before.contains(&hold_id) {
            tracing::error!(hold_id, %error, "a due hold cannot expire");
        }
        told.insert(hold_id);
    }
}
