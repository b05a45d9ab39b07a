//! `boxoffice migrate`: every database of the data folder gets this version's schema.

use runtime::{Settings, StartError, prepare_data_dir};

/// Opens each database once, which brings its schema up to date.
///
/// # Errors
/// [`StartError`] for the first that cannot be used.
pub async fn migrate(settings: &Settings) -> Result<(), StartError> {
    prepare_data_dir(&settings.data_dir)?;
    for database in [
        boxoffice_ticket::open(settings).await?,
        boxoffice_booking::open(settings).await?,
        boxoffice_payment::open(settings).await?,
        boxoffice_payment::open_provider(settings).await?,
        boxoffice_notification::open(settings).await?,
        boxoffice_mypage::open(settings).await?,
    ] {
        database.close().await;
    }
    Ok(())
}
