//! The my page context, joined: views from events, read over gRPC.

mod rebuild;

use std::sync::Arc;

use grpc_mypage::{BookingStreams, CaughtUp, MyPageGrpc, NextCommit, ViewsConsumer};
use grpc_server::limits::{DECODE_BYTES_MAX, ENCODE_BYTES_MAX};
use mypage::MyPage;
use proto::boxoffice::mypage::v1::my_page_service_server::{MyPageServiceServer, SERVICE_NAME};
use runtime::{Context, Platform, Settings, StartError, open_database};
use sea_orm_database::Database;
use sea_orm_mypage::{SeaOrmViewStore, migrations};

pub use rebuild::{KnownBooking, RebuildViewError, Rebuilt, ViewSource, read_fact, rebuild};

/// Opens the context's database, with this version's schema.
///
/// # Errors
/// [`StartError`] when it cannot be used.
pub async fn open(settings: &Settings) -> Result<Database, StartError> {
    open_database(settings, "mypage", migrations()).await
}

/// Opens the database and joins the context's cells.
///
/// # Errors
/// [`StartError`] when the database cannot be used.
pub async fn start(platform: &Platform) -> Result<Context, StartError> {
    platform.claim("mypage")?;
    let database = open(&platform.settings).await?;
    let store = SeaOrmViewStore::new(database.clone(), platform.settings.batching);
    let my_page = Arc::new(MyPage { store: Arc::new(store) });
    let stopping = platform.stopping.clone();
    let caught_up =
        CaughtUp { next_commit: next_commit(database.clone()), stopping: stopping.clone() };
    let watching = BookingStreams::new(
        Arc::clone(&my_page),
        database.changes(),
        platform.watchers.clone(),
        stopping,
    );
    let grpc = MyPageGrpc { my_page: Arc::clone(&my_page), watching, caught_up };
    let service = MyPageServiceServer::new(grpc)
        .max_decoding_message_size(DECODE_BYTES_MAX)
        .max_encoding_message_size(ENCODE_BYTES_MAX);
    Ok(Context {
        name: "mypage",
        services: vec![SERVICE_NAME],
        add_services: Box::new(|routes| routes.add_service(service)),
        handlers: vec![Arc::new(ViewsConsumer::new(my_page))],
        database,
        beside: None,
        hooks: None,
    })
}

fn next_commit(database: Database) -> NextCommit {
    Arc::new(move || {
        let mut commits = database.committed();
        Box::pin(async move { commits.notified().await })
    })
}
