//! The stream of what is left of a ticket: now, and again whenever it changes. Each look reads every slot, so a stream
//! takes as much of the server's room for them as it has slots, and is refused where nothing is left of it.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream};
use grpc_server::{Place, Room, refuse};
use kernel::TicketId;
use proto::boxoffice::ticket::v1 as pb;
use ticket::{Availability, GetAvailabilityError, Nights, Ticketing};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::convert;

const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Slots that all streams of a server look at together, twice a second: ten of the largest halls.
pub const WATCHED_SLOTS_MAX: usize = 100_000;

/// What one watcher was sent and is about to be sent.
pub(crate) struct Watch {
    ticketing: Arc<Ticketing>,
    of: (TicketId, Option<Nights>),
    stopping: CancellationToken,
    sent: Option<Availability>,
    seen: Availability,
    _place: Place,
}

impl Watch {
    /// Takes the first look, so that a ticket that is not there, and one that there is no room to watch, are refused at
    /// once.
    pub(crate) async fn begin(
        ticketing: Arc<Ticketing>,
        of: (TicketId, Option<Nights>),
        stopping: CancellationToken,
        room: &Room,
    ) -> Result<Self, Status> {
        let seen = ticketing.get_availability(of.0, of.1).await.map_err(|error| refuse(&error))?;
        let place = room.enter(seen.slots.len().max(1))?;
        Ok(Self { ticketing, of, stopping, sent: None, seen, _place: place })
    }

    /// The stream, until the client hangs up or the server stops.
    pub(crate) fn stream(
        self,
    ) -> impl Stream<Item = Result<pb::WatchAvailabilityResponse, Status>> + Send + 'static {
        stream::try_unfold(self, |mut watch| async move {
            let next = watch.next().await.map_err(|error| refuse(&error))?;
            Ok(next.map(|left| {
                let availability = Some(convert::availability(&left));
                (pb::WatchAvailabilityResponse { availability }, watch)
            }))
        })
    }

    async fn next(&mut self) -> Result<Option<Availability>, GetAvailabilityError> {
        while !self.stopping.is_cancelled() {
            if !self.sent.as_ref().is_some_and(|sent| sent.same_as(&self.seen)) {
                self.sent = Some(self.seen.clone());
                return Ok(self.sent.clone());
            }
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = tokio::time::sleep(LOOK_INTERVAL) => {
                    self.seen = self.ticketing.get_availability(self.of.0, self.of.1).await?;
                }
            }
        }
        Ok(None)
    }
}
