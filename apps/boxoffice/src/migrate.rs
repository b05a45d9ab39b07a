//! `boxoffice migrate`: every context's database gets this version's schema.

use runtime::{Settings, StartError, migrate_databases};

/// Opens each database and brings its schema up to date.
///
/// # Errors
/// [`StartError`] for the first that cannot be used.
pub async fn migrate(settings: &Settings) -> Result<(), StartError> {
    let mut databases = vec![
        boxoffice_ticket::open(settings).await?,
        boxoffice_booking::open(settings).await?,
        boxoffice_notification::open(settings).await?,
        boxoffice_mypage::open(settings).await?,
    ];
    databases.extend(boxoffice_payment::open_all(settings).await?);
    migrate_databases(settings, databases).await
}
