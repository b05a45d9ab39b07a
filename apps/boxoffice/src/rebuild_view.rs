//! `boxoffice rebuild-view`: my page's view made equal to what booking and payment have, while all servers run.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_mypage::{KnownBooking, Rebuilt, ViewSource, read_fact, rebuild};
use kernel::{BookingId, StoreError};
use runtime::{Settings, StartError};

use crate::databases::DatabaseArguments;

/// Rebuilds the view and says what was done, in rows.
///
/// # Errors
/// [`StartError`] that says which database cannot be used and why; running it again goes on.
pub async fn rebuild_view(
    settings: &Settings,
    databases: &DatabaseArguments,
) -> Result<Rebuilt, StartError> {
    let booking = databases.url(settings, "booking")?;
    let payment = databases.url(settings, "payment")?;
    let mypage = databases.url(settings, "mypage")?;
    for url in [&booking, &payment, &mypage] {
        if let Some(file) = url.file().filter(|file| !file.exists()) {
            return Err(StartError::Other(format!("{} does not exist", file.display())));
        }
    }
    let failed = |error: StoreError| StartError::Other(error.to_string());
    let source = Arc::new(Sources {
        bookings: boxoffice_booking::Snapshots::open(&booking).await.map_err(failed)?,
        payments: boxoffice_payment::Snapshots::open(&payment).await.map_err(failed)?,
    });
    let rebuilt = rebuild(&mypage, Arc::<Sources>::clone(&source)).await;
    source.bookings.close().await;
    source.payments.close().await;
    rebuilt.map_err(|error| StartError::Other(error.to_string()))
}

struct Sources {
    bookings: boxoffice_booking::Snapshots,
    payments: boxoffice_payment::Snapshots,
}

#[async_trait]
impl ViewSource for Sources {
    async fn bookings(
        &self,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError> {
        self.bookings.ids(after, rows_max).await
    }

    async fn known(&self, bookings: &[BookingId]) -> Result<Vec<KnownBooking>, StoreError> {
        let payments = self.payments.told(bookings).await?;
        let payments: HashMap<_, _> = payments.into_iter().collect();
        let known = self.bookings.told(bookings).await?.into_iter().map(|(booking_id, told)| {
            let messages = told.iter().chain(payments.get(&booking_id));
            let facts = messages.map(read_fact).collect::<Result<_, _>>();
            let facts = facts.map_err(|error| StoreError::Unavailable {
                doing: "reading a booking as its events tell it",
                cause: format!("{booking_id}: {error}"),
            })?;
            Ok(KnownBooking { booking_id, facts })
        });
        known.collect()
    }
}
