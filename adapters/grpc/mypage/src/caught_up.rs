//! Reading your own writes: a read that is ahead of the view waits a moment for it, and asks nobody else.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use kernel::{BookingId, Caller};
use mypage::{GetMyBookingError, MyBooking, MyPage};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a read waits at most; less where its caller's time is shorter.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Another replica may fold what is waited for: its commits are heard of by looking.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two looks, however many commits there are: the view's database has other work.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// Gives a future that ends with the first commit of the view's database after the call.
pub type NextCommit = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Waits for what the view has not seen yet.
pub struct CaughtUp {
    /// The next commit of this process.
    pub next_commit: NextCommit,
    /// Cancelled when the server stops: nobody waits then.
    pub stopping: CancellationToken,
}

impl CaughtUp {
    /// Reads the booking until it is at `min_version` or the time is over; the last answer counts.
    pub(crate) async fn get_my_booking(
        &self,
        my_page: &MyPage,
        caller: &Caller,
        (booking_id, min_version): (BookingId, i64),
        left: Option<Duration>,
    ) -> Result<MyBooking, GetMyBookingError> {
        let until = Instant::now() + left.map_or(WAIT_MAX, |left| left.min(WAIT_MAX));
        loop {
            // Before the read, so that no commit falls between it and the wait.
            let committed = (self.next_commit)();
            let answer = my_page.get_my_booking(caller, booking_id, min_version).await;
            let behind = matches!(answer, Err(GetMyBookingError::Behind { .. }));
            if !behind || Instant::now() >= until || self.stopping.is_cancelled() {
                return answer;
            }
            let next_look = async {
                tokio::time::sleep(LOOK_PAUSE).await;
                tokio::select! {
                    () = committed => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            };
            tokio::select! {
                () = next_look => {}
                () = tokio::time::sleep_until(until) => {}
                () = self.stopping.cancelled() => {}
            }
        }
    }
}
