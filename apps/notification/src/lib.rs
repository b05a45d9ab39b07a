//! The notification context, joined: letters from events, read over gRPC.

use std::sync::Arc;

use grpc_notification::{LettersConsumer, NotificationGrpc};
use grpc_server::limits::{DECODE_BYTES_MAX, ENCODE_BYTES_MAX};
use notification::Notifying;
use proto::boxoffice::notification::v1::notification_service_server::{
    NotificationServiceServer, SERVICE_NAME,
};
use runtime::{Context, Platform, Settings, StartError, open_database};
use sea_orm_database::Database;
use sea_orm_notification::{SeaOrmNotificationStore, migrations};

/// Opens the context's database, with this version's schema.
///
/// # Errors
/// [`StartError`] when it cannot be used.
pub async fn open(settings: &Settings) -> Result<Database, StartError> {
    open_database(settings, "notification", migrations()).await
}

/// Opens the database and joins the context's cells.
///
/// # Errors
/// [`StartError`] when the database cannot be used.
pub async fn start(platform: &Platform) -> Result<Context, StartError> {
    platform.claim("notification")?;
    let database = open(&platform.settings).await?;
    let store = SeaOrmNotificationStore::new(database.clone(), platform.settings.batching);
    let notifying = Arc::new(Notifying {
        store: Arc::new(store),
        clock: Arc::clone(&platform.clock),
        ids: Arc::clone(&platform.ids),
    });
    let service =
        NotificationServiceServer::new(NotificationGrpc { notifying: Arc::clone(&notifying) })
            .max_decoding_message_size(DECODE_BYTES_MAX)
            .max_encoding_message_size(ENCODE_BYTES_MAX);
    Ok(Context {
        name: "notification",
        services: vec![SERVICE_NAME],
        add_services: Box::new(|routes| routes.add_service(service)),
        handlers: vec![Arc::new(LettersConsumer::new(notifying))],
        database,
        beside: None,
        hooks: None,
    })
}
