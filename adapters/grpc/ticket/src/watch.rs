//! The stream of what is left of a ticket: now, and again whenever it changes. All who watch the same share one reader,
//! which reads once for each change that it hears of; so a stream without news costs no read. What is kept of it, a
//! stream takes its share of the server's room for slots, and is refused where nothing is left of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use grpc_server::wire::{Check, fingerprint, resume_token};
use grpc_server::{Place, Room, WatcherPlace, Watchers, refuse, stopping};
use in_process_watching::{Changes, Pace, Readers, Source, Watched};
use kernel::{Fault, FaultClass, TicketId};
use prost::Message;
use proto::boxoffice::ticket::v1 as pb;
use telemetry_metrics::names::WATCH_LOOKS;
use ticket::{Availability, GetAvailabilityError, Nights, Ticketing};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{convert, request as read};

/// Slots that all streams of a server show together: a hundred of the largest halls.
pub const WATCHED_SLOTS_MAX: usize = 1_000_000;

/// A ticket on sale changes with every booking: two looks a second show enough of it.
const PACE: Pace = Pace {
    rest: Duration::from_millis(500),
    retry: Duration::from_secs(1),
    relook: Duration::from_secs(15 * 60),
    looks_at_once: 2,
};

type Of = (TicketId, Option<Nights>);

/// The streams of what is left.
pub struct AvailabilityStreams {
    ticketing: Arc<Ticketing>,
    readers: Readers<Option<Nights>, Left>,
    watchers: Watchers,
    slots: Room,
    stopping: CancellationToken,
}

/// What is left of one ticket or of some of its nights, as it was seen last.
struct Left {
    ticketing: Arc<Ticketing>,
    of: Of,
    seen: watch::Sender<Option<Seen>>,
}

type Seen = Result<Arc<Shown>, Arc<GetAvailabilityError>>;

/// What is sent of it.
struct Shown {
    availability: pb::Availability,
    fingerprint: u64,
    resume_token: String,
}

/// One stream.
struct Stream {
    _watched: Arc<Watched<Option<Nights>, Left>>,
    news: watch::Receiver<Option<Seen>>,
    /// The fingerprint of what its client knows.
    known: Option<u64>,
    stopping: CancellationToken,
    _places: (WatcherPlace, Place),
}

pub(crate) type Answers = BoxStream<'static, Result<pb::WatchAvailabilityResponse, Status>>;

impl AvailabilityStreams {
    /// Streams that follow these changes, in the rooms for watchers and for the slots that they show, until the server
    /// stops.
    #[must_use]
    pub fn new(
        ticketing: Arc<Ticketing>,
        changes: &Changes,
        (watchers, slots): (Watchers, Room),
        stopping: CancellationToken,
    ) -> Self {
        WATCH_LOOKS.begin(["WatchAvailability"]);
        Self { ticketing, readers: Readers::new(changes, PACE), watchers, slots, stopping }
    }

    /// Begins a stream. A ticket that is not there, and one that there is no room to watch, are refused at once.
    pub(crate) async fn watch(
        &self,
        request: Request<pb::WatchAvailabilityRequest>,
    ) -> Result<Response<Answers>, Status> {
        let wire = request.get_ref();
        let dates = (wire.start_date.as_ref(), wire.end_date.as_ref());
        let of = read::availability(&wire.ticket_id, dates).map_err(|e| refuse(&e))?;
        let mut check = Check::new();
        let known = check.resume_token("resume_token", &wire.resume_token, &name(&of));
        check.finish().map_err(|e| refuse(&e))?;
        let place = self.watchers.enter(&request)?;
        let watched = self.readers.watch(&of.0.to_string(), of.1, || Left {
            ticketing: Arc::clone(&self.ticketing),
            of,
            seen: watch::Sender::new(None),
        });
        let mut news = watched.source().seen.subscribe();
        let first = news.wait_for(Option::is_some).await.map(|seen| seen.clone());
        let first = first.ok().flatten().ok_or_else(stopping)?.map_err(|e| refuse(&*e))?;
        let share = self.slots.enter(first.availability.slots.len().max(1))?;
        // What was there before it began is its first answer, unless the client knows it.
        news.mark_changed();
        let stopping = self.stopping.clone();
        let places = (place, share);
        let stream = Stream { _watched: watched, news, known, stopping, _places: places };
        let answers = stream::unfold(Some(stream), |stream| async move {
            let mut stream = stream?;
            let next = stream.next().await;
            let goes_on = next.is_ok().then_some(stream);
            Some((next, goes_on))
        });
        Ok(Response::new(answers.boxed()))
    }
}

impl Stream {
    async fn next(&mut self) -> Result<pb::WatchAvailabilityResponse, Status> {
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return Err(stopping()),
                changed = self.news.changed() => changed.map_err(|_| stopping())?,
            }
            let seen = self.news.borrow_and_update().clone();
            let shown = match seen {
                Some(Ok(shown)) if Some(shown.fingerprint) != self.known => shown,
                Some(Err(error)) => return Err(refuse(&*error)),
                Some(Ok(_)) | None => continue,
            };
            self.known = Some(shown.fingerprint);
            return Ok(pb::WatchAvailabilityResponse {
                availability: Some(shown.availability.clone()),
                resume_token: shown.resume_token.clone(),
            });
        }
    }
}

#[async_trait]
impl Source for Left {
    async fn look(&self) -> bool {
        WATCH_LOOKS.add(["WatchAvailability"]);
        let (ticket_id, nights) = self.of;
        let looked = self.ticketing.get_availability(ticket_id, nights).await;
        let passing = looked.as_ref().is_err_and(passes);
        if passing && matches!(*self.seen.borrow(), Some(Ok(_))) {
            // Who watches already waits for the next look.
            return false;
        }
        let seen = looked.map(|read| Arc::new(Shown::of(&read, &self.of))).map_err(Arc::new);
        self.seen.send_if_modified(|before| {
            let print = |seen: &Option<Seen>| match seen {
                Some(Ok(shown)) => Some(shown.fingerprint),
                Some(Err(_)) | None => None,
            };
            let seen = Some(seen);
            let changed = print(&seen).is_none() || print(before) != print(&seen);
            *before = seen;
            changed
        });
        !passing
    }
}

/// Whether it may be read at another time.
fn passes(error: &GetAvailabilityError) -> bool {
    matches!(error.class(), FaultClass::Unavailable | FaultClass::Exhausted)
}

impl Shown {
    fn of(read: &Availability, of: &Of) -> Self {
        let availability = convert::availability(read);
        // Two readings at different times tell the same.
        let timeless = pb::Availability { read_time: None, ..availability.clone() };
        let fingerprint = fingerprint(&timeless.encode_to_vec());
        Self { availability, fingerprint, resume_token: resume_token(fingerprint, &name(of)) }
    }
}

/// What it is a stream of.
fn name((ticket_id, nights): &Of) -> Vec<u8> {
    let nights = nights.map(|nights| format!(" {} {}", nights.from(), nights.until()));
    format!("{ticket_id}{}", nights.unwrap_or_default()).into_bytes()
}
