//! The stream of a buyer's bookings: each now, and again whenever it changes.
//!
//! A look takes the rows whose last change has a number above the last one seen. Numbers become visible in their
//! order, so nothing is missed however long a look or the client takes; a row that changed twice between two looks
//! is sent once, as it is then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream};
use grpc_server::refuse;
use kernel::Caller;
use mypage::{Changed, MyPage, ReadError};
use proto::boxoffice::mypage::v1 as pb;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::convert::my_booking;

const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// What one watcher has seen and is about to be sent.
pub(crate) struct Watch {
    my_page: Arc<MyPage>,
    caller: Caller,
    stopping: CancellationToken,
    seen: i64,
    unsent: VecDeque<Changed>,
}

impl Watch {
    /// Takes the first look, so that a caller who may not watch is refused at once.
    pub(crate) async fn begin(
        my_page: Arc<MyPage>,
        caller: Caller,
        stopping: CancellationToken,
    ) -> Result<Self, ReadError> {
        let mut watch = Self { my_page, caller, stopping, seen: 0, unsent: VecDeque::new() };
        watch.look().await?;
        Ok(watch)
    }

    /// The stream, until the client hangs up or the server stops.
    pub(crate) fn stream(
        self,
    ) -> impl Stream<Item = Result<pb::WatchMyBookingsResponse, Status>> + Send + 'static {
        stream::try_unfold(self, |mut watch| async move {
            let next = watch.next().await.map_err(|error| refuse(&error))?;
            Ok(next.map(|changed| {
                let booking = Some(my_booking(changed.booking));
                (pb::WatchMyBookingsResponse { booking }, watch)
            }))
        })
    }

    async fn next(&mut self) -> Result<Option<Changed>, ReadError> {
        while !self.stopping.is_cancelled() {
            if let Some(changed) = self.unsent.pop_front() {
                return Ok(Some(changed));
            }
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = tokio::time::sleep(LOOK_INTERVAL) => self.look().await?,
            }
        }
        Ok(None)
    }

    async fn look(&mut self) -> Result<(), ReadError> {
        let changed = self.my_page.watch_my_bookings(&self.caller, self.seen).await?;
        if let Some(last) = changed.last() {
            self.seen = last.change_number;
        }
        self.unsent.extend(changed);
        Ok(())
    }
}
