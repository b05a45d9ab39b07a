//! One look of a watcher at the caller's bookings: those that changed since the look before (row T08).

use kernel::Caller;

use super::{MyPage, ReadError};
use crate::Changed;
use crate::limits::WATCH_ROWS_MAX;

impl MyPage {
    /// The calling buyer's bookings that changed after the change numbered `after`, by number, at most
    /// [`WATCH_ROWS_MAX`]; all of them in turn when it begins at 0. The last one's number is the next `after`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn watch_my_bookings(
        &self,
        caller: &Caller,
        after: i64,
    ) -> Result<Vec<Changed>, ReadError> {
        let buyer = caller.buyer()?;
        Ok(self.store.changed_since(&buyer, after, WATCH_ROWS_MAX).await?)
    }
}
