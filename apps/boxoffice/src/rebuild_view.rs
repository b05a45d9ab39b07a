//! `boxoffice rebuild-view`: my page's view made equal to what booking and payment have, while all servers run.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_mypage::{KnownBooking, Rebuilt, ViewSource, read_fact, rebuild};
use kernel::{BookingId, StoreError};
use runtime::{Settings, StartError};

use crate::databases::DatabaseArguments;

/// Exit code: a booking could not be read.
const UNREADABLE: u8 = 1;

/// Rebuilds the view and says what was done, in rows, and which bookings it could not read.
///
/// # Errors
/// [`StartError`] that says which database cannot be used and why; running it again goes on.
pub async fn rebuild_view(
    settings: &Settings,
    databases: &DatabaseArguments,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<ExitCode, StartError> {
    let done = rebuilt(settings, databases).await?;
    for (booking_id, error) in &done.unreadable {
        say(&format!("booking {booking_id} cannot be read, its row was left alone: {error}"));
    }
    let Rebuilt { made, replaced, left, removed, unreadable } = done;
    say(&format!("{made} rows made, {replaced} replaced, {left} left, {removed} removed"));
    Ok(if unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(UNREADABLE) })
}

async fn rebuilt(
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
        if let Ok(known) = self.read(bookings).await {
            return Ok(known);
        }
        // One row that cannot be read fails them all, so each is read alone.
        let mut known = Vec::new();
        for booking_id in bookings.iter().copied() {
            match self.read(&[booking_id]).await {
                Ok(alone) => known.extend(alone),
                Err(error) => known.push(KnownBooking { booking_id, facts: Err(error) }),
            }
        }
        Ok(known)
    }
}

impl Sources {
    async fn read(&self, bookings: &[BookingId]) -> Result<Vec<KnownBooking>, StoreError> {
        let payments = self.payments.told(bookings).await?;
        let payments: HashMap<_, _> = payments.into_iter().collect();
        let known = self.bookings.told(bookings).await?.into_iter().map(|(booking_id, told)| {
            let messages = told.iter().chain(payments.get(&booking_id));
            let facts = messages.map(read_fact).collect::<Result<_, _>>();
            let facts = facts.map_err(|error| StoreError::Unavailable {
                doing: "reading a booking as its events tell it",
                cause: format!("{booking_id}: {error}"),
            });
            KnownBooking { booking_id, facts }
        });
        Ok(known.collect())
    }
}
