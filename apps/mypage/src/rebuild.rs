//! The rebuild of the view from the other contexts' databases, beside the servers of all of them.

use std::sync::Arc;

use sea_orm_database::{Batching, Database, DatabaseUrl, Schema};
use sea_orm_mypage::{SeaOrmViewStore, migrations};

pub use grpc_mypage::read_fact;
use mypage::Rebuild;
pub use mypage::{KnownBooking, RebuildViewError, Rebuilt, ViewSource};

/// Opens the my page context's database beside its server and makes the view equal to `source`.
///
/// # Errors
/// [`RebuildViewError`]; what was done stands, and another rebuild does the rest.
pub async fn rebuild(
    url: &DatabaseUrl,
    source: Arc<dyn ViewSource>,
) -> Result<Rebuilt, RebuildViewError> {
    let database = Database::open(url, Schema::Expect, migrations()).await?;
    database.check().await?;
    let view = Arc::new(SeaOrmViewStore::new(database.clone(), Batching::On));
    let rebuilt = Rebuild { view, source }.rebuild_view().await;
    database.close().await;
    rebuilt
}
