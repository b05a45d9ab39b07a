//! Goes on with bookings that are due and that nobody drives (trap R20). Any number of replicas may sweep.

use futures::future::join_all;
use kernel::StoreError;

use super::Bookings;
use super::drive::{Leased, Until};
use crate::Stored;

/// What a sweep did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sweep {
    /// Bookings it had a turn at.
    pub claimed: usize,
    /// What went wrong with some of them. They are due again when their lease is over.
    pub failures: Vec<StoreError>,
    /// Whether the batch was full, so that another sweep should follow at once.
    pub more: bool,
}

impl Bookings {
    /// Takes at most `limit` due bookings and drives each as far as it goes.
    ///
    /// # Errors
    /// [`StoreError`] of the claim.
    pub async fn sweep(&self, limit: u32) -> Result<Sweep, StoreError> {
        let lease = self.new_lease();
        let since = self.clock.now();
        let due = self.store.claim_due(&lease, limit).await?;
        let claimed = due.len();
        let turns = due
            .into_iter()
            .map(|stored| self.take_over(Leased { lease: lease.clone(), since }, stored));
        let failures = join_all(turns).await.into_iter().filter_map(Result::err).collect();
        Ok(Sweep { claimed, failures, more: u32::try_from(claimed).is_ok_and(|n| n >= limit) })
    }

    async fn take_over(&self, leased: Leased, stored: Stored) -> Result<(), StoreError> {
        let Stored { mut booking, process } = stored;
        booking.resume();
        self.drive_under(leased, booking, process.tries, Until::Waiting).await.map(|_| ())
    }
}
