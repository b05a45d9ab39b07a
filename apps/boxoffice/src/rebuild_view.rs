//! `boxoffice rebuild-view`: my page's view made equal to what booking and payment have, while all servers run.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_mypage::{KnownBooking, Rebuilt, ViewSource, read_fact, rebuild};
use clap::Args;
use kernel::{BookingId, StoreError};
use runtime::{Settings, StartError};
use sea_orm_database::DatabaseUrl;

/// Where the three databases are.
#[derive(Debug, Args)]
pub struct RebuildArguments {
    /// The booking context's database, only read [default: the one these settings serve]
    #[arg(long, value_name = "URL")]
    booking: Option<DatabaseUrl>,
    /// The payment context's database, only read [default: the one these settings serve]
    #[arg(long, value_name = "URL")]
    payment: Option<DatabaseUrl>,
    /// The my page context's database, whose view is rebuilt [default: the one these settings serve]
    #[arg(long, value_name = "URL")]
    mypage: Option<DatabaseUrl>,
}

/// Rebuilds the view and says what was done, in rows.
///
/// # Errors
/// [`StartError`] that says which database cannot be used and why; running it again goes on.
pub async fn rebuild_view(
    settings: &Settings,
    arguments: RebuildArguments,
) -> Result<Rebuilt, StartError> {
    let place =
        |given: Option<DatabaseUrl>, name| given.unwrap_or_else(|| database(settings, name));
    let booking = place(arguments.booking, "booking");
    let payment = place(arguments.payment, "payment");
    let mypage = place(arguments.mypage, "mypage");
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

fn database(settings: &Settings, name: &str) -> DatabaseUrl {
    DatabaseUrl::Sqlite(settings.data_dir.join(format!("{name}.db")))
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
